"""The doors to the policy: what is active, what was, and proposals to change it."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from adapters.database.policies import Activation, Policies
from adapters.database.tokens import Caller, TokenKind
from api.identity import AnyCaller, Doors, ReviewerCaller, one_of
from api.problems import documented
from api.proposals import MAX_PAST, active_now, earlier_bundle, propose, read
from api.submission import carry
from domain.action import Digest, State
from domain.policy_change import Change
from domain.record import ActionRecord

router = APIRouter(prefix="/v1/policy", tags=["policy"])
HistoryReader = Annotated[Caller, Depends(one_of(TokenKind.REVIEWER, TokenKind.ADMIN))]


class ProposalRequest(BaseModel):
    """The bundle that is to be active, as one document, or the digest of one that was active before; and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"earlier": "sha256:" + "0" * 64, "reason": "it asks too often"}}
    )

    bundle: dict[str, Any] | None = None
    earlier: Digest | None = None
    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$"),
        Field(description="Why, for the people who approve it"),
    ]

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.bundle is None) == (self.earlier is None):
            raise ValueError("send either a bundle, or the digest of an earlier one")
        return self


class ProposalView(BaseModel):
    """A proposed change of the policy, with what its approvers are shown. `action` is the action that asks them."""

    action: str
    state: State
    version: str
    digest: str
    replaces: str
    author: str
    reason: str
    differences: list[str]
    replay: list[str]
    review: str


class ActivationView(BaseModel):
    """Which bundle is active since when, by whom, and by which action. An operator's first one has no action."""

    version: str
    digest: str
    since: datetime
    by: str
    action: str | None


class ActivationList(BaseModel):
    """The newest 200 activations, the newest first."""

    items: list[ActivationView]


@router.post(
    "/proposals",
    status_code=202,
    summary="Propose a change of the policy",
    response_model=ProposalView,
    responses=documented(401, 403, 404, 409, 413, 422, 423, 503),
)
async def proposal(wanted: ProposalRequest, who: ReviewerCaller, doors: Doors, response: Response) -> ProposalView:
    """Check a bundle, run its tests, and ask the people whom the active bundle names. It is never active by this alone.

    The author has no vote on it. The body may have up to 256 KiB.
    """
    bundle = read(wanted.bundle) if wanted.bundle is not None else await earlier_bundle(doors, wanted.earlier or "")
    record = await carry(doors, await propose(doors, who, bundle, wanted.reason), 0)
    response.headers["Location"] = f"/v1/actions/{record.action.id}"
    return _proposal_view(record, str(doors.settings.public_url))


@router.get(
    "",
    summary="The policy that is active",
    response_model=ActivationView,
    responses=documented(401, 503),
)
async def active(who: AnyCaller, doors: Doors) -> ActivationView:
    """Return which bundle is active. Each process uses it after at most `REMIT_POLICY_REFRESH_SECONDS`."""
    return _activation_view(await active_now(doors))


@router.get(
    "/history",
    summary="The policies that were active",
    response_model=ActivationList,
    responses=documented(401, 403, 503),
)
async def history(who: HistoryReader, doors: Doors) -> ActivationList:
    """Return which bundle was active from when on, the newest first."""
    return ActivationList(items=[_activation_view(each) for each in await Policies(doors.pool).activations(MAX_PAST)])


def _activation_view(activation: Activation) -> ActivationView:
    return ActivationView(
        version=activation.version,
        digest=activation.digest,
        since=activation.activated_at,
        by=activation.activated_by,
        action=activation.action,
    )


def _proposal_view(record: ActionRecord, public_url: str) -> ProposalView:
    action = record.action
    change = Change.model_validate_json(action.arguments_bytes)
    return ProposalView(
        action=action.id,
        state=record.state,
        digest=change.bundle,
        review=f"{public_url.rstrip('/')}/review/{action.id}",
        **change.model_dump(exclude={"bundle"}),
    )
