"""Assignments in PostgreSQL: who was notified of which request, and when they saw and decided it.

Decisions are written by the database itself, whichever door the vote came through (migration 0007).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from pydantic import BaseModel

from adapters.database.connection import database_errors
from domain.action import Frozen
from domain.attention import Load, Turns
from domain.review_statistics import Review, words_of

_LOCKS = 0x61747465  # "atte": the advisory locks of this file

# What waits for a person: what they were notified of, or will be, and neither they nor anybody else has decided. A
# digest is one message, however much stands in it.
_LOADS = """
SELECT s.person,
    count(*) FILTER (WHERE s.decided_at IS NULL AND a.state = 'pending_approval'
        AND s.stage >= coalesce((a.approval ->> 'stage')::integer, 1)
        AND (s.notified_at IS NOT NULL OR s.deferred_until IS NOT NULL)) AS open,
    count(DISTINCT coalesce(s.digest, s.action))
        FILTER (WHERE s.notified_at > $2::timestamptz - interval '1 hour') AS last_hour
FROM assignment s JOIN action a ON a.id = s.action
WHERE s.person = ANY ($1::text[]) AND (s.decided_at IS NULL OR s.notified_at > $2::timestamptz - interval '1 hour')
GROUP BY s.person"""

_ASSIGN = """
INSERT INTO assignment (action, person, stage, notified_at, deferred_until)
SELECT $1, person, $2, CASE WHEN until IS NULL THEN $3::timestamptz END, until
FROM unnest($4::text[], $5::timestamptz[]) AS t(person, until)
ON CONFLICT (action, person, stage)
    DO UPDATE SET notified_at = excluded.notified_at, deferred_until = excluded.deferred_until
    WHERE assignment.notified_at IS NULL"""

_SEEN = """
WITH known AS (
    UPDATE assignment SET seen_at = coalesce(seen_at, $3::timestamptz)
    WHERE action = $1 AND person = $2 AND decided_at IS NULL
)
INSERT INTO assignment (action, person, stage, seen_at)
SELECT $1, $2, coalesce((approval ->> 'stage')::integer, 1), $3 FROM action
WHERE id = $1 AND state = 'pending_approval'
    AND NOT EXISTS (SELECT FROM assignment WHERE action = $1 AND person = $2)
ON CONFLICT DO NOTHING"""

# Locks are shared by names that hash alike, and taken in order, so that nobody waits in a circle.
_LOCK = """
SELECT pg_advisory_xact_lock($1, number) FROM (
    SELECT DISTINCT hashtext(name) & 255 AS number FROM unnest($2::text[]) AS name ORDER BY 1
) AS ordered"""

_DIGEST = """
UPDATE assignment s SET notified_at = $3, digest = $4
FROM action a
WHERE a.id = s.action AND s.person = $1 AND s.action = ANY ($2::text[]) AND s.notified_at IS NULL
    AND s.deferred_until IS NOT NULL"""

_REVIEWS = """
SELECT s.person, s.notified_at, s.seen_at, s.decided_at, s.decision, s.action, c.action IS NOT NULL AS canary,
    a.arguments, a.context ->> 'reasoning' AS claim
