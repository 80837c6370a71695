"""The door to the statistics of reviewers, for admins alone: they are shown to risk, and to shame nobody."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel

from adapters.database.tokens import Caller, TokenKind
from api.identity import Doors, one_of
from api.problems import documented
from domain.errors import InvalidRequest
from domain.review_statistics import CAUTION, WORDS_PER_MINUTE, ReviewerStatistics, statistics_of

router = APIRouter(prefix="/v1/reviewers", tags=["reviewers"])

PERIOD = timedelta(days=30)
LONGEST = timedelta(days=366)
AdminCaller = Annotated[Caller, Depends(one_of(TokenKind.ADMIN))]
Moment = Annotated[AwareDatetime | None, Query(description="With its time zone, as in 2026-11-02T00:00:00Z")]


class ReviewersView(BaseModel):
    """What was asked of reviewers in a period and what they made of it. Read `caution` first; times are in seconds."""

    caution: str
    since: datetime
    until: datetime
    words_per_minute: int
    reviewers: list[ReviewerStatistics]


@router.get(
    "/statistics",
    summary="How people review: how much, how fast, and what they made of canaries",
    response_model=ReviewersView,
    responses=documented(401, 403, 422, 503),
)
async def statistics(_who: AdminCaller, doors: Doors, since: Moment = None, until: Moment = None) -> ReviewersView:
    """Return the statistics of everybody who was asked or decided: of the last 30 days unless told otherwise."""
    end = until or datetime.now(UTC)
    if any(not 2000 <= given.year < 9999 for given in (since, end) if given is not None):
        raise InvalidRequest(f"there is nothing so far away: {since} to {end}")
    start = since or end - PERIOD
    if not timedelta(0) < end - start <= LONGEST:
        raise InvalidRequest(
            f"a period begins before it ends and has up to {LONGEST.days} days; yours: {start} to {end}"
        )
    reviews = [review async for review in doors.assignments.reviews(start, end)]
    return ReviewersView(
        caution=CAUTION,
        since=start,
        until=end,
        words_per_minute=WORDS_PER_MINUTE,
        reviewers=statistics_of(reviews),
    )
