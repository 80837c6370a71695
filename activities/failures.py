"""The one place where Remit's errors become Temporal failures."""

import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from temporalio.exceptions import ApplicationError

from domain.errors import RemitError

P = ParamSpec("P")
R = TypeVar("R")


def translated(run: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Wrap an activity: a RemitError becomes an ApplicationError with its code as type and its retryability."""

    @functools.wraps(run)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await run(*args, **kwargs)
        except RemitError as problem:
            # Without its cause: that may quote an address or an answer, and failures stand in Temporal's history.
            raise ApplicationError(str(problem), type=problem.code, non_retryable=not problem.retryable) from None

    return wrapper
