"""Actions in PostgreSQL. Every change of state is one statement that also writes its ledger entries."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from adapters.database.connection import database_errors
from adapters.database.jsonb import storable
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from adapters.database.measures import measure_parameters, uses_parameter
from domain import guardrails, holds
from domain.action import FINAL_STATES, Action, Context, ExecutionResult, State
from domain.approval import Approval
from domain.errors import Held, NotFound
from domain.guardrails import Measure, Use
from domain.holds import Hold
from domain.ledger import Entry
from domain.policy import Judgement
from domain.record import ActionRecord, Claim, Execution

CHANNEL = "remit_action"
"""PostgreSQL notifies this channel with the action's id whenever an action reaches a final state."""

MAX_JUDGED = 10_000
"""How many judged actions are read at most, unless told otherwise."""

_PAGE = 500
_COLUMNS = """id, agent, owner, use_case, action_type, state, digest, arguments, context, judgement, approval,
    execution, exceeded, created_at, updated_at, EXISTS (SELECT FROM canary c WHERE c.action = action.id) AS canary"""

# What is read for showing: the oldest hold that is on over an action which is not over. The gate is another query.
_HOLD = """CASE WHEN state IN ('assessing', 'pending_approval', 'executing') THEN (
        SELECT hold_value(h) FROM hold h
        WHERE h.lifted_at IS NULL AND hold_covers(h.scope, h.subject, agent, use_case, action_type)
        ORDER BY h.placed_at LIMIT 1
    ) END AS hold"""

_TELL = f"SELECT pg_notify('{CHANNEL}', id) FROM changed WHERE $10::text = ANY ($11::text[])"
_UNMEASURED = Measure()
_FINAL = sorted(state.value for state in FINAL_STATES)

# The limit that keeps an action out, or from running: the one that has room last.
_STOPPED = "SELECT id, room_at FROM beyond WHERE stops ORDER BY room_at DESC NULLS FIRST LIMIT 1"

