"""`remit reviewers`: how people review, for whoever answers for the process."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import asyncpg
import typer

from adapters.database.assignments import Assignments
from commands.running import err, out, settings_or_fail, with_pool
from domain.review_statistics import CAUTION, Canaries, ReviewerStatistics, share, statistics_of

app = typer.Typer()


@app.command("reviewers")
def reviewers(
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back from now")] = 30,
) -> None:
    """Show how much reviewers are asked, how fast they decide, and what they made of canaries."""

    async def read(pool: "asyncpg.Pool[asyncpg.Record]") -> list[ReviewerStatistics]:
        now = datetime.now(UTC)
        period = Assignments(pool).reviews(now - timedelta(days=days), now)
        return statistics_of([review async for review in period])

    found = with_pool(settings_or_fail().database_url, read)
    err.print(CAUTION)
    if not found:
        err.print(f"nobody was asked in the last {days} days")
    for each in found:
        for line in _lines(each):
            out.print(line)


def _lines(each: ReviewerStatistics) -> list[str]:
    times = "no decision on something that was opened before it"
    if each.seen_to_decided_median is not None and each.seen_to_decided_p90 is not None:
        times = f"median {_span(each.seen_to_decided_median)}, p90 {_span(each.seen_to_decided_p90)}"
    return [
        f"{each.person}: asked {each.asked}, decided {each.decided}",
        f"  approved {share(each.approved, each.decided)}",
        f"  from opened to decided: {times}",
        f"  approved faster than the text can be read: {share(each.too_fast_approvals, each.approved)}",
        f"  canaries: {_canaries(each.canaries)}",
    ]


def _canaries(canaries: Canaries) -> str:
    if not canaries.seen:
        return "none"
    return f"{canaries.seen}, of which {canaries.rejected} rejected and {canaries.approved} approved"


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
