"""What actions count for in PostgreSQL: what `over_limit` and `tally_total` of the schema take, and the history."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.jsonb import storable
from domain.guardrails import AggregateQuery, Measure, Tally, Use

_HISTORY = """
SELECT t.id, tally_total(t, $2, $3) + t.weight AS total FROM jsonb_populate_recordset(NULL::tally, $1::jsonb) t"""


class History:
    """What happened lately, added up."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def history(self, action_id: str, wanted: Sequence[AggregateQuery], at: datetime) -> dict[str, int]:
        """Return each aggregate by its id, in windows that end at `at`, the action itself included.

        Everything counts that waits, runs or has run; what ended without an effect does not.
        """
        if not wanted:
            return {}
        with database_errors():
            rows = await self._pool.fetch(_HISTORY, tallies(wanted), at, action_id)
        return {row["id"]: row["total"] for row in rows}


def tallies(wanted: Sequence[Tally]) -> str:
    """Return tallies or uses as the JSON that the schema's functions take."""
    rows = [
        tally.model_dump(mode="json", exclude={"window", "terms"}) | {"seconds": tally.window.total_seconds()}
        for tally in wanted
    ]
    return storable(json.dumps(rows))


def uses_parameter(uses: Sequence[Use]) -> str | None:
    """Return what `over_limit` takes: None, where no limit is met, spares calling it."""
    return tallies(uses) if uses else None


def measure_parameters(measure: Measure) -> tuple[Any, ...]:
    """Return recipients, amount and currency as they are stored: PostgreSQL's text has no NUL."""
    recipients = sorted({recipient.replace("\0", "\ufffd") for recipient in measure.recipients})
    return recipients, measure.amount, measure.currency.replace("\0", "\ufffd")