# Limits are looked at under their locks, which are held until the action and what it counts for are committed.
_INSERT = f"""
WITH gate AS MATERIALIZED (SELECT active_hold($11, $15, $16) AS hold),
beyond AS MATERIALIZED (
    SELECT b.* FROM gate, over_limit(CASE WHEN gate.hold IS NULL THEN $21::jsonb END, $20, $10) b
), changed AS (
    INSERT INTO action (id, agent, owner, idempotency_key, request_digest, use_case, action_type, state, digest,
        arguments, context, created_at, updated_at, exceeded)
    SELECT $10, $11, $12, $13, $14, $15, $16, 'assessing', $17, $18, $19::jsonb, $20, $20,
        (SELECT jsonb_object_agg(id, on_exceed ORDER BY on_exceed DESC) FROM beyond)
    FROM gate WHERE hold IS NULL AND NOT EXISTS (SELECT FROM beyond WHERE stops)
    ON CONFLICT (agent, idempotency_key) DO NOTHING
    RETURNING id
), measured AS (
    INSERT INTO action_measure (action, recipient, once, at, agent, use_case, action_type, amount, currency)
    SELECT changed.id, r.recipient, r.number = 1, $20, $11, $15, $16, $23, $24
    FROM changed, unnest($22::text[]) WITH ORDINALITY AS r(recipient, number)
), {ENTRY_INSERTS}
SELECT (SELECT id FROM changed) AS id, gate.hold, stopped.id AS stopped_by, stopped.room_at
FROM gate LEFT JOIN ({_STOPPED}) AS stopped ON true"""

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
    WHERE id = $14 AND state = 'pending_approval' AND digest = $12::jsonb ->> 'revision' RETURNING id
), {ENTRY_INSERTS}, told AS ({_TELL})
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)"""

_APPEND = f"WITH changed AS (SELECT FROM action WHERE id = $10), {ENTRY_INSERTS} SELECT 1"

# The claim is the last gate: the database itself says that the route is to execute, or that the approval of
# exactly this digest ended approved, that no hold is on, and that the limits have room. Where it ran before, its
# place within the limits is taken already. A canary never gets it, whatever people or a workflow made of it.
_CLAIM = f"""
WITH before AS (
    SELECT id, execution, active_hold(agent, use_case, action_type) AS hold
    FROM action WHERE id = $10 AND digest = $11 AND (
        (state = 'assessing' AND route = 'execute')
        OR (state = 'pending_approval' AND route = 'ask' AND approval ->> 'outcome' = 'approved'
            AND approval ->> 'revision' = digest)
        OR (state = 'executing' AND execution ->> 'outcome' IS NULL)
    ) AND NOT EXISTS (SELECT FROM canary c WHERE c.action = action.id) FOR UPDATE
), beyond AS MATERIALIZED (
    SELECT b.* FROM before,
        over_limit(CASE WHEN before.hold IS NULL AND before.execution IS NULL THEN $14::jsonb END, $12, before.id) b
), changed AS (
    UPDATE action SET state = 'executing', updated_at = $12, attempt_since = clock_timestamp(),
        execution = CASE WHEN before.execution IS NULL THEN $13::jsonb
                         ELSE before.execution || '{{"uncertain": true}}'::jsonb END
    FROM before
    WHERE action.id = before.id AND before.hold IS NULL AND NOT EXISTS (SELECT FROM beyond WHERE stops)
    RETURNING action.*, coalesce((before.execution ->> 'uncertain')::boolean, false) AS was_uncertain
), moved AS (
    UPDATE action_measure m SET at = $12
    FROM before, changed WHERE m.action = changed.id AND before.execution IS NULL AND m.at < $12
), {ENTRY_INSERTS}
SELECT before.hold, stopped.id AS stopped_by, stopped.room_at, changed.*
FROM before LEFT JOIN changed ON true LEFT JOIN ({_STOPPED}) AS stopped ON true"""

# Only the attempt that is the latest can say that nothing is under way any more.
_ATTEMPT_ENDED = """
UPDATE action SET attempt_since = NULL, execution = execution || jsonb_build_object('uncertain', $3::boolean)
WHERE id = $1 AND state = 'executing' AND attempt_since = $2"""

_OUTCOME = f"""
WITH changed AS (
    UPDATE action SET state = $10, updated_at = $12, attempt_since = NULL,
        execution = coalesce(execution, jsonb_build_object('key', id)) || $13::jsonb
    WHERE id = $14 AND (state = 'executing' OR ($10 = 'failed' AND state IN ('assessing', 'pending_approval')))
    RETURNING id
), {ENTRY_INSERTS}, told AS ({_TELL})
SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)"""


class Actions:
    """The store of actions."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def submit(
        self,
        action: Action,
        owner: str,
        key: str,
        request_digest: str,
        entry: Entry,
        measure: Measure = _UNMEASURED,
        uses: Sequence[Use] = (),
    ) -> tuple[str, str]:
        """Accept an action under the agent's idempotency key, with what it counts for and takes of limits.

        Returns the id and the request digest of the action that now stands under the key: this one, or an earlier.
        Raises Held when this one is new and a hold is on over it, RateLimited when a limit keeps it out.
        """
        with database_errors():
            (row,) = await self._pool.fetch(
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
                uses_parameter(uses),
                *measure_parameters(measure),
            )
        if row["id"] is not None:
            return action.id, request_digest
        earlier = await self.under_key(action.agent, key)
        if earlier is not None:
            return earlier
        if row["hold"] is not None:
            raise Held(holds.refused_at_the_door(Hold.model_validate_json(row["hold"])))
        if row["stopped_by"] is not None:
            use = _met(uses, row["stopped_by"])
            raise guardrails.refused_at_the_door(use, row["room_at"], action.created_at)
        raise NotFound(f"the action under key '{key}' vanished while it was looked up")

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
            row = await self._pool.fetchrow(f"SELECT {_COLUMNS}, {_HOLD} FROM action WHERE id = $1", action_id)
        if row is None:
            raise NotFound(f"no action '{action_id[:80]}'")
        return _record(row)

    async def newest(
        self, filters: dict[str, str], before: tuple[datetime, str] | None, limit: int, canaries: bool = True
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
        if not canaries:
            conditions.append("NOT EXISTS (SELECT FROM canary c WHERE c.action = action.id)")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = (
            f"SELECT {_COLUMNS}, {_HOLD} FROM action {where} ORDER BY created_at DESC, id DESC LIMIT {int(limit)}"
        )
        with database_errors():
            return [_record(row) for row in await self._pool.fetch(statement, *parameters)]

    async def waiting_for(self, groups: Sequence[str], people: Sequence[str], limit: int) -> list[ActionRecord]:
        """Return what waits for one of these groups, or for one of these people by name: the soonest deadline first."""
        statement = f"""SELECT {_COLUMNS}, {_HOLD} FROM action
            WHERE state = 'pending_approval' AND (approval -> 'groups' ?| $1::text[] OR EXISTS (
                SELECT FROM jsonb_array_elements(approval -> 'asked_too') too WHERE too ->> 'person' = ANY ($2::text[])
            ))
            ORDER BY (approval #>> '{{plan,expires_at}}')::timestamptz, id LIMIT $3"""
        with database_errors():
            return [_record(row) for row in await self._pool.fetch(statement, list(groups), list(people), limit)]

    async def decided_by(self, person: str, limit: int) -> list[ActionRecord]:
        """Return what a person voted on last, whatever came of it, the latest first."""
        statement = f"""SELECT {_COLUMNS}, {_HOLD} FROM action JOIN (
                SELECT action AS decided, max(decided_at) AS last FROM assignment
                WHERE person = $1 AND decided_at IS NOT NULL GROUP BY action ORDER BY last DESC, decided LIMIT $2
            ) AS mine ON mine.decided = action.id ORDER BY mine.last DESC, id"""
        with database_errors():
            return [_record(row) for row in await self._pool.fetch(statement, person, limit)]

    async def judged_since(self, since: datetime, limit: int = MAX_JUDGED) -> AsyncIterator[ActionRecord]:
        """Yield records judged since a moment, newest first, at most `limit`, without canaries.

        They are read a page at a time.
        """
        statement = f"""SELECT {_COLUMNS}, NULL AS hold FROM action
            WHERE judgement IS NOT NULL AND created_at >= $1 AND (created_at, id) < ($2, $3)
                AND NOT EXISTS (SELECT FROM canary c WHERE c.action = action.id)
            ORDER BY created_at DESC, id DESC LIMIT $4"""
        before, left = (datetime.max.replace(tzinfo=UTC), ""), limit
        while left > 0:
            with database_errors():
                rows = await self._pool.fetch(statement, since, *before, min(left, _PAGE))
            for row in rows:
                yield _record(row)
            if len(rows) < min(left, _PAGE):
                return
            before, left = (rows[-1]["created_at"], rows[-1]["id"]), left - len(rows)

    async def unstarted(self, before: datetime, limit: int = 100) -> list[ActionRecord]:
        """Return actions that were accepted before `before` and never assessed: their workflow may not have started.

        Without those that a hold is on over: they wait for its end, and come again then.
        """
        statement = f"""SELECT * FROM (SELECT {_COLUMNS}, {_HOLD} FROM action) AS accepted
            WHERE state = 'assessing' AND created_at < $1 AND hold IS NULL ORDER BY created_at LIMIT $2"""
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
        """Record where an approval stands. False when the action no longer waits, or waits on another revision."""
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
        self, action_id: str, digest: str, execution: Execution, entry: Entry, uses: Sequence[Use] = ()
    ) -> Claim | Hold | None:
        """Record the intent to run this revision, durably, before anything is run. From now on it counts anew.

        Returns the hold that is on over the action and keeps it from running now; None when the action may not
        run: it was not approved, the digest is another one, or it has an outcome already. Raises RateLimited when
        a limit keeps it from running.
        """
        with database_errors():
            row = await self._pool.fetchrow(
                _CLAIM,
                *entry_parameters([entry]),
                action_id,
                digest,
                execution.intent_at,
                execution.model_dump_json(),
                uses_parameter(uses),
            )
        if row is None or row["hold"] is not None:
            return Hold.model_validate_json(row["hold"]) if row else None
        if row["stopped_by"] is not None:
            raise guardrails.refused_at_execution(_met(uses, row["stopped_by"]), row["room_at"])
        return Claim(record=_record(row), may_have_happened=row["was_uncertain"], since=row["attempt_since"])

    async def attempt_ended(self, action_id: str, since: datetime, uncertain: bool) -> None:
        """Note that the attempt claimed at `since` is over without an outcome, and whether anything may have happened.

        An attempt that a later one took over from says nothing.
        """
        with database_errors():
            await self._pool.execute(_ATTEMPT_ENDED, action_id, since, uncertain)

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


def _met(uses: Sequence[Use], name: str) -> Use:
    return next(use for use in uses if use.id == name)


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
        hold=parsed(Hold, "hold"),
        exceeded=json.loads(row["exceeded"] or "{}"),
        canary=row.get("canary", False),
        updated_at=row["updated_at"],
    )
