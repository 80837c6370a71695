"""The agents' door: submit an action, follow it, withdraw it; and the reviewers' vote."""

import asyncio
import json
import secrets
import uuid
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Header, Path, Query, Response
from fastapi.openapi.models import Example

from adapters.database.tokens import Caller, TokenKind
from api.connections import Connections
from api.identity import AgentCaller, AnyCaller, Doors, ReviewerCaller
from api.problems import documented
from api.resources import (
    ActionPage,
    ActionView,
    LedgerEntryView,
    LedgerView,
    VoteReceipt,
    VoteRequest,
    action_view,
    cursor_of,
    place_of,
)
from api.voting import PATIENCE, cast_ballot, refused_by_record
from domain.action import Action, State, Submission, Tier
from domain.approval import Ballot, Door
from domain.canonical import canonical_bytes, digest, revision_bytes
from domain.errors import (
    Forbidden,
    IdempotencyConflict,
    InvalidArguments,
    InvalidRequest,
    NotFound,
    PolicyDenied,
    Refused,
    RequestError,
    UnknownActionType,
    UnknownUseCase,
)
from domain.ledger import Actor, ActorKind, Entry, EntryKind, Secret, entry
from domain.record import ActionRecord
from workflows.agent_action import CancelRequest

router = APIRouter(prefix="/v1/actions", tags=["actions"])

MAX_WAIT_SECONDS = 60
ActionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The action's id")]
Wait = Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for the action to finish")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Names this one request of yours: sent again with the same key, it is the same action",
    ),
]
Name = Annotated[str, Query(pattern=r"^[a-z0-9._-]{1,80}$")]
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


@router.post(
    "",
    status_code=202,
    summary="Submit an action",
    response_model=ActionView,
    responses={
        201: {"model": ActionView, "description": "The action finished within the wait"},
        202: {"model": ActionView, "description": "The action goes on: follow it at `Location`"},
        **documented(401, 403, 409, 413, 422, 503),
    },
)
async def submit(
    submission: Annotated[Submission, Body(openapi_examples=EXAMPLES)],
    who: AgentCaller,
    doors: Doors,
    response: Response,
    key: Key,
    wait: Wait = 0,
) -> ActionView:
    """Accept an action and carry it as far as it goes within `wait` seconds.

    Send it again with the same key after a time-out or a 503: it is the same action, and runs once.
    """
    arguments = revision_bytes(submission.arguments)
    request_digest = digest(canonical_bytes(submission.model_dump(mode="json")))
    action = Action(
        id=uuid.uuid4().hex,
        agent=who.subject,
        use_case=submission.use_case,
        action_type=submission.action_type,
        digest=digest(arguments),
        arguments_bytes=arguments,
        context=submission.context,
        created_at=datetime.now(UTC),
    )
    stands, its_digest, owner = await _accepted(doors, who, submission, action, key, request_digest)
    if its_digest != request_digest:
        raise IdempotencyConflict(f"key '{key}' was used for action {stands} with another body; use a new key")
    record = await _started(doors, stands, action if stands == action.id else None, owner, wait)
    response.status_code = 201 if record.state.final else 202
    response.headers["Location"] = f"/v1/actions/{stands}"
    return _view(doors, record)


