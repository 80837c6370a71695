"""Who may change what of an action that waits: its agent all of it, a reviewer what its action type lets them.

A reviewer who may vote may edit. Who wrote the revision that is asked about may not approve it, and may go on editing.
"""

import json
from datetime import datetime

from domain.action import Tier
from domain.approval import Approval
from domain.authority import Question, may_vote
from domain.errors import Refusal, RefusalCode
from domain.ledger import Actor, ActorKind, Entry, EntryKind, entry
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revision import ReviseRequest, changed_paths, not_editable

WROTE_IT = "they wrote this revision or one before it"
"""Why an editor is excluded from the approval of what they wrote."""

_SHOWN = 5


def excluded_from(approval: Approval, approving: bool) -> dict[str, str]:
    """Return who may not vote so, and why. Who wrote the revision that is asked about may still reject it."""
    excluded = approval.plan.excluded
    return excluded if approving else {person: why for person, why in excluded.items() if why != WROTE_IT}


def question_about(approval: Approval, at: datetime, *, approving: bool, tier: Tier = Tier.HIGH) -> Question:
    """Return what somebody wants to vote on who approves, or rejects, what is asked now."""
    return Question(
        at=at,
        groups=approval.wanted_first,
        people=approval.people,
        excluded=excluded_from(approval, approving),
        tier=tier,
        approving=approving,
    )


def why_not_edit(person: str, policy: Policy, approval: Approval, at: datetime) -> Refusal | None:
    """Say why a person may not edit what they are asked about; None when they may."""
    question = question_about(approval, at, approving=False)
    return may_vote(person, policy, question).refusal


def why_not_revise(
    actor: Actor, arguments: bytes, record: ActionRecord, approval: Approval, policy: Policy, at: datetime
) -> Refusal | None:
    """Say why somebody may not put these arguments in the place of those that stand; None when they may."""
    if actor.kind is not ActorKind.PERSON:
        return None if actor.id == record.action.agent else edit_refused(f"the action is not one of '{actor.id}'")
    if (refusal := why_not_edit(actor.id, policy, approval, at)) is not None:
        return refusal
    action_type = policy.action_types.get(record.action.action_type)
    editable = action_type.editable if action_type else []
    changed = changed_paths(json.loads(record.action.arguments_bytes), json.loads(arguments))
    refused = not_editable(changed, editable)
    if not refused:
        return None
    named = ", ".join(refused[:_SHOWN]) + (f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else "")
    allowed = f"only {', '.join(editable)}" if editable else "its action type lets them change nothing"
    return edit_refused(f"a reviewer may not change {named} of '{record.action.action_type}': {allowed}")


def edit_refused(message: str) -> Refusal:
    """Return the refusal of a revision."""
    return Refusal(code=RefusalCode.EDIT_REFUSED, message=message)


def refused_entry(action_id: str, request: ReviseRequest, refusal: Refusal, at: datetime) -> Entry:
    """Return the entry of a revision that was refused. The same request gives one entry, whoever refuses it."""
    data = {"digest": request.revision, "base": request.base, **refusal.model_dump(mode="json")}
    key = f"{action_id}/{EntryKind.REVISION_REFUSED.value}/{request.id}"
    return entry(key, EntryKind.REVISION_REFUSED, at, request.actor, data, action_id)
