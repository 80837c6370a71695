"""Holds: which one is on over an action that waits, and how long its clock stood still."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.failures import translated
from domain.action import Frozen
from domain.holds import Hold, Standing, standing


class HoldSource(Protocol):
    """What is needed of the store of holds."""

    async def over(self, action_id: str, since: datetime) -> Sequence[Hold]:
        """Return the holds that were on over an action at any time since then."""


class HoldRequest(Frozen):
    """Which action, and since when its clock runs."""

    action_id: str
    since: datetime


class CheckHolds:
    """Looks at the holds over one action."""

    def __init__(self, holds: HoldSource) -> None:
        self._holds = holds

    @activity.defn
    @translated
    async def check_holds(self, request: HoldRequest) -> Standing:
        """Say which hold is on over the action now, and how long earlier ones stopped its clock."""
        return standing(await self._holds.over(request.action_id, request.since), request.since)
