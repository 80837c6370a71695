"""Showing an action to people: after each change, one showing at a time, and never in the way of a decision."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.notify import Notify, NotifyRequest

_TIMEOUT = timedelta(seconds=30)
_PATIENCE = timedelta(hours=24)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2))


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
            try:
                await workflow.execute_activity_method(
                    Notify.notify,
                    NotifyRequest(action_id=self._action_id, occasions=occasions),
                    start_to_close_timeout=_TIMEOUT,
                    schedule_to_close_timeout=_PATIENCE,
                    retry_policy=_RETRY,
                    summary=f"show: {', '.join(occasions) or 'update'}",
                )
            except ActivityError as failure:
                workflow.logger.error("could not show the action to people: %s", failure.cause)
