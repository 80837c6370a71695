"""Record: what happened to an approval becomes its new state and its ledger entries, in one transaction."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio import activity

from activities.failures import translated
from domain.action import Frozen, State
from domain.approval import Approval, Ballot, Decision, Receipt, Vote
from domain.approval_plan import StepKind
from domain.escalation import AnswerRequest, ManageRequest, Step
from domain.ledger import SYSTEM, Actor, ActorKind, Entry, EntryKind, Secret, entry
from domain.revising import refused_entry
from domain.revision import ReviseRequest


class ApprovalStore(Protocol):
    """What record needs of the store of actions."""

    async def record_approval(
        self, action_id: str, approval: Approval, state: State, at: datetime, entries: Sequence[Entry]
    ) -> bool:
        """Record where an approval stands. False when the action no longer waits."""

    async def append(self, action_id: str, entries: Sequence[Entry]) -> None:
        """Record entries that change nothing."""


class ApprovalChange(Frozen):
    """One thing that happened to an approval, and the state after it: a ballot, a timer's step, a cancellation, a
    hold that was lifted, which postponed everything by the time it was on, what somebody asked for, or a revision that
    was refused."""

    action_id: str
    approval: Approval
    at: datetime
    ballot: Ballot | None = None
    step: Step | None = None
    cancelled_by: Actor | None = None
    cancel_id: str | None = None
    receipt: Receipt | None = None
    postponed_by: timedelta | None = None
    request: ManageRequest | AnswerRequest | None = None
    revision: ReviseRequest | None = None


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
        counts = change.receipt.accepted and change.ballot.decision is not Decision.RETURN
        counted = change.approval.votes[-1] if counts else None
        entries.append(vote_entry(change.action_id, change.ballot, change.receipt, change.at, counted))
    if change.step is not None and change.step.kind is not StepKind.EXPIRE:
        entries.append(_step_taken(change))
    if change.request is not None and change.receipt is not None:
        entries.append(_requested(change, change.request, change.receipt))
    if change.revision is not None and change.receipt is not None and change.receipt.refusal is not None:
        entries.append(refused_entry(change.action_id, change.revision, change.receipt.refusal, change.at))
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
    if receipt.accepted and ballot.decision is Decision.RETURN:
        kind = EntryKind.APPROVAL_RETURNED
    data: dict[str, Any] = {"decision": ballot.decision.value, "digest": ballot.revision, "ballot": ballot.id}
    if ballot.stepped_up:
        data["stepped_up"] = True
    if ballot.reason_id is not None:
        data["reason_id"] = ballot.reason_id
    if counted is not None:
        data |= {"group": counted.group, "stage": counted.stage, "in_place_of": counted.in_place_of}
    if receipt.refusal is not None:
        data |= {"code": receipt.refusal.code.value, "message": receipt.refusal.message}
    reason = ballot.reason.strip().encode()
    kept = [Secret(name="reason", salt=secrets.token_bytes(32), content=reason)] if reason else []
    actor = Actor(kind=ActorKind.PERSON, id=ballot.person, door=ballot.door.value)
    return entry(f"{action_id}/vote/{ballot.id}", kind, at, actor, data, action=action_id, secrets=kept)


def _step_taken(change: ApprovalChange) -> Entry:
    """Return the entry of a reminder, an escalation, or one that reached nobody. Each stage may have its own."""
    done = change.approval.escalations[-1]
    kind = EntryKind.APPROVAL_REMINDED if done.kind == StepKind.REMIND else EntryKind.APPROVAL_ESCALATED
    if done.skipped is not None:
        kind = EntryKind.APPROVAL_ESCALATION_SKIPPED
    earlier = [each for each in change.approval.escalations[:-1] if each.kind == done.kind]
    again = f"/{len(earlier) + 1}" if earlier else ""
    revision = f"/revision-{change.approval.revisions}" if change.approval.revisions > 1 else ""
    return _on_action(change, kind, done.model_dump(mode="json"), revision + again)


_REQUESTED = {
    "reassign": EntryKind.APPROVAL_REASSIGNED,
    "snooze": EntryKind.APPROVAL_SNOOZED,
    "extend": EntryKind.APPROVAL_EXTENDED,
}


def _requested(change: ApprovalChange, request: ManageRequest | AnswerRequest, receipt: Receipt) -> Entry:
    """Return the entry of an answer, a reassignment, a reminder put off or a deadline moved; or of its refusal."""
    data: dict[str, Any] = {"digest": change.approval.revision}
    kept: list[Secret] = []
    if isinstance(request, AnswerRequest):
        kind, actor = EntryKind.APPROVAL_ANSWERED, Actor(kind=ActorKind.AGENT, id=request.agent, door="api")
        kept = [Secret(name="answer", salt=secrets.token_bytes(32), content=request.answer.strip().encode())]
    else:
        kind, actor = _REQUESTED[request.kind], Actor(kind=ActorKind.PERSON, id=request.person, door=request.door.value)
        until = request.until.isoformat() if request.until else None
        data |= {"to": request.to, "until": until, "expires_at": change.approval.plan.expires_at.isoformat()}
    if receipt.refusal is not None:
        data |= {"wanted": kind.value, **receipt.refusal.model_dump(mode="json")}
        kind = EntryKind.REQUEST_REFUSED
    key = f"{change.action_id}/{kind.value}/{request.id}"
    return entry(key, kind, change.at, actor, data, action=change.action_id, secrets=kept)


def _postponed(change: ApprovalChange, by: timedelta) -> Entry:
    """Return the entry of deadlines that moved. Canonical JSON has integers, so the time is in microseconds."""
    plan = change.approval.plan
    steps = [step.at.isoformat() for step in plan.steps if step.number not in change.approval.taken]
    microsecond = timedelta(microseconds=1)
    held = {"by_microseconds": by // microsecond, "held_for_microseconds": change.approval.held_for // microsecond}
    revision = f"/revision-{change.approval.revisions}" if change.approval.revisions > 1 else ""
    suffix = f"{revision}/{held['held_for_microseconds']}"  # the time held only grows, so it names the postponement
    data = {**held, "steps": steps, "expires_at": plan.expires_at.isoformat()}
    return _on_action(change, EntryKind.APPROVAL_POSTPONED, data, suffix)


def _on_action(change: ApprovalChange, kind: EntryKind, data: Mapping[str, Any], suffix: str = "") -> Entry:
    key = f"{change.action_id}/{kind.value}{suffix}"
    return entry(key, kind, change.at, change.cancelled_by or SYSTEM, dict(data), action=change.action_id)
