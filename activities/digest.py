"""Digest: one message to one person with everything that waits for them and could wait."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from temporalio import activity

from activities.failures import translated
from domain.action import Frozen, State, Tier
from domain.asked import asking, voters
from domain.attention import digest_at
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord

log = structlog.get_logger(__name__)


class DueRequest(Protocol):
    """A request that a digest is to hold."""

    @property
    def action(self) -> str:
        """The action's id."""

    @property
    def stage(self) -> int:
        """The stage in which the person is asked."""


class DueSource(Protocol):
    """What digests need of the store of assignments."""

    async def due(self, person: str) -> Sequence[DueRequest]:
        """Return what a person's next digest is to hold."""

    async def last_digest(self, person: str) -> datetime | None:
        """Return when a person got their last digest."""

    async def digested(self, person: str, actions: Sequence[str], at: datetime, digest: str) -> None:
        """Note that these requests reached a person in a digest."""


class RecordSource(Protocol):
    """What digests need of the store of actions."""

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action."""


class PolicySource(Protocol):
    """The policy that is active now: it says who may still vote, and when they work."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class DigestSender(Protocol):
    """A place where people get digests."""

    async def send(self, person: Person, records: Sequence[ActionRecord], policy: Policy, digest: str) -> bool:
        """Send one message that lists these actions. False where the person cannot be reached there."""


class DigestRequest(Frozen):
    """Whose digest is due, and when that is."""

    person: str
    at: datetime


class DigestDone(Frozen):
    """Whether the digest is to come later instead, and how many requests it held."""

    next_at: datetime | None = None
    requests: int = 0


class SendDigest:
    """Sends digests through the first place that reaches the person."""

    def __init__(
        self, turns: DueSource, actions: RecordSource, policies: PolicySource, senders: Mapping[str, DigestSender]
    ) -> None:
        self._turns = turns
        self._actions = actions
        self._policies = policies
        self._senders = senders

    @activity.defn
    @translated
    async def send_digest(self, request: DigestRequest) -> DigestDone:
        """Send what still waits for the person, or say when to try again. Raises NotifierUnavailable."""
        policy = await self._policies.current()
        person = policy.people.get(request.person)
        if person is None:
            return DigestDone()
        waiting = await self._waiting(person, policy, request.at)
        if not waiting:
            return DigestDone()
        asked = [asking(record, record.approval, stage, request.at) for record, stage in waiting if record.approval]
        last = await self._turns.last_digest(person.id)
        when = digest_at(person, asked, policy.bundle.attention, last, request.at)
        if when > request.at:
            return DigestDone(next_at=when)
        records = [record for record, _ in waiting]
        name = f"{person.id}/{request.at.isoformat(timespec='microseconds')}"
        for sender in self._senders.values():
            if await sender.send(person, records, policy, name):
                await self._turns.digested(person.id, [record.action.id for record in records], request.at, name)
                return DigestDone(requests=len(records))
        log.error("digest_unsent", person=person.id, requests=len(records), to_do="give the person a slack_user")
        return DigestDone()

    async def _waiting(self, person: Person, policy: Policy, at: datetime) -> list[tuple[ActionRecord, int]]:
        """Return what the person may still vote on, each action once. High tier is in no digest: it came by itself."""
        found: dict[str, tuple[ActionRecord, int]] = {}
        for due in await self._turns.due(person.id):
            record = await self._actions.get(due.action)
            approval = record.approval
            if approval is None or record.state is not State.PENDING_APPROVAL or record.tier in (None, Tier.HIGH):
                continue
            if due.stage in approval.open_stages and person in voters(record, approval, due.stage, policy, at):
                found.setdefault(due.action, (record, due.stage))
        return list(found.values())
