"""Canaries: harmless fakes that should be rejected, planted to see whether requests are read. They never run.

A canary goes the way of every action: it is judged, people are asked, they vote. What is different stands in the
database alone: the claim, without which nothing runs, is never granted; it counts for no limit, no history and no
agent; and until the question is closed nobody who reviews can tell it from a request. The ledger says from the
beginning what it is, in an entry that belongs to no action, so that it is not read beside one.
"""

from datetime import datetime
from enum import StrEnum

from domain.action import Action, Frozen
from domain.approval import ApprovalOutcome
from domain.ledger import SYSTEM, Actor, ActorKind, Entry, EntryKind, entry
from domain.record import ActionRecord

TOLD = (
    "This was a canary: a harmless fake, planted to see whether requests are read. Nothing was to run, and nothing did."
)
"""What reviewers are told once the question is closed."""


class CanaryResult(StrEnum):
    """What people made of a canary. One that nobody decided has no result."""

    CAUGHT = "caught"
    MISSED = "missed"


class Canary(Frozen):
    """A planted action, by its id, and what became of it."""

    action: str
    planted_by: str
    planted_at: datetime
    result: CanaryResult | None = None
    ended_at: datetime | None = None


_RESULTS = {ApprovalOutcome.APPROVED: CanaryResult.MISSED, ApprovalOutcome.REJECTED: CanaryResult.CAUGHT}


def result_of(record: ActionRecord) -> CanaryResult | None:
    """Return what people made of a canary; None for any other action, and while, or where, nobody decided."""
    if not record.was_canary or record.approval is None or record.approval.outcome is None:
        return None
    return _RESULTS.get(record.approval.outcome)


def planted_entry(canary: Canary, action: Action) -> Entry:
    """Return the entry that says who planted an action, before it is one."""
    data = {
        "action": action.id,
        "use_case": action.use_case,
        "action_type": action.action_type,
        "agent": action.agent,
        "digest": action.digest,
    }
    actor = Actor(kind=ActorKind.ADMIN, id=canary.planted_by, door="cli")
    return entry(f"canary/{canary.action}/planted", EntryKind.CANARY_PLANTED, canary.planted_at, actor, data)


def ended_entry(record: ActionRecord, result: CanaryResult, at: datetime) -> Entry:
    """Return the entry of what people made of a canary."""
    approval = record.approval
    votes = [f"{vote.person}: {vote.decision.value}" for vote in approval.votes] if approval else []
    kind, action_id = EntryKind(f"canary.{result.value}"), record.action.id
    return entry(f"canary/{action_id}/ended", kind, at, SYSTEM, {"votes": votes}, action=action_id)
