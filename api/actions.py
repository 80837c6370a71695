"""The doors to actions: agents submit, follow and withdraw them; reviewers vote on them."""

import json
import secrets
from typing import Annotated

from fastapi import APIRouter, Body, Header, Path, Query, Response

from adapters.database.tokens import Caller, TokenKind
from api.connections import Connections
from api.identity import AgentCaller, AnyCaller, Doors, ReviewerCaller
from api.problems import documented
from api.resources import (
    ActionDetail,
    ActionPage,
    ActionView,
    LedgerEntryView,
    LedgerView,
    VoteReceipt,
    VoteRequest,
    action_view,
    cursor_of,
    place_of,
    revision_views,
)
from api.submission import EXAMPLES, accept, carry, ended_within
from api.voting import PATIENCE, cast_ballot, refused_by_record
from domain import policy_change
from domain.action import State, Submission, Tier
from domain.approval import Ballot, Door
from domain.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    Refused,
)
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


@router.post(
    "",
    status_code=202,
    summary="Submit an action",
    response_model=ActionView,
    responses={
        201: {"model": ActionView, "description": "The action finished within the wait"},
        202: {"model": ActionView, "description": "The action goes on: follow it at `Location`"},
        **documented(401, 403, 409, 413, 422, 423, 429, 503),
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
    if who.subject == policy_change.AGENT:
        raise Forbidden("changes of the policy are proposed by people: POST /v1/policy/proposals")
    accepted = await accept(doors, who, submission, key)
    record = await carry(doors, accepted, wait)
    response.status_code = 201 if record.state.final else 202
    response.headers["Location"] = f"/v1/actions/{record.action.id}"
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
    # An agent never asked for the canaries that pass for its requests.
    records = await doors.actions.newest(filters, before, limit + 1, canaries=who.kind is not TokenKind.AGENT)
    more = len(records) > limit
    records = records[:limit]
    return ActionPage(items=[_view(doors, record) for record in records], next=cursor_of(records[-1]) if more else None)


@router.get(
    "/{action_id}",
    summary="Follow an action",
    response_model=ActionDetail,
    responses=documented(401, 403, 404, 422, 503),
)
async def follow(action_id: ActionId, who: AnyCaller, doors: Doors, wait: Wait = 0) -> ActionDetail:
    """Return an action with its revisions, waiting up to `wait` seconds for it to finish."""
    record = await visible(doors, who, action_id)
    if wait and not record.state.final:
        record = await ended_within(doors, action_id, wait)
    revisions = revision_views(record, await doors.revisions.made(action_id))
    return ActionDetail(revisions=revisions, **dict(_view(doors, record)))


@router.post(
    "/{action_id}/cancel",
    summary="Withdraw an action that waits",
    response_model=ActionView,
    responses=documented(401, 403, 404, 409, 422, 429, 503),
)
async def withdraw(action_id: ActionId, who: AgentCaller, doors: Doors) -> ActionView:
    """Withdraw an action of the agent's own while nobody has decided. Withdrawn before, it is returned as it is."""
    record = await visible(doors, who, action_id)
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
    responses=documented(401, 403, 404, 409, 422, 423, 429, 503),
)
async def vote(action_id: ActionId, wanted: VoteRequest, who: ReviewerCaller, doors: Doors) -> VoteReceipt:
    """Approve, reject or return the revision that was read. A rejection needs a reason, and an approval where
    `approval.reason_required` says so. To return it is no vote: `reason` are questions, which go to the agent."""
    ballot = Ballot(
        id=f"api-{secrets.token_hex(8)}",
        person=who.subject,
        decision=wanted.decision,
        revision=wanted.revision,
        reason=wanted.reason,
        reason_id=wanted.reason_id,
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
    await visible(doors, who, action_id)
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


async def visible(doors: Connections, who: Caller, action_id: str) -> ActionRecord:
    """Return a record the caller may see. To an agent, another agent's action does not exist, nor does a canary."""
    record = await doors.actions.get(action_id)
    if who.kind is TokenKind.AGENT and (record.action.agent != who.subject or record.canary):
        raise NotFound(f"no action '{action_id}'")
    return record


def _view(doors: Connections, record: ActionRecord) -> ActionView:
    settings = doors.settings
    ui = str(settings.temporal_ui_url) if settings.temporal_ui_url else None
    return action_view(record, str(settings.public_url), ui, settings.temporal_namespace)
