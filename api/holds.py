"""The doors to holds: admins place and lift them, reviewers may look."""

from datetime import timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from adapters.database.tokens import Caller, TokenKind
from api.identity import Doors, one_of
from api.problems import documented
from api.resources import HoldView, hold_view
from domain.action import Identifier
from domain.holds import HoldScope, check_subject
from domain.ledger import Actor, ActorKind

router = APIRouter(prefix="/v1/holds", tags=["holds"])

PATIENCE_SECONDS = 10
AdminCaller = Annotated[Caller, Depends(one_of(TokenKind.ADMIN))]
HoldReader = Annotated[Caller, Depends(one_of(TokenKind.ADMIN, TokenKind.REVIEWER))]
HoldId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="The hold's id")]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$"),
    Field(description="Why, for whoever is stopped by it and for the ledger"),
]


class HoldRequest(BaseModel):
    """What to stop: everything, or one agent, use case or action type, named by `subject`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"scope": "everything", "reason": "stop"}})

    scope: HoldScope
    subject: Identifier | None = None
    reason: Reason

    @model_validator(mode="after")
    def _subject_fits_the_scope(self) -> Self:
        if (self.scope is HoldScope.EVERYTHING) != (self.subject is None):
            raise ValueError("everything has no subject; an agent, a use case or an action type is named by its id")
        return self


class LiftRequest(BaseModel):
    """Why it may go on."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class PlacedHold(HoldView):
    """A hold that is on. `under_way` are the actions whose effect began before it and has not ended yet."""

    under_way: list[str]


class HoldList(BaseModel):
    """Holds, the newest first."""

    items: list[HoldView]


@router.post(
    "",
    status_code=201,
    summary="Stop everything, an agent, a use case or an action type",
    response_model=PlacedHold,
    responses={
        200: {"model": PlacedHold, "description": "It was on already"},
        **documented(401, 403, 422, 503),
    },
)
async def place(
    wanted: HoldRequest,
    who: AdminCaller,
    doors: Doors,
    response: Response,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for what is under way")] = PATIENCE_SECONDS,
) -> PlacedHold:
    """Place a hold. Once this has returned, no effect begins in its scope.

    The hold is on at once. The answer comes when the effects that began before it have ended, or after `wait` seconds
    with the ids of the actions whose effects have not. Placing what is on already is answered with that hold.
    """
    if wanted.subject is not None:
        check_subject(wanted.scope, wanted.subject, (await doors.policies.current()).bundle)
    hold, fresh = await doors.holds.place(wanted.scope, wanted.subject, wanted.reason, _actor(who))
    under_way = await doors.holds.under_way(hold, timedelta(seconds=wait))
    response.status_code = 201 if fresh else 200
    return PlacedHold.model_validate({**hold.model_dump(), "under_way": under_way})


@router.post(
    "/{hold_id}/release",
    summary="Lift a hold",
    response_model=HoldView,
    responses=documented(401, 403, 404, 422, 503),
)
async def release(hold_id: HoldId, wanted: LiftRequest, who: AdminCaller, doors: Doors) -> HoldView:
    """Lift a hold: what it froze goes on with the time that was left. Lifted before, it is returned as it is."""
    return hold_view(await doors.holds.lift(hold_id, wanted.reason, _actor(who)))


@router.get(
    "",
    summary="List holds, newest first",
    response_model=HoldList,
    responses=documented(401, 403, 422, 503),
)
async def listing(
    who: HoldReader,
    doors: Doors,
    active: Annotated[bool, Query(description="Only those that are on")] = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> HoldList:
    """List the holds that are on, and those that were."""
    return HoldList(items=[hold_view(hold) for hold in await doors.holds.newest(limit, active)])


def _actor(who: Caller) -> Actor:
    return Actor(kind=ActorKind.ADMIN, id=who.subject, door="api")
