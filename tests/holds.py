"""Holds as tests need them, and a store of them in memory."""

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.holds import Hold, HoldScope
from tests.databases import NOW

_number = itertools.count(1)


def hold(**changes: Any) -> Hold:
    """Return a hold on agent clerk, placed at NOW and not lifted, unless `changes` say otherwise."""
    standing: dict[str, Any] = {
        "id": f"{next(_number):012x}",
        "scope": HoldScope.AGENT,
        "subject": "clerk",
        "reason": "it refunds everybody",
        "placed_by": "kira",
        "placed_at": NOW,
    }
    return Hold.model_validate(standing | changes)


def lifted(placed_at: datetime, lifted_at: datetime) -> Hold:
    """Return a hold that was on between two times."""
    return hold(placed_at=placed_at, lifted_at=lifted_at, lifted_by="kira", lift_reason="mended")


class RecordingHolds:
    """Holds over every action, placed and lifted as a test says."""

    def __init__(self) -> None:
        self.holds: list[Hold] = []

    @property
    def active(self) -> Hold | None:
        """The oldest hold that is on."""
        return next((hold for hold in self.holds if hold.lifted_at is None), None)

    def place(self, at: datetime) -> Hold:
        """Place one."""
        self.holds.append(hold(placed_at=at))
        return self.holds[-1]

    def lift(self, at: datetime, number: int = -1) -> None:
        """Lift one, the newest unless told otherwise."""
        wanted = self.holds[number]
        self.holds[number] = wanted.model_copy(update={"lifted_at": at, "lifted_by": "kira", "lift_reason": "mended"})

    async def over(self, action_id: str, since: datetime) -> Sequence[Hold]:
        """Return them all: they are over everything."""
        return [hold for hold in self.holds if hold.lifted_at is None or hold.lifted_at > since]
