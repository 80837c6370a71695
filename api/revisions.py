"""The doors to what happens to an action besides votes: revisions, answers, and the clock of its approval."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from adapters.database.tokens import Caller, TokenKind
from api import managing, revising
from api.actions import ActionId, visible
from api.identity import AgentCaller, AnyCaller, Doors, ReviewerCaller
from api.problems import documented
from api.resources import VoteReceipt
from domain.action import Digest
from domain.approval import Door, Receipt
from domain.canonical import canonical_bytes, digest, revision_bytes
from domain.errors import Forbidden, Refused
from domain.escalation import AnswerRequest, ManageRequest
from domain.ledger import Actor, ActorKind

router = APIRouter(prefix="/v1/actions", tags=["actions"])

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Names this one request of yours: sent again with the same key and body, it is done once",
    ),
]
_STATUSES = documented(401, 403, 404, 409, 413, 422, 423, 429, 503)


class RevisionRequest(BaseModel):
    """New arguments in the place of those that were read, which `base` names."""

    model_config = ConfigDict(extra="forbid")

    base: Annotated[Digest, Field(description="The revision that was read", examples=["sha256:" + "0" * 64])]
    arguments: dict[str, Any]
    reason: Annotated[str, Field(max_length=2000)] = ""


class RevisionReceipt(VoteReceipt):
    """A revision that was made, by its digest, and where its approval stands."""

    revision: str


class AnswerBody(BaseModel):
    """The answer to the questions that are open."""

    model_config = ConfigDict(extra="forbid")

    answer: Annotated[str, Field(min_length=1, max_length=8000, pattern=r"\S")]


class Reassignment(BaseModel):
    """Whom the question is handed to: somebody who may vote."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(min_length=1, max_length=80, examples=["ben"])]


class Postponement(BaseModel):
    """A moment, with its zone."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime


@router.post(
    "/{action_id}/revisions",
    summary="Revise an action that waits",
    response_model=RevisionReceipt,
    responses=_STATUSES,
)
async def revise(
    action_id: ActionId, wanted: RevisionRequest, who: AnyCaller, doors: Doors, key: Key
) -> RevisionReceipt:
    """Put other arguments in the place of those that people are asked about: all of them for the action's agent, what
    its type's `editable` names for a reviewer who may vote. The policy judges them anew, and earlier votes are void.

    Sent again with the same key and body, it is made once. A refusal is final: another try takes another key.
    """
    if who.kind is TokenKind.ADMIN:
        raise Forbidden("this needs a token of kind agent or reviewer; yours is admin")
    await visible(doors, who, action_id)
    named = digest(revision_bytes(wanted.arguments))
    kind = ActorKind.AGENT if who.kind is TokenKind.AGENT else ActorKind.PERSON
    request = revising.Wanted(
        id=_request_id(who, key, [wanted.base, named, wanted.reason]),
        base=wanted.base,
        arguments=wanted.arguments,
        reason=wanted.reason,
    )
    actor = Actor(kind=kind, id=who.subject, door=Door.API.value)
    revision, receipt = await revising.revise(doors, action_id, actor, request)
    return RevisionReceipt(revision=revision, **_accepted(receipt).model_dump())


@router.post(
    "/{action_id}/answers",
    summary="Answer questions about an action",
    response_model=VoteReceipt,
    responses=_STATUSES,
)
async def answer(action_id: ActionId, said: AnswerBody, who: AgentCaller, doors: Doors, key: Key) -> VoteReceipt:
    """Answer the questions with which a reviewer returned an action of the agent's own. People are asked again."""
    await visible(doors, who, action_id)
    request = AnswerRequest(id=_request_id(who, key, said.answer), agent=who.subject, answer=said.answer)
    return _accepted(await managing.answer(doors, action_id, request))


@router.post(
    "/{action_id}/approval/reassign",
    summary="Hand the question to a colleague",
    response_model=VoteReceipt,
    responses=_STATUSES,
)
async def reassign(
    action_id: ActionId, wanted: Reassignment, who: ReviewerCaller, doors: Doors, key: Key
) -> VoteReceipt:
    """Hand the question to somebody who may vote. Everybody who may vote still may."""
    request = ManageRequest(
        id=_request_id(who, key, wanted.to), kind="reassign", person=who.subject, to=wanted.to, door=Door.API
    )
    return _accepted(await managing.manage(doors, action_id, request))


@router.post(
    "/{action_id}/approval/snooze",
    summary="Put off the next reminder",
    response_model=VoteReceipt,
    responses=_STATUSES,
)
async def snooze(action_id: ActionId, wanted: Postponement, who: ReviewerCaller, doors: Doors, key: Key) -> VoteReceipt:
    """Put off the next reminder. Nobody else is asked later for it, and the deadline stays."""
    until = managing.moment(wanted.until)
    request = ManageRequest(
        id=_request_id(who, key, until.isoformat()), kind="snooze", person=who.subject, until=until, door=Door.API
    )
    return _accepted(await managing.manage(doors, action_id, request))


@router.post(
    "/{action_id}/approval/extend",
    summary="Move the deadline, once",
    response_model=VoteReceipt,
    responses=_STATUSES,
)
async def extend(action_id: ActionId, wanted: Postponement, who: ReviewerCaller, doors: Doors, key: Key) -> VoteReceipt:
    """Move the deadline to a later moment: once, and by no more than the policy allows."""
    until = managing.moment(wanted.until)
    request = ManageRequest(
        id=_request_id(who, key, until.isoformat()), kind="extend", person=who.subject, until=until, door=Door.API
    )
    return _accepted(await managing.manage(doors, action_id, request))


def _request_id(who: Caller, key: str, content: str | list[str]) -> str:
    """Name a request by who sent it, their key and what it says, so that a key never stands for another content."""
    return f"api-{hashlib.sha256(canonical_bytes([who.kind.value, who.subject, key, content])).hexdigest()}"


def _accepted(receipt: Receipt) -> VoteReceipt:
    """Return the receipt of what counts. Raises Refused."""
    if receipt.refusal is not None:
        raise Refused(receipt.refusal)
    return VoteReceipt.model_validate(receipt.model_dump(exclude={"refusal"}))
