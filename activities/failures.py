"""The one place where Remit's errors become Temporal failures."""

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from temporalio.exceptions import ApplicationError

from domain.errors import NotifierUnavailable, RemitError

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
            raise ApplicationError(
                str(problem),
                type=problem.code,
                non_retryable=not problem.retryable,
                next_retry_delay=_delay(problem),
            ) from None

    return wrapper


def _delay(problem: RemitError) -> timedelta | None:
    """Return when to try again, where the other side named it; None leaves that to the retry policy."""
    if not isinstance(problem, NotifierUnavailable) or problem.retry_after is None:
        return None
    return timedelta(seconds=problem.retry_after)
