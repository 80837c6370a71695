"""Actions in PostgreSQL. Every change of state is one statement that also writes its ledger entries."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.jsonb import storable
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from domain.action import FINAL_STATES, Action, Context, ExecutionResult, State
from domain.approval import Approval
from domain.errors import NotFound
from domain.ledger import Entry
from domain.policy import Judgement
from domain.record import ActionRecord, Execution

CHANNEL = "remit_action"
"""PostgreSQL notifies this channel with the action's id whenever an action reaches a final state."""

_COLUMNS = """id, agent, owner, use_case, action_type, state, digest, arguments, context, judgement, approval,
    execution, created_at, updated_at"""

_TELL = f"SELECT pg_notify('{CHANNEL}', id) FROM changed WHERE $10::text = ANY ($11::text[])"
_FINAL = sorted(state.value for state in FINAL_STATES)

_INSERT = f"""
WITH changed AS (
    INSERT INTO action (id, agent, owner, idempotency_key, request_digest, use_case, action_type, state, digest,
        arguments, context, created_at, updated_at)
    VALUES ($10, $11, $12, $13, $14, $15, $16, 'assessing', $17, $18, $19::jsonb, $20, $20)
    ON CONFLICT (agent, idempotency_key) DO NOTHING
    RETURNING id
), {ENTRY_INSERTS}
SELECT id FROM changed"""

_JUDGE = f"""
WITH changed AS (
    UPDATE action SET state = $10, judgement = $12::jsonb, approval = $13::jsonb, tier = $14, route = $15,
        updated_at = $16
    WHERE id = $17 AND state = 'assessing' AND judgement IS NULL RETURNING id
), {ENTRY_INSERTS}, told AS ({_TELL})
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)"""

_APPROVAL = f"""
WITH changed AS (
    UPDATE action SET state = $10, approval = $12::jsonb, updated_at = $13
    WHERE id = $14 AND state = 'pending_approval' RETURNING id
), {ENTRY_INSERTS}, told AS ({_TELL})
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)"""

_APPEND = f"WITH changed AS (SELECT FROM action WHERE id = $10), {ENTRY_INSERTS} SELECT 1"

# The claim is the last gate: the database itself says that the route is to execute, or that the approval of
# exactly this digest ended approved.
_CLAIM = f"""
WITH before AS (
    SELECT id, execution FROM action WHERE id = $10 AND digest = $11 AND (
        (state = 'assessing' AND route = 'execute')
        OR (state = 'pending_approval' AND route = 'ask' AND approval ->> 'outcome' = 'approved'
            AND approval ->> 'revision' = digest)
        OR (state = 'executing' AND execution ->> 'outcome' IS NULL)
    ) FOR UPDATE
), changed AS (
    UPDATE action SET state = 'executing', updated_at = $12,
        execution = CASE WHEN before.execution IS NULL THEN $13::jsonb
                         ELSE before.execution || '{{"uncertain": true}}'::jsonb END
    FROM before WHERE action.id = before.id
    RETURNING action.*, coalesce((before.execution ->> 'uncertain')::boolean, false) AS was_uncertain
), {ENTRY_INSERTS}
SELECT * FROM changed"""

_RELEASE = """
UPDATE action SET execution = execution || '{"uncertain": false}'::jsonb WHERE id = $1 AND state = 'executing'"""

_OUTCOME = f"""
WITH changed AS (
    UPDATE action SET state = $10, updated_at = $12,
        execution = coalesce(execution, jsonb_build_object('key', id)) || $13::jsonb
    WHERE id = $14 AND (state = 'executing' OR ($10 = 'failed' AND state IN ('assessing', 'pending_approval')))
    RETURNING id
), {ENTRY_INSERTS}, told AS ({_TELL})
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)"""


