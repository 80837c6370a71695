"""Taking a submission in: its idempotency key, its ledger entry, the start of its workflow, the wait for its end."""

import asyncio
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi.openapi.models import Example

from adapters.database.tokens import Caller
from api.connections import Connections
from domain.action import Action, State, Submission
from domain.canonical import canonical_bytes, digest, revision_bytes
from domain.errors import (
    Forbidden,
    Held,
    IdempotencyConflict,
    InvalidArguments,
    PolicyDenied,
    RateLimited,
    RemitError,
    UnknownActionType,
    UnknownUseCase,
)
from domain.guardrails import measure_of, uses_of
from domain.ledger import Actor, ActorKind, Entry, EntryKind, entry
from domain.record import ActionRecord
from domain.requested import requested_entry
from domain.roles import meaning_of

EXAMPLES: dict[str, Example] = {
    "score a lead": {
        "summary": "Low tier: executed at once",
        "value": {
            "use_case": "lead-scoring",
            "action_type": "lead.score",
            "arguments": {"lead_id": "L-1001", "score": 72, "reasons": ["opened three messages"]},
            "context": {"prompt": "Score today's leads", "region": "EU", "session_id": "run-7"},
        },
    },
    "refund": {
        "summary": "High tier: people are asked first",
        "value": {
            "use_case": "refunds",
            "action_type": "refund.create",
            "arguments": {
                "account_id": "A-2001",
                "invoice_id": "INV-004711",
                "refund": {"amount_minor": 250000, "currency": "EUR"},
                "reason": "defective",
            },
            "context": {"output": "I will refund the invoice.", "on_behalf_of": "erik"},
        },
    },
}
_REFUSED_AT_THE_DOOR = (Forbidden, PolicyDenied, UnknownUseCase, UnknownActionType, InvalidArguments)


@dataclass(frozen=True)
class Accepted:
    """The action that stands under a key. `fresh` is its record when this request made it, None when an earlier did."""

    action_id: str
    fresh: ActionRecord | None


async def accept(doors: Connections, who: Caller, submission: Submission, key: str) -> Accepted:
    """Store a submission under the agent's key, or find what an earlier request stored there.

    The catalog decides about new actions only: one that was accepted before is found by its key whatever the
    catalog, its limits and holds say now. What they refuse is recorded before it is refused. Raises IdempotencyConflict
    when the key was used with another body.
    """
    arguments = revision_bytes(submission.arguments)
    request_digest = digest(canonical_bytes(submission.model_dump(mode="json")))
    policy = await doors.policies.current()
    try:
        admitted = policy.admit(who.subject, submission)
    except _REFUSED_AT_THE_DOOR as refusal:
        earlier = await doors.actions.under_key(who.subject, key)
        if earlier is None:
            await doors.ledger.append([_refused(who, submission, refusal, request_digest, policy.ref.digest)])
            raise
        return _same_request(earlier, request_digest, key, None)
    owner = admitted.use_case.owner
    action = _action(who, submission, arguments)
    requested = requested_entry(action, key, who.token_id, request_digest, secrets.token_bytes(32))
    meaning = meaning_of(admitted.action_type, submission.arguments)
    measure, uses = measure_of(meaning), uses_of(policy.bundle.guardrails, action, meaning)
    try:
        stands = await doors.actions.submit(action, owner, key, request_digest, requested, measure, uses)
    except (Held, RateLimited) as refusal:
        await doors.ledger.append([_refused(who, submission, refusal, request_digest, policy.ref.digest)])
        raise
    record = ActionRecord(action=action, owner=owner, state=State.ASSESSING, updated_at=action.created_at)
    return _same_request(stands, request_digest, key, record)


async def carry(doors: Connections, accepted: Accepted, wait: float) -> ActionRecord:
    """Make sure the action's workflow runs, and wait for its end as long as the caller wants to."""
    async with doors.watch.ended(accepted.action_id) as ended:
        record = accepted.fresh or await doors.actions.get(accepted.action_id)
        if record.state is State.ASSESSING:
            await doors.workflows.start(record)
        if record.state.final or not wait:
            return record
        return await _until_final(doors, accepted.action_id, ended, wait)


async def ended_within(doors: Connections, action_id: str, wait: float) -> ActionRecord:
    """Return the record as soon as the action is over, or as it is after `wait` seconds."""
    async with doors.watch.ended(action_id) as ended:
        record = await doors.actions.get(action_id)
        return record if record.state.final else await _until_final(doors, action_id, ended, wait)


async def _until_final(doors: Connections, action_id: str, ended: asyncio.Event, wait: float) -> ActionRecord:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        try:
            await asyncio.wait_for(ended.wait(), until - loop.time())
        except TimeoutError:
            return await doors.actions.get(action_id)
        ended.clear()
        record = await doors.actions.get(action_id)
        if record.state.final:
            return record


def _same_request(stands: tuple[str, str], request_digest: str, key: str, record: ActionRecord | None) -> Accepted:
    action_id, its_digest = stands
    if its_digest != request_digest:
        raise IdempotencyConflict(f"key '{key}' was used for action {action_id} with another body; use a new key")
    is_new = record is not None and record.action.id == action_id
    return Accepted(action_id, record if is_new else None)


def _action(who: Caller, submission: Submission, arguments: bytes) -> Action:
    return Action(
        id=uuid.uuid4().hex,
        agent=who.subject,
        use_case=submission.use_case,
        action_type=submission.action_type,
        digest=digest(arguments),
        arguments_bytes=arguments,
        context=submission.context,
        created_at=datetime.now(UTC),
    )


def _refused(who: Caller, submission: Submission, refusal: RemitError, request_digest: str, policy: str) -> Entry:
    data = {
        "code": refusal.code,
        "use_case": submission.use_case,
        "action_type": submission.action_type,
        "request": request_digest,
        "policy": policy,
    }
    if isinstance(refusal, RateLimited):
        data["guardrail"] = refusal.guardrail
    actor = Actor(kind=ActorKind.AGENT, id=who.subject, door="api")
    return entry(f"refused/{uuid.uuid4().hex}", EntryKind.ACTION_REFUSED, datetime.now(UTC), actor, data)
