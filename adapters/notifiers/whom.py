"""Whom to notify, with regard to how busy people are: turns from the rules of attention, kept in the database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from adapters.database.assignments import Choose, Standing
from domain.action import State, Tier
from domain.approval import Approval
from domain.asked import asking, lacking, not_notified, voters
from domain.attention import Load, Turns, whose_turn
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord


class TurnStore(Protocol):
    """What is needed of the store of assignments."""

    async def assign(
        self, action_id: str, stage: int, candidates: Sequence[str], at: datetime, choose: Choose
    ) -> Standing:
        """Give out turns, and return who has one now."""


class DigestStarter(Protocol):
    """Sees to it that a person's digest comes."""

    async def expect(self, person: str, at: datetime) -> None:
        """Have the person's next digest sent at this moment, if none is to come sooner."""


class WhoseTurn:
    """Says who gets a message of their own now; whoever gets it later is in a digest. Asked twice, it is one turn.

    `gathers` says whether a digest can reach a person. Whoever it cannot reach gets everything at once, by whatever
    other way there is: nobody is woken by an e-mail.
    """

    def __init__(self, turns: TurnStore, digests: DigestStarter, gathers: Callable[[Person], bool]) -> None:
        self._turns = turns
        self._digests = digests
        self._gathers = gathers

    async def __call__(self, record: ActionRecord, policy: Policy) -> Sequence[str]:
        """Return the persons to notify of an action now, those that were notified before, too."""
        approval, at = record.approval, datetime.now(UTC)
        if approval is None or record.state is not State.PENDING_APPROVAL:
            return []
        found: dict[str, None] = {}
        for stage in lacking(record):
            standing = await self._in_stage(record, approval, stage, policy, at)
            found |= dict.fromkeys(standing.notified)
            for person, due in standing.deferred.items():
                await self._digests.expect(person, due)  # again each time: a start that was lost is made up for
        return list(found)

    async def _in_stage(
        self, record: ActionRecord, approval: Approval, stage: int, policy: Policy, at: datetime
    ) -> Standing:
        people = voters(record, approval, stage, policy, at)
        spared, attention = not_notified(approval, stage, policy), policy.bundle.attention
        wanted = asking(record, approval, stage, at)

        def choose(loads: Mapping[str, Load], before: Standing) -> Turns:
            # High tier waits for no digest, also where it was not high when the digest was planned.
            waits = {} if wanted.tier is Tier.HIGH else before.deferred
            have = {*before.notified, *before.digested, *waits}
            reached = sum(person.id in have for person in people)
            missing = wanted.model_copy(update={"needed": max(wanted.needed - reached, 0)})
            free = [person for person in people if person.id not in have]
            return self._sooner(whose_turn(missing, free, loads, attention, spared), policy)

        return await self._turns.assign(record.action.id, stage, [person.id for person in people], at, choose)

    def _sooner(self, turns: Turns, policy: Policy) -> Turns:
        """Give those whom no digest reaches their turn now."""
        later = [each for each in turns.later if self._gathers(policy.people[each.person])]
        now = [each.person for each in turns.later if each not in later]
        return turns.model_copy(update={"now": [*turns.now, *now], "later": later})
