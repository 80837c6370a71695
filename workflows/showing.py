"""Showing an action to people: after each change, one showing at a time, and never in the way of a decision."""

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.notify import Notify, NotifyRequest

_TIMEOUT = timedelta(seconds=30)
_PATIENCE = timedelta(hours=24)
_ONCE = RetryPolicy(maximum_attempts=1)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=10)


class Showing:
    """What changed since an action was shown last."""

    def __init__(self, action_id: str) -> None:
        self._action_id = action_id
        self._occasions: list[str] = []
        self._changes = 0
        self._shown = 0
        self._over = False

    def changed(self, *occasions: str) -> None:
        """Note a change; `occasions` name what people should be alerted to."""
        self._changes += 1
        self._occasions.extend(occasions)

    def end(self) -> None:
        """Note that nothing changes any more."""
        self._over = True

    async def keep_shown(self) -> None:
        """Show the action after each change, until nothing changes any more."""
        while not (self._over and self._shown == self._changes):
            await workflow.wait_condition(lambda: self._changes > self._shown)
            self._shown, occasions, self._occasions = self._changes, self._occasions, []
            await self._show(occasions)

    async def _show(self, occasions: list[str]) -> None:
        """Show the action, again and again for a day where some place does not answer, or until it changed anew.

        The pauses are ours, not those of the activity's retries, so that one place that is away does not keep a
        change from the others.
        """
        give_up_at, pause = workflow.now() + _PATIENCE, _FIRST_PAUSE
        while (failure := await self._shown_everywhere(occasions)) is not None:
            told = failure.cause if isinstance(failure.cause, ApplicationError) else None
            hopeless = workflow.now() >= give_up_at or (told is not None and told.non_retryable)
            if hopeless or not workflow.patched("pause-between-showings"):
                workflow.logger.error("could not show the action to people: %s", failure.cause)
                return
            wanted = told.next_retry_delay if told is not None and told.next_retry_delay else pause
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._changes > self._shown, timeout=wanted, timeout_summary="show again"
                )
                self._occasions = [*occasions, *self._occasions]  # what could not be told is told with the next
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _shown_everywhere(self, occasions: list[str]) -> ActivityError | None:
        """Show the action once, everywhere; return what failed."""
        try:
            await workflow.execute_activity_method(
                Notify.notify,
                NotifyRequest(action_id=self._action_id, occasions=occasions),
                start_to_close_timeout=_TIMEOUT,
                retry_policy=_ONCE,
                summary=f"show: {', '.join(occasions) or 'update'}",
            )
        except ActivityError as failure:
            return failure
        return None