class Actions:
    """The store of actions."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def submit(self, action: Action, owner: str, key: str, request_digest: str, entry: Entry) -> tuple[str, str]:
        """Accept an action under the agent's idempotency key.

        Returns the id and the request digest of the action that now stands under the key: this one, or an earlier.
        """
        with database_errors():
            accepted = await self._pool.fetchval(
                _INSERT,
                *entry_parameters([entry]),
                action.id,
                action.agent,
                owner,
                key,
                request_digest,
                action.use_case,
                action.action_type,
                action.digest,
                action.arguments_bytes,
                storable(action.context.model_dump_json()),
                action.created_at,
            )
        if accepted is not None:
            return action.id, request_digest
        earlier = await self.under_key(action.agent, key)
        if earlier is None:
            raise NotFound(f"the action under key '{key}' vanished while it was looked up")
        return earlier

    async def under_key(self, agent: str, key: str) -> tuple[str, str] | None:
        """Return the id and the request digest of the action under an agent's key; None when the key is new."""
        with database_errors():
            row = await self._pool.fetchrow(
                "SELECT id, request_digest FROM action WHERE agent = $1 AND idempotency_key = $2", agent, key
            )
        return (row["id"], row["request_digest"]) if row else None

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action. Raises NotFound."""
        with database_errors():
            row = await self._pool.fetchrow(f"SELECT {_COLUMNS} FROM action WHERE id = $1", action_id)
        if row is None:
            raise NotFound(f"no action '{action_id[:80]}'")
        return _record(row)

    async def newest(
        self, filters: dict[str, str], before: tuple[datetime, str] | None, limit: int
    ) -> list[ActionRecord]:
        """Return records newest first; `filters` maps state, tier, route, agent or use_case to the value wanted."""
        conditions, parameters = [], list[Any]()
        for column, value in filters.items():
            if column not in ("state", "tier", "route", "agent", "use_case"):
                raise ValueError(f"no filter '{column}'")
            parameters.append(value)
            conditions.append(f"{column} = ${len(parameters)}")
        if before is not None:
            parameters.extend(before)
            conditions.append(f"(created_at, id) < (${len(parameters) - 1}, ${len(parameters)})")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = f"SELECT {_COLUMNS} FROM action {where} ORDER BY created_at DESC, id DESC LIMIT {int(limit)}"
        with database_errors():
            return [_record(row) for row in await self._pool.fetch(statement, *parameters)]

    async def unstarted(self, before: datetime, limit: int = 100) -> list[ActionRecord]:
        """Return actions that were accepted before `before` and never assessed: their workflow may not have started."""
        statement = f"""SELECT {_COLUMNS} FROM action WHERE state = 'assessing' AND created_at < $1
            ORDER BY created_at LIMIT $2"""
        with database_errors():
            return [_record(row) for row in await self._pool.fetch(statement, before, limit)]

    async def record_judgement(
        self,
        action_id: str,
        judgement: Judgement,
        approval: Approval | None,
        state: State,
        at: datetime,
        entries: Sequence[Entry],
    ) -> bool:
        """Record the assessment and what follows from it. False when the action has been judged before."""
        with database_errors():
            row = await self._pool.fetchrow(
                _JUDGE,
                *entry_parameters(entries),
                state.value,
                _FINAL,
                storable(judgement.model_dump_json()),
                storable(approval.model_dump_json()) if approval else None,
                judgement.assessment.tier.value,
                judgement.route.value,
                at,
                action_id,
            )
        return bool(row and row[0])

    async def record_approval(
        self, action_id: str, approval: Approval, state: State, at: datetime, entries: Sequence[Entry]
    ) -> bool:
        """Record where an approval stands. False when the action no longer waits."""
        with database_errors():
            row = await self._pool.fetchrow(
                _APPROVAL,
                *entry_parameters(entries),
                state.value,
                _FINAL,
                storable(approval.model_dump_json()),
                at,
                action_id,
            )
        return bool(row and row[0])

    async def append(self, action_id: str, entries: Sequence[Entry]) -> None:
        """Record entries about an action that change nothing; those that exist are left alone."""
        with database_errors():
            await self._pool.execute(_APPEND, *entry_parameters(entries), action_id)

    async def claim(
        self, action_id: str, digest: str, execution: Execution, entry: Entry
    ) -> tuple[ActionRecord, bool] | None:
        """Record the intent to run this revision, durably, before anything is run.

        Returns the record and whether an earlier attempt may have had an effect; None when the action may not
        run: it was not approved, the digest is another one, or it has an outcome already.
        """
        with database_errors():
            row = await self._pool.fetchrow(
                _CLAIM,
                *entry_parameters([entry]),
                action_id,
                digest,
                execution.intent_at,
                execution.model_dump_json(),
            )
        return (_record(row), row["was_uncertain"]) if row else None

    async def release(self, action_id: str) -> None:
        """Note that the attempt under way sent nothing."""
        with database_errors():
            await self._pool.execute(_RELEASE, action_id)

    async def record_outcome(self, action_id: str, result: ExecutionResult, at: datetime, entry: Entry) -> bool:
        """Record how the execution ended. False when an outcome is recorded already."""
        ended = {
            "uncertain": False,
            "outcome": result.outcome.value,
            "result": result.result,
            "ended_at": at.isoformat(),
        }
        with database_errors():
            row = await self._pool.fetchrow(
                _OUTCOME,
                *entry_parameters([entry]),
                result.outcome.state.value,
                _FINAL,
                at,
                storable(json.dumps(ended)),
                action_id,
            )
        return bool(row and row[0])


def _record(row: "asyncpg.Record") -> ActionRecord:
    def parsed(model: Any, column: str) -> Any:
        return model.model_validate_json(row[column]) if row[column] is not None else None

    return ActionRecord(
        action=Action(
            id=row["id"],
            agent=row["agent"],
            use_case=row["use_case"],
            action_type=row["action_type"],
            digest=row["digest"],
            arguments_bytes=row["arguments"],
            context=Context.model_validate_json(row["context"]),
            created_at=row["created_at"],
        ),
        owner=row["owner"],
        state=State(row["state"]),
        judgement=parsed(Judgement, "judgement"),
        approval=parsed(Approval, "approval"),
        execution=parsed(Execution, "execution"),
        updated_at=row["updated_at"],
    )
