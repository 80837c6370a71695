"""What one action knows of the holds over it.

A hold stops no workflow by itself: claims are refused by the database. A worker signals waiting actions that a hold
was placed or lifted, and the action then looks for itself. It looks again before each vote and each timer too, so
that nothing depends on when the signal comes.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.holds import CheckHolds, HoldRequest
    from workflows.short_steps import short_step

# Actions are told when a hold is lifted. This is for the case that nobody could tell them, and bounds the history of
# an action that is held for weeks.
_LOOK_AGAIN = timedelta(minutes=30)


class HoldWatch:
    """The hold that is on over one action as far as it knows, by name, and whether it was told to look again."""

    def __init__(self, action_id: str) -> None:
        self._action_id = action_id
        self.hold: str | None = None
        self.told = False
        self.was_told = False

    def tell(self) -> None:
        """Note that a hold over the action was placed or lifted."""
        self.told = self.was_told = True

    async def look(self, since: datetime) -> timedelta:
        """Find out which hold is on, and return how long holds stopped the action's clock since then."""
        self.told = False
        request = HoldRequest(action_id=self._action_id, since=since)
        standing = await short_step(CheckHolds.check_holds, request, "which holds are on")
        self.hold = standing.hold
        return standing.held_for

    async def until_told(self, or_else: Callable[[], bool] = lambda: False) -> None:
        """Wait for a reason to look again: a signal, the condition, or half an hour without either."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.told or or_else(), timeout=_LOOK_AGAIN, timeout_summary="held: look again"
            )
