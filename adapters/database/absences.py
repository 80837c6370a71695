"""Absences that people declared themselves, in PostgreSQL: one for each person, written with its ledger entry."""

from collections.abc import Mapping
from datetime import datetime

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from domain.catalog import Absence
from domain.ledger import Actor, EntryKind, entry

_DECLARE = f"""
WITH changed AS (
    INSERT INTO absence (person, first_day, last_day, delegate, declared_at) VALUES ($10, $11, $12, $13, $14)
    ON CONFLICT (person) DO UPDATE SET first_day = $11, last_day = $12, delegate = $13, declared_at = $14
    RETURNING person
), {ENTRY_INSERTS}
SELECT person FROM changed"""

_END = f"""
WITH changed AS (DELETE FROM absence WHERE person = $10 RETURNING person), {ENTRY_INSERTS}
SELECT person FROM changed"""


class Absences:
    """The store of declared absences."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def declared(self) -> Mapping[str, Absence]:
        """Return the absences that are not over, by person. Whose day it is yet differs by a day around the world."""
        statement = "SELECT person, first_day, last_day, delegate FROM absence WHERE last_day >= current_date - 1"
        with database_errors():
            rows = await self._pool.fetch(statement)
        return {
            row["person"]: Absence(first_day=row["first_day"], last_day=row["last_day"], delegate=row["delegate"])
            for row in rows
        }

    async def declare(self, absence: Absence, by: Actor, at: datetime) -> None:
        """Note that the person `by` is away, in the place of what they declared before."""
        data = {**absence.model_dump(mode="json"), "person": by.id}
        written = entry(f"absence/{by.id}/{at.isoformat()}", EntryKind.ABSENCE_DECLARED, at, by, data)
        with database_errors():
            await self._pool.execute(
                _DECLARE,
                *entry_parameters([written]),
                by.id,
                absence.first_day,
                absence.last_day,
                absence.delegate,
                at,
            )

    async def end(self, by: Actor, at: datetime) -> bool:
        """Note that the person `by` is back. False when they had declared nothing."""
        written = entry(f"absence/{by.id}/{at.isoformat()}", EntryKind.ABSENCE_ENDED, at, by, {"person": by.id})
        with database_errors():
            return await self._pool.fetchval(_END, *entry_parameters([written]), by.id) is not None
