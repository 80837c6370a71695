"""Revisions of actions in PostgreSQL: proposed with their bytes, made in one statement with what follows from it."""

import json
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.jsonb import storable
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from adapters.database.measures import measure_parameters, uses_parameter
from domain.action import Action, State
from domain.approval import Approval
from domain.errors import TooLarge
from domain.guardrails import Measure, Use
from domain.ledger import Actor, ActorKind, Entry
from domain.policy import Judgement
from domain.record import ActionRecord
from domain.revision import Revision

MAX_PROPOSED = 200
"""How many revisions may be proposed for one action, made or not."""

_COLUMNS = "number, digest, arguments, author_kind, author, door, proposed_at, made_at"
_PROPOSE = """
INSERT INTO revision (action, digest, arguments, author_kind, author, door, proposed_at)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE (SELECT count(*) FROM revision WHERE action = $1) < $8
ON CONFLICT (action, digest) DO UPDATE SET digest = excluded.digest
RETURNING digest"""

# The first revision has a row only from the second one on, or when somebody proposed what stands there already.
# Limits are looked at under their locks: those that it was judged to go over, and no others, may be exceeded.
_MAKE = f"""
WITH beyond AS MATERIALIZED (SELECT b.id FROM over_limit($29::jsonb, $17, $10) b),
changed AS (
    UPDATE action SET digest = $11, arguments = $12, judgement = $13::jsonb, approval = $14::jsonb, tier = $15,
        route = 'ask', state = $16, updated_at = $17, exceeded = $30::jsonb
    WHERE action.id = $10 AND state = 'pending_approval' AND digest = $18
        AND NOT EXISTS (SELECT FROM beyond WHERE NOT coalesce($30::jsonb ? beyond.id, false))
    RETURNING action.id
), first AS (
    INSERT INTO revision (action, digest, number, arguments, author_kind, author, door, proposed_at, made_at)
    SELECT id, $18, 1, $19, 'agent', $20, 'api', $21, $21 FROM changed
    ON CONFLICT (action, digest) DO UPDATE SET number = 1, author_kind = excluded.author_kind,
        author = excluded.author, door = excluded.door, made_at = excluded.made_at
    WHERE revision.number IS NULL
), made AS (
    UPDATE revision SET number = $22, made_at = $17, author_kind = $26, author = $27, door = $28 FROM changed
    WHERE revision.action = changed.id AND revision.digest = $11
), {ENTRY_INSERTS}
SELECT (SELECT count(*) FROM changed),
    (SELECT count(action_measure_replace(id, $23, $24, $25, $17)) FROM changed
        WHERE NOT EXISTS (SELECT FROM canary c WHERE c.action = changed.id))"""


class Revisions:
    """The store of revisions."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def propose(self, action_id: str, digest: str, arguments: bytes, author: Actor, at: datetime) -> None:
        """Store arguments under their digest; stored before, nothing changes. Raises TooLarge for one too many."""
        with database_errors():
            stored = await self._pool.fetchval(
                _PROPOSE, action_id, digest, arguments, author.kind.value, author.id, author.door, at, MAX_PROPOSED
            )
        if stored is None:
            raise TooLarge(f"{MAX_PROPOSED} revisions were proposed for this action already; reject it instead")

    async def proposed(self, action_id: str, digest: str) -> Revision | None:
        """Return a revision by its digest, proposed or made."""
        with database_errors():
            row = await self._pool.fetchrow(
                f"SELECT {_COLUMNS} FROM revision WHERE action = $1 AND digest = $2", action_id, digest
            )
        return _revision(row) if row else None

    async def made(self, action_id: str) -> list[Revision]:
        """Return the revisions that were made, in their order; none where the first one still stands."""
        with database_errors():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM revision WHERE action = $1 AND number IS NOT NULL ORDER BY number", action_id
            )
        return [_revision(row) for row in rows]

    async def make_revision(
        self,
        record: ActionRecord,
        made: Action,
        author: Actor,
        judgement: Judgement,
        approval: Approval,
        measure: Measure,
        at: datetime,
        entries: Sequence[Entry],
        uses: Sequence[Use] = (),
    ) -> bool:
        """Make a proposed revision the action's own: its arguments, judgement, approval and what it counts for.

        `record` is the action as it was, with the limits that the revision was judged to go over (`exceeded`) among
        those that it takes of (`uses`).

        `author` is who asked for it, who need not be the first that proposed the same arguments.

        False when the action no longer waits on the revision before, or another limit was reached meanwhile.
        """
        state = (approval.outcome.state if approval.outcome else None) or State.PENDING_APPROVAL
        before = record.action
        with database_errors():
            changed = await self._pool.fetchval(
                _MAKE,
                *entry_parameters(entries),
                made.id,
                made.digest,
                made.arguments_bytes,
                storable(judgement.model_dump_json()),
                storable(approval.model_dump_json()),
                judgement.assessment.tier.value,
                state.value,
                at,
                before.digest,
                before.arguments_bytes,
                before.agent,
                before.created_at,
                approval.revisions,
                *measure_parameters(measure),
                author.kind.value,
                author.id,
                author.door,
                uses_parameter(uses),
                json.dumps(record.exceeded) if record.exceeded else None,
            )
        return bool(changed)

    async def beyond(self, action_id: str, uses: Sequence[Use], at: datetime) -> list[Use]:
        """Return those of an action's uses by which it would go over their limit."""
        with database_errors():
            rows = await self._pool.fetch(
                "SELECT id FROM over_limit($1::jsonb, $2, $3)", uses_parameter(uses), at, action_id
            )
        over = {row["id"] for row in rows}
        return [use for use in uses if use.id in over]


def _revision(row: "asyncpg.Record") -> Revision:
    return Revision(
        number=row["number"],
        digest=row["digest"],
        arguments_bytes=row["arguments"],
        author=Actor(kind=ActorKind(row["author_kind"]), id=row["author"], door=row["door"]),
        proposed_at=row["proposed_at"],
        made_at=row["made_at"],
    )
