"""Record: what happened to an approval becomes its new state and its ledger entries, in one transaction."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio import activity

from activities.failures import translated
from domain.action import Frozen, State
from domain.approval import Approval, Ballot, Receipt, Step, StepKind, Vote
from domain.ledger import SYSTEM, Actor, ActorKind, Entry, EntryKind, Secret, entry


class ApprovalStore(Protocol):
    """What record needs of the store of actions."""

    async def record_approval(
        self, action_id: str, approval: Approval, state: State, at: datetime, entries: Sequence[Entry]
    ) -> bool:
        """Record where an approval stands. False when the action no longer waits."""

    async def append(self, action_id: str, entries: Sequence[Entry]) -> None:
        """Record entries that change nothing."""


class ApprovalChange(Frozen):
    """One thing that happened to an approval, and the state after it: a ballot, a timer's step, a cancellation, or a
    hold that was lifted, which postponed everything by the time it was on."""

    action_id: str
    approval: Approval
    at: datetime
    ballot: Ballot | None = None
    step: Step | None = None
    cancelled_by: Actor | None = None
    cancel_id: str | None = None
    receipt: Receipt | None = None
    postponed_by: timedelta | None = None


class Record:
    """Writes approvals down."""

    def __init__(self, actions: ApprovalStore) -> None:
        self._actions = actions

    @activity.defn
    @translated
    async def record_approval(self, change: ApprovalChange) -> None:
        """Record one change, once: entries that exist already are left alone."""
        outcome = change.approval.outcome
        state = (outcome.state if outcome else None) or State.PENDING_APPROVAL
        entries = entries_of(change)
        if not await self._actions.record_approval(change.action_id, change.approval, state, change.at, entries):
            # Decided in the meantime, or this very change is recorded already: a refusal must not be lost.
            await self._actions.append(change.action_id, entries)


def entries_of(change: ApprovalChange) -> list[Entry]:
    """Return the ledger entries of a change."""
    entries = []
    if change.ballot is not None and change.receipt is not None:
        counted = change.approval.votes[-1] if change.receipt.accepted else None
        entries.append(vote_entry(change.action_id, change.ballot, change.receipt, change.at, counted))
    if change.step is not None and change.step.kind is not StepKind.EXPIRE:
        kind = EntryKind.APPROVAL_REMINDED if change.step.kind is StepKind.REMIND else EntryKind.APPROVAL_ESCALATED
        done = change.approval.escalations[-1].model_dump(mode="json")
        entries.append(_on_action(change, kind, done))
    if change.postponed_by is not None:
        entries.append(_postponed(change, change.postponed_by))
    if change.cancelled_by is not None and change.receipt is not None and change.receipt.refusal is not None:
        refusal = change.receipt.refusal.model_dump(mode="json")
        entries.append(_on_action(change, EntryKind.CANCEL_REFUSED, refusal, suffix=f"/{change.cancel_id}"))
    elif change.approval.outcome is not None and change.approval.decided_at == change.at:
        kind = EntryKind(f"approval.{change.approval.outcome.value}")
        summary = {
            "digest": change.approval.revision,
            "votes": [f"{vote.person}: {vote.decision.value}" for vote in change.approval.votes],
        }
        entries.append(_on_action(change, kind, summary))
    return entries


def vote_entry(action_id: str, ballot: Ballot, receipt: Receipt, at: datetime, counted: Vote | None = None) -> Entry:
    """Return the entry of a vote that counted, and as what, or of one that was refused."""
    kind = EntryKind.VOTE_ACCEPTED if receipt.accepted else EntryKind.VOTE_REFUSED
    data: dict[str, Any] = {"decision": ballot.decision.value, "digest": ballot.revision, "ballot": ballot.id}
    if counted is not None:
        data |= {"group": counted.group, "stage": counted.stage, "in_place_of": counted.in_place_of}
    if receipt.refusal is not None:
        data |= {"code": receipt.refusal.code.value, "message": receipt.refusal.message}
    reason = ballot.reason.strip().encode()
    kept = [Secret(name="reason", salt=secrets.token_bytes(32), content=reason)] if reason else []
    actor = Actor(kind=ActorKind.PERSON, id=ballot.person, door=ballot.door.value)
    return entry(f"{action_id}/vote/{ballot.id}", kind, at, actor, data, action=action_id, secrets=kept)


def _postponed(change: ApprovalChange, by: timedelta) -> Entry:
    """Return the entry of deadlines that moved. Canonical JSON has integers, so the time is in microseconds."""
    plan = change.approval.plan
    times = {"remind_at": plan.remind_at, "escalate_at": plan.escalate_at, "expires_at": plan.expires_at}
    data = {name: at.isoformat() if at else None for name, at in times.items()}
    microsecond = timedelta(microseconds=1)
    held = {"by_microseconds": by // microsecond, "held_for_microseconds": change.approval.held_for // microsecond}
    suffix = f"/{held['held_for_microseconds']}"  # the time held only grows, so it names the postponement
    return _on_action(change, EntryKind.APPROVAL_POSTPONED, {**held, **data}, suffix)


def _on_action(change: ApprovalChange, kind: EntryKind, data: Mapping[str, Any], suffix: str = "") -> Entry:
    key = f"{change.action_id}/{kind.value}{suffix}"
    return entry(key, kind, change.at, change.cancelled_by or SYSTEM, dict(data), action=change.action_id)
