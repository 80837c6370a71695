"""Holds, the kill switches that are on: what one says of itself, and how long holds stopped an action's clock."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from domain.action import Frozen
from domain.catalog import ActionType, Agent, Bundle, UseCase
from domain.catalog.problems import suggestion
from domain.errors import InvalidRequest, Refusal, RefusalCode


class HoldScope(StrEnum):
    """What a hold covers. All but everything name a subject of the catalog."""

    EVERYTHING = "everything"
    AGENT = "agent"
    USE_CASE = "use_case"
    ACTION_TYPE = "action_type"


class Hold(Frozen):
    """One hold. While it is not lifted, no execution begins in its scope. Times are the database's."""

    id: str
    scope: HoldScope
    subject: str | None
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None = None
    lift_reason: str | None = None
    lifted_at: datetime | None = None

    @property
    def over(self) -> str:
        """What it is over: everything, or `agent 'clerk'`."""
        kind = self.scope.value.replace("_", " ")
        return f"{kind} '{self.subject}'" if self.subject is not None else kind

    @property
    def name(self) -> str:
        """Which hold it is and since when, without the reason, which is free text and stays in the database."""
        return f"hold {self.id} on {self.over} since {self.placed_at:%Y-%m-%d %H:%M:%S} UTC"


class Standing(Frozen):
    """How holds stand to one action: the oldest one that is on, by name, and how long earlier ones stopped its clock.

    `held_for` does not count the hold that is on, and what was on beside it: that is counted when it is lifted.
    """

    hold: str | None = None
    held_for: timedelta = timedelta(0)


def standing(holds: Iterable[Hold], since: datetime) -> Standing:
    """Return how the holds over an action stand to it, `since` it was asked about. Each second counts once."""
    holds = list(holds)
    active = min((hold for hold in holds if hold.lifted_at is None), key=lambda hold: hold.placed_at, default=None)
    held_for, counted = timedelta(0), since
    for begin, end in sorted((hold.placed_at, hold.lifted_at) for hold in holds if hold.lifted_at is not None):
        if active is not None:
            end = min(end, active.placed_at)
        begin = max(begin, counted)
        if end > begin:
            held_for, counted = held_for + (end - begin), end
    return Standing(hold=active.name if active else None, held_for=held_for)


def held(hold: str) -> Refusal:
    """Return the refusal of a vote while a hold is on, named by `hold`."""
    message = f"{hold} is on: the clock stands still and votes do not count; vote again when it is lifted"
    return Refusal(code=RefusalCode.HELD, message=message)


def refused_at_the_door(hold: Hold) -> str:
    """Say to an agent which hold keeps its action out, why, and what to do."""
    return (
        f"{hold.name}, placed by {hold.placed_by}: {hold.reason}. Nothing was accepted; send it again with the same "
        "key when the hold is lifted"
    )


def check_subject(scope: HoldScope, subject: str | None, bundle: Bundle) -> None:
    """Raise InvalidRequest, with a suggestion, where a hold is asked for over what the catalog does not have."""
    listed: dict[HoldScope, Sequence[Agent | UseCase | ActionType]] = {
        HoldScope.AGENT: bundle.agents,
        HoldScope.USE_CASE: bundle.use_cases,
        HoldScope.ACTION_TYPE: bundle.action_types,
    }
    known = [one.id for one in listed.get(scope, [])]
    if subject is not None and subject not in known:
        kind = scope.value.replace("_", " ")
        raise InvalidRequest(f"no {kind} '{subject}' in the active policy{suggestion(subject, known)}")
