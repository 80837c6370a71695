"""How people review: what was asked of each of them, how fast they answered, and what they made of canaries.

It is there to see where asking is too much, or too little is read, and not to grade anybody. So small numbers are
never shown as shares, and every report carries `CAUTION`.

An approval counts as faster than the text can be read when less time passed, since the person had the request before
their eyes or else since they were notified, than its words take at `WORDS_PER_MINUTE`: the average of adults who read
non-fiction in English silently (M. Brysbaert, "How many words do we read per minute?", Journal of Memory and
Language 109, 2019, doi:10.1016/j.jml.2019.104047). Whoever knows such requests well reads faster, and some read
elsewhere first, so this says where to look, not what happened.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from domain.action import Frozen
from domain.votes import Decision

WORDS_PER_MINUTE = 238
ENOUGH = 20
"""Below so many, a share says more about chance than about a person."""

CAUTION = (
    "These numbers show where the process asks too much or is read too little. They are no measure of a person: they "
    "do not know how hard a request was, who knew it already, or who read it elsewhere. Talk to people before you "
    f"conclude anything, and conclude nothing from fewer than {ENOUGH} decisions."
)


class Review(Frozen):
    """One request to one person. `words` is how much text it had; times are missing for what did not happen."""

    person: str
    action: str
    notified_at: datetime | None = None
    seen_at: datetime | None = None
    decided_at: datetime | None = None
    decision: str | None = None
    canary: bool = False
    words: int = 0


class Canaries(Frozen):
    """What somebody made of canaries: those they were notified of or opened, and those they voted on."""

    seen: int = 0
    approved: int = 0
    rejected: int = 0


class ReviewerStatistics(Frozen):
    """One reviewer in one period, canaries counted apart. Times are in seconds.

    `approved_percent` is None below `ENOUGH` decisions, and the times are None without a decision on something that
    was opened before it.
    """

    person: str
    asked: int
    decided: int
    approved: int
    approved_percent: int | None
    seen_to_decided_median: float | None
    seen_to_decided_p90: float | None
    too_fast_approvals: int
    canaries: Canaries


def statistics_of(reviews: Iterable[Review]) -> list[ReviewerStatistics]:
    """Return the statistics of everybody who was asked or decided, by name."""
    by_person: dict[str, list[Review]] = {}
    for review in reviews:
        by_person.setdefault(review.person, []).append(review)
    return [_of_one(person, found) for person, found in sorted(by_person.items())]


def words_of(arguments: bytes, claim: str | None) -> int:
    """Count the words of a request: of the arguments, names and values alike, and of what the agent says."""
    said = " ".join([*_texts(json.loads(arguments)), claim or ""])
    return len(said.split())


def reading_time(words: int) -> timedelta:
    """Return how long words take to be read."""
    return timedelta(minutes=words / WORDS_PER_MINUTE)


def is_too_fast(review: Review) -> bool:
    """Say whether an approval took less time than its text takes to be read. One without a beginning never did."""
    if review.decision != Decision.APPROVE or review.decided_at is None:
        return False
    began = next(
        (at for at in (review.seen_at, review.notified_at) if at is not None and at <= review.decided_at), None
    )
    return began is not None and review.decided_at - began < reading_time(review.words)


def share(part: int, whole: int) -> str:
    """Say how many, and as a percentage where there are enough: `17 of 20 (85 %)`, `2 of 3`."""
    percent = _percent(part, whole)
    return f"{part} of {whole}" + (f" ({percent} %)" if percent is not None else "")


def _of_one(person: str, found: Sequence[Review]) -> ReviewerStatistics:
    real = [review for review in found if not review.canary]
    decided = [review for review in real if review.decided_at is not None]
    approved = [review for review in decided if review.decision == Decision.APPROVE]
    took = sorted(
        (review.decided_at - review.seen_at).total_seconds()
        for review in decided
        if review.seen_at is not None and review.decided_at is not None and review.decided_at >= review.seen_at
    )
    return ReviewerStatistics(
        person=person,
        asked=len({review.action for review in real}),
        decided=len(decided),
        approved=len(approved),
        approved_percent=_percent(len(approved), len(decided)),
        seen_to_decided_median=median(took) if took else None,
        seen_to_decided_p90=took[math.ceil(len(took) * 0.9) - 1] if took else None,
        too_fast_approvals=sum(is_too_fast(review) for review in approved),
        canaries=_canaries([review for review in found if review.canary]),
    )


def _canaries(found: Sequence[Review]) -> Canaries:
    return Canaries(
        seen=len({review.action for review in found}),
        approved=sum(review.decision == Decision.APPROVE for review in found),
        rejected=sum(review.decision == Decision.REJECT for review in found),
    )


def _percent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole >= ENOUGH else None


def _texts(value: Any) -> Iterator[str]:
    """Yield the names and values of JSON as text."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
    else:
        yield json.dumps(value)
