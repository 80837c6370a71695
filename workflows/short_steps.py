"""Short steps: local activities that ask our own database, and nobody else.

They run inside the workflow task. Their failures are those of the database, so they try until it is back; nothing is
decided in the meantime.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

SHORT = timedelta(seconds=10)
_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))

P = TypeVar("P")
R = TypeVar("R")


async def short_step(method: Callable[[Any, P], Awaitable[R]], request: P, summary: str) -> R:
    """Run a method of an activity as a short step. `summary` is what an admin reads in Temporal's UI."""
    return await workflow.execute_local_activity_method(
        method, request, start_to_close_timeout=SHORT, retry_policy=_RETRY, summary=summary
    )
