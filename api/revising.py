"""Carrying a revision to its action. Every door, API, Slack and page, comes through here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.connections import Connections
from api.voting import PATIENCE, refused_by_record
from domain.action import State, Submission
from domain.approval import Approval, Receipt, receipt
from domain.canonical import digest, revision_bytes
from domain.errors import Refusal, RefusalCode, RequestError
from domain.ledger import Actor
from domain.record import ActionRecord
from domain.revising import edit_refused, refused_entry, why_not_revise
from domain.revision import ReviseRequest


@dataclass(frozen=True)
class Wanted:
    """A revision that somebody wants: the digest of the revision they read, the new arguments, and why.

    `id` names the request; sent again with the same id and content, it is made once. `stepped_up` says that the door
    saw the person sign in anew.
    """

    id: str
    base: str
    arguments: Mapping[str, Any]
    reason: str = ""
    stepped_up: bool = False


async def revise(doors: Connections, action_id: str, actor: Actor, wanted: Wanted) -> tuple[str, Receipt]:
    """Carry a revision to its action; return its digest and the receipt. A refusal is recorded.

    What somebody may not change is refused before its bytes are stored. Raises NotFound, TooLarge, InvalidRequest and
    InvalidArguments for arguments that no submission could have, PolicyDenied and its like where the catalog does not
    admit the action any more (recorded, too), and Unavailable when nobody could say in time: the same request may be
    sent again.
    """
    data = revision_bytes(wanted.arguments)
    request = ReviseRequest(
        id=wanted.id,
        actor=actor,
        base=wanted.base,
        revision=digest(data),
        reason=wanted.reason,
        stepped_up=wanted.stepped_up,
    )
    record = await doors.actions.get(action_id)
    answer = await _carried(doors, record, request, data)
    if answer is None:
        answer = refused_by_record(await doors.actions.get(action_id))
    if answer.refusal is not None and answer.refusal.code is not RefusalCode.TOO_MANY_REQUESTS:
        # Recorded once, under the request's id, whoever refused it first.
        await doors.ledger.append([refused_entry(action_id, request, answer.refusal, datetime.now(UTC))])
    return request.revision, answer


async def _carried(doors: Connections, record: ActionRecord, request: ReviseRequest, data: bytes) -> Receipt | None:
    """Return the receipt; None when the action no longer waits."""
    approval, action = record.approval, record.action
    if record.state is not State.PENDING_APPROVAL or approval is None:
        return None
    stored = await doors.revisions.proposed(action.id, request.revision)
    if stored is None and request.revision != action.digest:
        refusal = await _objection(doors, record, approval, request, data)
        if refusal is not None:
            return receipt(approval, refusal)
        await doors.revisions.propose(action.id, request.revision, data, request.actor, datetime.now(UTC))
    return await doors.workflows.revise(action.id, request, PATIENCE)


async def _objection(
    doors: Connections, record: ActionRecord, approval: Approval, request: ReviseRequest, data: bytes
) -> Refusal | None:
    """Say what is against a revision that nobody has stored. The action's workflow decides again."""
    action = record.action
    if request.base != action.digest:
        message = "it was changed since you read it; read it again, and edit what stands there now"
        return Refusal(code=RefusalCode.SUPERSEDED, message=message)
    policy = await doors.policies.current()
    refusal = why_not_revise(request.actor, data, record, approval, policy, datetime.now(UTC))
    if refusal is None:
        submission = Submission(
            use_case=action.use_case,
            action_type=action.action_type,
            arguments=json.loads(data),
            context=action.context,
        )
        try:
            policy.admit(action.agent, submission)
        except RequestError as problem:
            # Its message may quote the arguments, which the ledger only commits to.
            recorded = edit_refused(f"the catalog does not admit them: {problem.code}")
            await doors.ledger.append([refused_entry(action.id, request, recorded, datetime.now(UTC))])
            raise
    return refusal
