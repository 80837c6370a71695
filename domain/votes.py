"""Votes: what one person wishes, what counts of it, and whose place it takes.

One person counts once, and one place counts once: a delegate votes in the place of a member who is away, so when both
vote, only the first approval counts. A rejection is never refused for that, because it runs nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.action import Digest, Frozen, Identifier
from domain.authority import Eligibility
from domain.errors import Refusal, RefusalCode


class Decision(StrEnum):
    """What a ballot says. To return an action with questions is no vote: it goes back to the agent."""

    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"


class Door(StrEnum):
    """Where a vote came in. Recorded beside the person, never instead of them."""

    API = "api"
    SLACK = "slack"
    PAGE = "page"


class Ballot(Frozen):
    """One person's wish, before anybody has checked whether it counts.

    `stepped_up` says that the door saw the person sign in anew, just before. `reason_id` is the reason to reject that
    they chose from those of the plan.
    """

    id: Annotated[str, Field(min_length=1, max_length=200)]
    person: Annotated[str, Field(min_length=1, max_length=80)]
    decision: Decision
    revision: Digest
    reason: Annotated[str, Field(max_length=2000)] = ""
    door: Door
    stepped_up: bool = False
    reason_id: Identifier | None = None


class Vote(Frozen):
    """A ballot that counts. `in_place_of` is the member who is away and whose delegate the person is.

    `reason_title` is the reason to reject that was chosen from a list, `reason` is what they wrote.
    """

    person: str
    group: str
    in_place_of: str | None = None
    stage: int = 1
    decision: Decision
    revision: str
    reason: str
    reason_title: str | None = None
    door: Door
    at: datetime

    @property
    def why(self) -> str:
        """The reason in words, after the one that was chosen from a list."""
        return ": ".join(part for part in (self.reason_title, self.reason) if part)


def vote_of(person: str, votes: Sequence[Vote]) -> Vote | None:
    """Return the vote that a person has cast; None before they have."""
    return next((vote for vote in votes if vote.person == person), None)


def voted_before(ballot: Ballot, stage: int, eligibility: Eligibility, votes: Sequence[Vote]) -> Refusal | None:
    """Refuse a second vote of one person, and a second approval from one place, among the votes that count with it."""
    message = None
    if (earlier := vote_of(ballot.person, votes)) is not None:
        message = f"{ballot.person} already voted to {earlier.decision.value}; one person counts once"
        if earlier.stage != stage:
            message += f" over all stages, so somebody else has to decide stage {stage}"
    elif ballot.decision is Decision.APPROVE:
        place = place_of(eligibility, votes)
        if (taken := _taken(votes).get(place)) is not None:
            whose = "" if taken.person == place else f" in the place of {place}"
            message = f"{taken.person} already voted to {taken.decision.value}{whose}; one place counts once"
    return Refusal(code=RefusalCode.DUPLICATE_VOTE, message=message) if message else None


def place_of(eligibility: Eligibility, votes: Sequence[Vote]) -> str:
    """Return whose place a vote takes: the person's own, or that of the first member away whose place is free."""
    places = eligibility.in_place_of or [eligibility.person]
    taken = _taken(votes)
    return next((place for place in places if place not in taken), places[0])


def _taken(votes: Sequence[Vote]) -> dict[str, Vote]:
    """Return the places that votes have taken: those of the voters, and those they voted in."""
    return {place: vote for vote in votes for place in (vote.person, vote.in_place_of) if place is not None}