@router.get(
    "",
    summary="List actions, newest first",
    response_model=ActionPage,
    responses=documented(401, 403, 422, 503),
)
async def listing(
    who: AnyCaller,
    doors: Doors,
    state: State | None = None,
    tier: Tier | None = None,
    agent: Name | None = None,
    use_case: Name | None = None,
    cursor: Annotated[str | None, Query(max_length=400, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ActionPage:
    """List the actions the caller may see: an agent its own, reviewers and admins all."""
    if who.kind is TokenKind.AGENT:
        if agent not in (None, who.subject):
            raise Forbidden(f"an agent sees its own actions only; yours is '{who.subject}'")
        agent = who.subject
    wanted = {"state": state, "tier": tier, "agent": agent, "use_case": use_case}
    filters = {column: str(value) for column, value in wanted.items() if value is not None}
    try:
        before = place_of(cursor) if cursor else None
    except (ValueError, TypeError) as problem:
        raise InvalidRequest("the cursor is not one of ours; start without one") from problem
    records = await doors.actions.newest(filters, before, limit + 1)
    more = len(records) > limit
    records = records[:limit]
    return ActionPage(items=[_view(doors, record) for record in records], next=cursor_of(records[-1]) if more else None)


@router.get(
    "/{action_id}",
    summary="Follow an action",
    response_model=ActionView,
    responses=documented(401, 403, 404, 422, 503),
)
async def follow(action_id: ActionId, who: AnyCaller, doors: Doors, wait: Wait = 0) -> ActionView:
    """Return an action, waiting up to `wait` seconds for it to finish."""
    record = await _visible(doors, who, action_id)
    if wait and not record.state.final:
        record = await _ended_within(doors, action_id, wait)
    return _view(doors, record)


@router.post(
    "/{action_id}/cancel",
    summary="Withdraw an action that waits",
    response_model=ActionView,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def withdraw(action_id: ActionId, who: AgentCaller, doors: Doors) -> ActionView:
    """Withdraw an action of the agent's own while nobody has decided. Withdrawn before, it is returned as it is."""
    record = await _visible(doors, who, action_id)
    if record.state is State.CANCELLED:
        return _view(doors, record)
    answer = None
    if not record.state.final:
        request = CancelRequest(id=secrets.token_hex(8), agent=who.subject)
        answer = await doors.workflows.cancel(action_id, request, PATIENCE)
    record = await doors.actions.get(action_id)
    answer = answer or refused_by_record(record)
    if answer.refusal is not None and record.state is not State.CANCELLED:
        raise Refused(answer.refusal)
    return _view(doors, record)


@router.post(
    "/{action_id}/votes",
    summary="Vote on an action",
    response_model=VoteReceipt,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def vote(action_id: ActionId, wanted: VoteRequest, who: ReviewerCaller, doors: Doors) -> VoteReceipt:
    """Approve or reject the revision that was read. A rejection needs a reason."""
    ballot = Ballot(
        id=f"api-{secrets.token_hex(8)}",
        person=who.subject,
        decision=wanted.decision,
        revision=wanted.revision,
        reason=wanted.reason,
        door=Door.API,
    )
    receipt = await cast_ballot(doors, action_id, ballot)
    if receipt.refusal is not None:
        raise Refused(receipt.refusal)
    return VoteReceipt.model_validate(receipt.model_dump(exclude={"refusal"}))


@router.get(
    "/{action_id}/ledger",
    summary="Read an action's ledger entries",
    response_model=LedgerView,
    responses=documented(401, 403, 404, 422, 503),
)
async def ledger(action_id: ActionId, who: AnyCaller, doors: Doors) -> LedgerView:
    """Return what the ledger holds of an action. An entry without a number waits for its place in the chain."""
    await _visible(doors, who, action_id)
    entries = await doors.ledger.of_action(action_id)
    return LedgerView(
        items=[
            LedgerEntryView(
                number=stored.number,
                chain_hash=stored.chain_hash.hex() if stored.chain_hash else None,
                entry=json.loads(stored.body),
            )
            for stored in entries
        ]
    )


async def _accepted(
    doors: Connections, who: Caller, submission: Submission, action: Action, key: str, request_digest: str
) -> tuple[str, str, str]:
    """Return the id and request digest of the action that stands under the key, and its use case's owner.

    The catalog decides about new actions only: one that was accepted before is found by its key whatever the
    catalog says now. What the catalog refuses is recorded before it is refused.
    """
    policy = await doors.policies.current()
    try:
        owner = policy.admit(who.subject, submission).use_case.owner
    except _REFUSED_AT_THE_DOOR as refusal:
        earlier = await doors.actions.under_key(who.subject, key)
        if earlier is not None:
            return (*earlier, "")
        await doors.ledger.append([_refused(who, submission, refusal, request_digest, policy.ref.digest)])
        raise
    requested = _requested(action, who, key, request_digest)
    stands, its_digest = await doors.actions.submit(action, owner, key, request_digest, requested)
    return stands, its_digest, owner


def _refused(who: Caller, submission: Submission, refusal: RequestError, request_digest: str, policy: str) -> Entry:
    data = {
        "code": refusal.code,
        "use_case": submission.use_case,
        "action_type": submission.action_type,
        "request": request_digest,
        "policy": policy,
    }
    actor = Actor(kind=ActorKind.AGENT, id=who.subject, door="api")
    return entry(f"refused/{uuid.uuid4().hex}", EntryKind.ACTION_REFUSED, datetime.now(UTC), actor, data)


def _requested(action: Action, who: Caller, key: str, request_digest: str) -> Entry:
    said = {"arguments": json.loads(action.arguments_bytes), "context": action.context.model_dump(mode="json")}
    data = {
        "use_case": action.use_case,
        "action_type": action.action_type,
        "digest": action.digest,
        "request": request_digest,
        "idempotency_key": key,
        "token": who.token_id,
    }
    actor = Actor(kind=ActorKind.AGENT, id=who.subject, door="api")
    kept = [Secret(name="submission", salt=secrets.token_bytes(32), content=canonical_bytes(said))]
    kind = EntryKind.ACTION_REQUESTED
    return entry(f"{action.id}/{kind.value}", kind, action.created_at, actor, data, action=action.id, secrets=kept)


async def _started(doors: Connections, action_id: str, fresh: Action | None, owner: str, wait: float) -> ActionRecord:
    """Make sure the action's workflow runs, and wait for its end as long as the caller wants to."""
    async with doors.watch.ended(action_id) as ended:
        if fresh is not None:
            record = ActionRecord(action=fresh, owner=owner, state=State.ASSESSING, updated_at=fresh.created_at)
        else:
            record = await doors.actions.get(action_id)
        if record.state is State.ASSESSING:
            await doors.workflows.start(record)
        if record.state.final or not wait:
            return record
        return await _until_final(doors, action_id, ended, wait)


async def _ended_within(doors: Connections, action_id: str, wait: float) -> ActionRecord:
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


async def _visible(doors: Connections, who: Caller, action_id: str) -> ActionRecord:
    """Return a record the caller may see. To an agent, another agent's action does not exist."""
    record = await doors.actions.get(action_id)
    if who.kind is TokenKind.AGENT and record.action.agent != who.subject:
        raise NotFound(f"no action '{action_id}'")
    return record


def _view(doors: Connections, record: ActionRecord) -> ActionView:
    settings = doors.settings
    ui = str(settings.temporal_ui_url) if settings.temporal_ui_url else None
    return action_view(record, str(settings.public_url), ui, settings.temporal_namespace)
