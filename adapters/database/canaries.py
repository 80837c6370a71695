"""Canaries in PostgreSQL: which actions are fakes. The claim of actions looks here (adapters/database/actions.py)."""

from datetime import datetime

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from domain.canary import Canary, CanaryResult
from domain.ledger import Entry

_MARK = f"""
WITH changed AS (
    INSERT INTO canary (action, planted_by, planted_at) VALUES ($10, $11, $12) RETURNING action
), {ENTRY_INSERTS}
SELECT count(*) FROM changed"""

_END = f"""
WITH changed AS (
    UPDATE canary SET result = $11, ended_at = $12 WHERE action = $10 AND result IS NULL RETURNING action
), {ENTRY_INSERTS}
SELECT count(*) FROM changed"""


class Canaries:
    """The store of canaries."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def mark(self, canary: Canary, entry: Entry) -> None:
        """Mark an action as a canary, before it is submitted: so there is no moment in which it could run."""
        with database_errors():
            await self._pool.execute(
                _MARK, *entry_parameters([entry]), canary.action, canary.planted_by, canary.planted_at
            )

    async def end(self, action_id: str, result: CanaryResult, at: datetime, entry: Entry) -> bool:
        """Record what people made of a canary, once. False when that was recorded before, or it is none."""
        with database_errors():
            ended = await self._pool.fetchval(_END, *entry_parameters([entry]), action_id, result.value, at)
        return bool(ended)

    async def newest(self, limit: int = 50) -> list[Canary]:
        """Return canaries with what became of them, newest first."""
        with database_errors():
            rows = await self._pool.fetch(
                """SELECT action, planted_by, planted_at, result, ended_at FROM canary
                   ORDER BY planted_at DESC, action LIMIT $1""",
                limit,
            )
        return [Canary.model_validate(dict(row)) for row in rows]
