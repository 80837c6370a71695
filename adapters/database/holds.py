"""Holds in PostgreSQL: placed and lifted with their ledger entries, and what they stop.

The gate itself is the function `active_hold` of the schema: the statements that accept and claim actions call it.
It takes a lock that placing takes exclusively. So placing waits for the claims under way, and each claim that comes
later sees the hold.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from domain.errors import NotFound
from domain.holds import Hold, HoldScope
from domain.ledger import Actor, Entry, EntryKind, Secret, entry

_GATE = 1752132708  # "hold"; the function active_hold takes the same lock, shared
_TELLING = 1752132709  # one process at a time tells waiting actions of holds
_LONGEST_PAUSE = "SET LOCAL idle_in_transaction_session_timeout = '10s'"
_LOOK_AGAIN_SECONDS = 0.1

_STANDING = """
SELECT clock_timestamp() AS now, (SELECT hold_value(h) FROM hold h
    WHERE scope = $1 AND subject IS NOT DISTINCT FROM $2 AND lifted_at IS NULL) AS hold"""

_PLACE = f"""
WITH changed AS (
    INSERT INTO hold (id, scope, subject, reason, placed_by, placed_at) VALUES ($10, $11, $12, $13, $14, $15)
    RETURNING hold
), {ENTRY_INSERTS}
SELECT hold_value(hold) FROM changed"""

_LIFT = f"""
WITH changed AS (
    UPDATE hold SET lifted_by = $11, lift_reason = $12, lifted_at = $13 WHERE id = $10 AND lifted_at IS NULL
    RETURNING hold
), {ENTRY_INSERTS}
SELECT hold_value(hold) FROM changed"""

_COVERED = "hold_covers(h.scope, h.subject, a.agent, a.use_case, a.action_type)"

_UNDER_WAY = f"""
SELECT a.id FROM hold h JOIN action a ON {_COVERED}
WHERE h.id = $1 AND a.state = 'executing' AND a.attempt_since IS NOT NULL ORDER BY a.attempt_since"""

_WAITING = f"""
SELECT a.id FROM hold h JOIN action a ON {_COVERED}
WHERE h.id = $1 AND a.state IN ('assessing', 'pending_approval', 'executing') AND a.id > $2 ORDER BY a.id LIMIT $3"""

_UNTOLD = """
SELECT hold_value(h) FROM hold h WHERE told_at IS NULL OR (lifted_at IS NOT NULL AND lift_told_at IS NULL)
ORDER BY placed_at"""


class Holds:
    """The store of holds."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def place(self, scope: HoldScope, subject: str | None, reason: str, by: Actor) -> tuple[Hold, bool]:
        """Place a hold. Returns the hold that is now on there, and whether it is new: one is enough.

        When this has returned no execution is claimed in its scope. One that was claimed before may still be having
        its effect: see `under_way`.
        """
        async with self._transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _GATE)
            # A statement of its own, after the lock: its clock and its snapshot are from after the last claim.
            found = await connection.fetchrow(_STANDING, scope.value, subject)
            if found["hold"] is not None:
                return Hold.model_validate_json(found["hold"]), False
            hold_id, now = secrets.token_hex(6), found["now"]
            data = {"hold": hold_id, "scope": scope.value, "subject": subject}
            written = _entry(EntryKind.HOLD_PLACED, hold_id, now, by, data, reason)
            placed = await connection.fetchval(
                _PLACE, *entry_parameters([written]), hold_id, scope.value, subject, reason, by.id, now
            )
            return Hold.model_validate_json(placed), True

    async def lift(self, hold_id: str, reason: str, by: Actor) -> Hold:
        """Lift a hold. One that was lifted before is returned as it is. Raises NotFound."""
        async with self._transaction() as connection:
            found = await connection.fetchrow(
                "SELECT hold_value(h) AS hold, greatest(clock_timestamp(), placed_at) AS now FROM hold h WHERE id = $1",
                hold_id,
            )
            if found is None:
                raise NotFound(f"no hold '{hold_id[:80]}'; `remit holds` shows which there are")
            hold = Hold.model_validate_json(found["hold"])
            data = {"hold": hold_id, "scope": hold.scope.value, "subject": hold.subject}
            written = _entry(EntryKind.HOLD_LIFTED, hold_id, found["now"], by, data, reason)
            lifted = await connection.fetchval(
                _LIFT, *entry_parameters([written]), hold_id, by.id, reason, found["now"]
            )
            if lifted is None:  # somebody else lifted it, before or at this moment
                lifted = await connection.fetchval("SELECT hold_value(h) FROM hold h WHERE id = $1", hold_id)
            return Hold.model_validate_json(lifted)

    async def newest(self, limit: int = 200, active: bool = False) -> list[Hold]:
        """Return holds, the newest first; only those that are on, if wanted."""
        wanted = "WHERE lifted_at IS NULL" if active else ""
        statement = f"SELECT hold_value(h) AS hold FROM hold h {wanted} ORDER BY placed_at DESC, id LIMIT $1"
        return await self._holds(statement, limit)

    async def over(self, action_id: str, since: datetime) -> list[Hold]:
        """Return the holds that were on over an action at any time since then."""
        statement = f"""SELECT hold_value(h) AS hold FROM action a JOIN hold h ON {_COVERED}
            WHERE a.id = $1 AND (h.lifted_at IS NULL OR h.lifted_at > $2)"""
        return await self._holds(statement, action_id, since)

    async def under_way(self, hold: Hold, patience: timedelta) -> list[str]:
        """Wait until no attempt to execute is under way in a hold's scope, for at most `patience`.

        Returns the ids of the actions whose attempts still are. They began before the hold was placed.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + patience.total_seconds()
        while True:
            with database_errors():
                found = [row["id"] for row in await self._pool.fetch(_UNDER_WAY, hold.id)]
            if not found or loop.time() >= until:
                return found
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def count_active(self) -> dict[HoldScope, int]:
        """Return how many holds are on, by scope."""
        with database_errors():
            rows = await self._pool.fetch("SELECT scope, count(*) FROM hold WHERE lifted_at IS NULL GROUP BY scope")
        return {**dict.fromkeys(HoldScope, 0), **{HoldScope(row["scope"]): row["count"] for row in rows}}

    async def waiting(self, hold: Hold, after: str, limit: int = 50) -> list[str]:
        """Return the ids of actions in a hold's scope that are not over, in order, those after the id `after`."""
        with database_errors():
            return [row["id"] for row in await self._pool.fetch(_WAITING, hold.id, after, limit)]

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[Sequence[Hold]]:
        """Yield the holds whose placing or lifting nobody has told the actions in their scope; note that it was done.

        One process at a time gets them. What is not finished is told again.
        """
        with database_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _TELLING):
                    yield []
                    return
                holds = [Hold.model_validate_json(row[0]) for row in await connection.fetch(_UNTOLD)]
                yield holds
                await connection.execute(
                    """UPDATE hold SET told_at = coalesce(told_at, clock_timestamp()),
                        lift_told_at = CASE WHEN id = ANY($2) THEN clock_timestamp() END WHERE id = ANY($1)""",
                    [hold.id for hold in holds],
                    [hold.id for hold in holds if hold.lifted_at is not None],
                )

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        """Begin a transaction that a process which stops in the middle of it cannot keep open."""
        with database_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_LONGEST_PAUSE)
                yield connection

    async def _holds(self, statement: str, *parameters: Any) -> list[Hold]:
        with database_errors():
            rows = await self._pool.fetch(statement, *parameters)
        return [Hold.model_validate_json(row["hold"]) for row in rows]


def _entry(kind: EntryKind, hold_id: str, at: datetime, by: Actor, data: dict[str, str | None], reason: str) -> Entry:
    kept = [Secret(name="reason", salt=secrets.token_bytes(32), content=reason.encode())]
    return entry(f"{kind.value}/{hold_id}", kind, at, by, data, secrets=kept)