FROM assignment s JOIN action a ON a.id = s.action LEFT JOIN canary c ON c.action = s.action
WHERE coalesce(s.notified_at, s.seen_at, s.decided_at) >= $1 AND coalesce(s.notified_at, s.seen_at, s.decided_at) < $2
ORDER BY s.person, s.action, s.stage"""
_PAGE = 500


class Standing(Frozen):
    """Who has a turn in a stage: by a message of their own, by a digest that came, and by one that is to come."""

    notified: list[str] = []
    digested: list[str] = []
    deferred: dict[str, datetime] = {}


class Due(BaseModel):
    """A request that a digest is to hold for a person."""

    action: str
    stage: int
    deferred_until: datetime


Choose = Callable[[Mapping[str, Load], Standing], Turns]


class Assignments:
    """The store of assignments."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def assign(
        self, action_id: str, stage: int, candidates: Sequence[str], at: datetime, choose: Choose
    ) -> Standing:
        """Give out turns, and return who has one now.

        `choose` gets what the candidates have on their hands, and who has a turn already. Whoever else would load the
        same people meanwhile waits, so that a cap that is respected is respected exactly.
        """
        with database_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_LOCK, _LOCKS, [action_id, *candidates])
                before = await _standing(connection, action_id, stage)
                loads = await connection.fetch(_LOADS, list(candidates), at)
                turns = choose(_by_person(loads), before)
                until = [(name, None) for name in turns.now] + [(later.person, later.at) for later in turns.later]
                if not until:
                    return before
                names, times = zip(*until, strict=True)
                await connection.execute(_ASSIGN, action_id, stage, at, list(names), list(times))
                return await _standing(connection, action_id, stage)

    async def loads(self, people: Sequence[str], at: datetime) -> dict[str, Load]:
        """Return what people have on their hands. Whoever has nothing is not in it."""
        with database_errors():
            return _by_person(await self._pool.fetch(_LOADS, list(people), at))

    async def seen(self, action_id: str, person: str, at: datetime) -> None:
        """Note that a person has an action that waits before their eyes. The first time counts."""
        with database_errors():
            await self._pool.execute(_SEEN, action_id, person, at)

    async def due(self, person: str) -> list[Due]:
        """Return what a person's next digest is to hold, the oldest first: what still waits and has reached nobody."""
        with database_errors():
            rows = await self._pool.fetch(
                """SELECT s.action, s.stage, s.deferred_until FROM assignment s JOIN action a ON a.id = s.action
                   WHERE s.person = $1 AND s.notified_at IS NULL AND s.deferred_until IS NOT NULL
                       AND s.decided_at IS NULL AND a.state = 'pending_approval'
                   ORDER BY s.deferred_until, s.action""",
                person,
            )
        return [Due.model_validate(dict(row)) for row in rows]

    async def last_digest(self, person: str) -> datetime | None:
        """Return when a person got their last digest; None before the first."""
        with database_errors():
            found: datetime | None = await self._pool.fetchval(
                "SELECT max(notified_at) FROM assignment WHERE person = $1 AND digest IS NOT NULL", person
            )
        return found

    async def digested(self, person: str, actions: Sequence[str], at: datetime, digest: str) -> None:
        """Note that these requests reached a person in a digest. Those that reached them before are left alone."""
        with database_errors():
            await self._pool.execute(_DIGEST, person, list(actions), at, digest)

    async def in_digest(self, digest: str) -> list[str]:
        """Return the actions of a digest, by its name (`ann/2026-11-02T10:00:00.000000+00:00`), the oldest first."""
        person, _, _ = digest.rpartition("/")
        with database_errors():
            rows = await self._pool.fetch(
                """SELECT action FROM assignment WHERE person = $1 AND digest = $2
                   GROUP BY action ORDER BY min(deferred_until), action""",
                person,
                digest,
            )
        return [row["action"] for row in rows]

    async def reviews(self, since: datetime, until: datetime) -> AsyncIterator[Review]:
        """Yield what was asked of people in a period, canaries too; the texts they got are counted, not returned."""
        with database_errors():
            async with self._pool.acquire() as connection, connection.transaction(readonly=True):
                async for row in connection.cursor(_REVIEWS, since, until, prefetch=_PAGE):
                    yield Review(
                        person=row["person"],
                        action=row["action"],
                        notified_at=row["notified_at"],
                        seen_at=row["seen_at"],
                        decided_at=row["decided_at"],
                        decision=row["decision"],
                        canary=row["canary"],
                        words=words_of(row["arguments"], row["claim"]),
                    )


async def _standing(connection: "PoolConnectionProxy[asyncpg.Record]", action_id: str, stage: int) -> Standing:
    rows = await connection.fetch(
        """SELECT person, notified_at, deferred_until, digest FROM assignment WHERE action = $1 AND stage = $2
           AND (notified_at IS NOT NULL OR deferred_until IS NOT NULL) ORDER BY notified_at, person""",
        action_id,
        stage,
    )
    return Standing(
        notified=[row["person"] for row in rows if row["notified_at"] is not None and row["digest"] is None],
        digested=[row["person"] for row in rows if row["digest"] is not None],
        deferred={row["person"]: row["deferred_until"] for row in rows if row["notified_at"] is None},
    )


def _by_person(rows: Sequence["asyncpg.Record"]) -> dict[str, Load]:
    return {row["person"]: Load(open=row["open"], last_hour=row["last_hour"]) for row in rows}
