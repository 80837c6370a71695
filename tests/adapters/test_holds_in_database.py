"""Holds on real PostgreSQL: once placing has returned, no claim is granted in their scope, whoever was faster."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from adapters.database import holds as module
from adapters.database.actions import Actions
from adapters.database.holds import Holds
from domain.action import Action, ExecutionResult, Outcome, State
from domain.errors import DatabaseUnavailable, Held, NotFound
from domain.holds import Hold, HoldScope
from domain.ledger import SYSTEM, Actor, ActorKind, EntryKind, entry
from domain.record import Claim, Execution
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, Database, fresh_database, note, written

KIRA = Actor(kind=ActorKind.ADMIN, id="kira", door="cli")
AT_ONCE = timedelta(0)
SCOPES = [
    (HoldScope.EVERYTHING, None),
    (HoldScope.AGENT, "clerk"),
    (HoldScope.USE_CASE, "support"),
    (HoldScope.ACTION_TYPE, "note.add"),
]


@dataclass
class Here:
    """One database with nothing in it, and the stores on it."""

    database: Database
    pool: Any
    actions: Actions
    holds: Holds

    async def place(self, scope: HoldScope = HoldScope.EVERYTHING, subject: str | None = None) -> Hold:
        return (await self.holds.place(scope, subject, "it refunds everybody", KIRA))[0]

    async def accepted(self) -> Action:
        """Submit an action that may run at once, and judge it."""
        action, judgement = note()
        await self.actions.submit(action, "olga", action.id, "r", written(1, action.id))
        assert await self.actions.record_judgement(action.id, judgement, None, State.ASSESSING, NOW, [])
        return action

    async def claim(self, action: Action) -> Claim | Hold | None:
        intent = entry(f"{action.id}/intended", EntryKind.EXECUTION_INTENDED, NOW, SYSTEM, {}, action=action.id)
        return await self.actions.claim(action.id, action.digest, Execution(key=action.id, intent_at=NOW), intent)

    async def claimed(self) -> tuple[Action, Claim]:
        """Submit an action and claim it."""
        action = await self.accepted()
        claim = await self.claim(action)
        assert isinstance(claim, Claim)
        return action, claim

    async def end(self, action: Action) -> None:
        kind = EntryKind.EXECUTION_SUCCEEDED
        ended = entry(f"{action.id}/{kind.value}", kind, NOW, SYSTEM, {}, action=action.id)
        assert await self.actions.record_outcome(action.id, ExecutionResult(outcome=Outcome.SUCCEEDED), NOW, ended)

    async def waiting_for_the_gate(self, sessions: int) -> None:
        """Wait until so many sessions wait for the lock of the gate."""
        statement = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(10):
            while await self.pool.fetchval(statement) < sessions:
                await asyncio.sleep(0.01)


@pytest.fixture
async def here(shared_postgres: EmbeddedPostgres) -> AsyncIterator[Here]:
    database = await fresh_database(shared_postgres)
    async with database.pool(size=12) as pool:
        yield Here(database, pool, Actions(pool), Holds(pool))


async def test_a_hold_is_placed_and_lifted_by_the_clock_of_the_database(here: Here) -> None:
    before = await here.pool.fetchval("SELECT clock_timestamp()")
    placed, fresh = await here.holds.place(HoldScope.AGENT, "clerk", "it refunds everybody", KIRA)
    between = await here.pool.fetchval("SELECT clock_timestamp()")
    lifted = await here.holds.lift(placed.id, "mended", KIRA)
    after = await here.pool.fetchval("SELECT clock_timestamp()")

    assert fresh
    assert (placed.scope, placed.subject, placed.reason) == (HoldScope.AGENT, "clerk", "it refunds everybody")
    assert (placed.placed_by, placed.lifted_at) == ("kira", None)
    assert lifted == placed.model_copy(
        update={"lifted_by": "kira", "lift_reason": "mended", "lifted_at": lifted.lifted_at}
    )
    assert lifted.lifted_at is not None
    assert before < placed.placed_at < between < lifted.lifted_at < after


async def test_placing_and_lifting_stand_in_the_ledger_with_their_reasons_beside(here: Here) -> None:
    placed = await here.place(HoldScope.AGENT, "clerk")
    lifted = await here.holds.lift(placed.id, "mended", KIRA)

    rows = await here.pool.fetch(
        """SELECT e.kind, e.at, e.body, s.content FROM ledger_entry e JOIN ledger_secret s ON s.entry_key = e.key
           ORDER BY e.id"""
    )
    assert [(row["kind"], row["at"], row["content"]) for row in rows] == [
        ("hold.placed", placed.placed_at, b"it refunds everybody"),
        ("hold.lifted", lifted.lifted_at, b"mended"),
    ]
    body = json.loads(rows[0]["body"])
    assert body["data"] == {"hold": placed.id, "scope": "agent", "subject": "clerk"}
    assert body["actor"] == {"kind": "admin", "id": "kira", "door": "cli"}
    await here.database.sequence()
    assert (await here.database.verify()).head.size == 2


async def test_placing_what_is_on_returns_it_and_changes_nothing(here: Here) -> None:
    first = await here.place()

    again, fresh = await here.holds.place(HoldScope.EVERYTHING, None, "another reason", KIRA)

    assert (again, fresh) == (first, False)
    assert await here.pool.fetchval("SELECT count(*) FROM ledger_entry") == 1


async def test_of_many_that_place_at_once_one_does(here: Here) -> None:
    answers = await asyncio.gather(*(here.holds.place(HoldScope.AGENT, "clerk", "stop", KIRA) for _ in range(8)))

    assert len({placed.id for placed, _ in answers}) == 1
    assert [fresh for _, fresh in answers].count(True) == 1


async def test_lifted_once_it_stays_as_it_is_and_a_new_one_may_be_placed(here: Here) -> None:
    placed = await here.place()
    lifted = await here.holds.lift(placed.id, "mended", KIRA)

    assert await here.holds.lift(placed.id, "again", KIRA) == lifted
    second, fresh = await here.holds.place(HoldScope.EVERYTHING, None, "broken again", KIRA)

    assert fresh
    assert await here.holds.newest() == [second, lifted]
    assert await here.holds.newest(active=True) == [second]
    assert (await here.holds.count_active())[HoldScope.EVERYTHING] == 1
    with pytest.raises(NotFound, match="no hold 'abc'; `remit holds` shows"):
        await here.holds.lift("abc", "mended", KIRA)


@pytest.mark.parametrize(("scope", "subject"), SCOPES)
async def test_nothing_in_scope_is_claimed_or_accepted_until_the_hold_is_lifted(
    here: Here, scope: HoldScope, subject: str | None
) -> None:
    action = await here.accepted()
    placed = await here.place(scope, subject)

    assert await here.claim(action) == placed
    record = await here.actions.get(action.id)
    assert (record.state, record.execution, record.hold) == (State.ASSESSING, None, placed)
    with pytest.raises(Held, match=f"hold {placed.id} .*placed by kira: it refunds everybody"):
        await here.accepted()
    await here.holds.lift(placed.id, "mended", KIRA)

    assert isinstance(await here.claim(action), Claim)
    assert (await here.actions.get(action.id)).hold is None
    await here.accepted()


@pytest.mark.parametrize(
    ("scope", "subject"),
    [
        (HoldScope.AGENT, "another"),
        (HoldScope.USE_CASE, "clerk"),
        (HoldScope.ACTION_TYPE, "support"),
        (HoldScope.AGENT, "note.add"),
    ],
)
async def test_what_is_out_of_scope_goes_on(here: Here, scope: HoldScope, subject: str) -> None:
    action = await here.accepted()
    await here.place(scope, subject)

    assert isinstance(await here.claim(action), Claim)
    assert (await here.actions.get(action.id)).hold is None


async def test_under_two_holds_it_is_held_until_both_are_lifted(here: Here) -> None:
    action = await here.accepted()
    first, second = await here.place(), await here.place(HoldScope.AGENT, "clerk")

    assert await here.claim(action) == first
    await here.holds.lift(first.id, "mended", KIRA)
    assert await here.claim(action) == second
    await here.holds.lift(second.id, "mended", KIRA)
    assert isinstance(await here.claim(action), Claim)


async def test_an_action_accepted_before_the_hold_is_found_by_its_key(here: Here) -> None:
    action, _ = note()
    assert await here.actions.submit(action, "olga", "k", "r", written(1, action.id)) == (action.id, "r")
    await here.place()
    again, _ = note()

    assert await here.actions.submit(again, "olga", "k", "r", written(1, again.id)) == (action.id, "r")


async def test_an_attempt_that_is_tried_again_is_held_too(here: Here) -> None:
    action, claim = await here.claimed()
    await here.actions.attempt_ended(action.id, claim.since, uncertain=False)
    placed = await here.place()

    assert await here.claim(action) == placed
    record = await here.actions.get(action.id)
    assert record.state is State.EXECUTING
    assert record.execution is not None
    assert not record.execution.uncertain


async def test_an_action_that_is_over_shows_no_hold(here: Here) -> None:
    action, _ = await here.claimed()
    await here.end(action)
    await here.place()

    assert (await here.actions.get(action.id)).hold is None
    assert [record.hold for record in await here.actions.newest({}, None, 10)] == [None]


async def test_what_is_held_is_not_swept_as_unstarted_and_is_again_afterwards(here: Here) -> None:
    action = await here.accepted()
    later = NOW + timedelta(days=1)
    placed = await here.place()

    assert await here.actions.unstarted(later) == []
    await here.holds.lift(placed.id, "mended", KIRA)
    assert [record.action for record in await here.actions.unstarted(later)] == [action]


async def test_placing_waits_for_the_claim_under_way(here: Here) -> None:
    """A claim holds the gate until it is committed; only then is the hold there, and it says so."""
    async with here.database.connection("remit_app") as claiming:
        transaction = claiming.transaction()
        await transaction.start()
        assert await claiming.fetchval("SELECT active_hold('clerk', 'support', 'note.add')") is None
        placing = asyncio.create_task(here.place())
        await here.waiting_for_the_gate(1)
        assert not placing.done()
        committed_at = await claiming.fetchval("SELECT clock_timestamp()")
        await transaction.commit()
        placed = await placing

    assert placed.placed_at > committed_at


async def test_a_claim_that_waited_for_the_placing_sees_the_hold_although_it_began_before(here: Here) -> None:
    """Its statement's snapshot is older than the hold. The function takes one of its own, after the wait."""
    naive = """
        WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($1))
        SELECT count(*) FROM gate, hold WHERE lifted_at IS NULL"""
    action = await here.accepted()
    async with here.database.connection("remit_app") as placing, here.database.connection("remit_app") as other:
        transaction = placing.transaction()
        await transaction.start()
        await placing.execute("SELECT pg_advisory_xact_lock($1)", module._GATE)
        claiming = asyncio.create_task(here.claim(action))
        submitting = asyncio.create_task(here.accepted())
        asking = asyncio.create_task(other.fetchval(naive, module._GATE))
        await here.waiting_for_the_gate(3)
        await placing.execute(
            """INSERT INTO hold (id, scope, reason, placed_by, placed_at)
               VALUES ('h', 'everything', 'stop', 'kira', clock_timestamp())"""
        )
        await transaction.commit()

        held = await claiming
        assert isinstance(held, Hold)
        assert held.id == "h"
        with pytest.raises(Held):
            await submitting
        assert await asking == 0, "why the gate is a function: the lock alone would have let the claim through"


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_in_another_isolation_level_the_gate_refuses_to_work(here: Here, isolation: Any) -> None:
    """Its snapshot would be the transaction's, from before the wait."""
    async with here.database.connection("remit_app") as connection, connection.transaction(isolation=isolation):
        with pytest.raises(asyncpg.RaiseError, match="holds are exact in READ COMMITTED only"):
            await connection.fetchval("SELECT active_hold('clerk', 'support', 'note.add')")


async def test_no_claim_is_granted_once_placing_has_returned_in_50_races(here: Here) -> None:
    for _ in range(50):
        actions = [await here.accepted() for _ in range(8)]
        claiming = [asyncio.create_task(here.claim(action)) for action in actions]
        placed = await here.place()
        claims = await asyncio.gather(*claiming)

        granted = [claim for claim in claims if isinstance(claim, Claim)]
        assert all(claim.since < placed.placed_at for claim in granted)
        assert all(claim == placed for claim in claims if not isinstance(claim, Claim))
        for claim in granted:
            await here.end(claim.record.action)
        await here.holds.lift(placed.id, "again", KIRA)


async def test_what_is_under_way_is_named_until_it_ends(here: Here) -> None:
    succeeding, _ = await here.claimed()
    failing, claim = await here.claimed()
    placed = await here.place()

    assert await here.holds.under_way(placed, AT_ONCE) == [succeeding.id, failing.id]
    await here.actions.attempt_ended(failing.id, claim.since, uncertain=True)
    assert await here.holds.under_way(placed, AT_ONCE) == [succeeding.id]
    await here.end(succeeding)
    assert await here.holds.under_way(placed, AT_ONCE) == []


async def test_whoever_places_a_hold_is_kept_until_what_is_under_way_has_ended(here: Here) -> None:
    action, _ = await here.claimed()
    placed = await here.place()
    waiting = asyncio.create_task(here.holds.under_way(placed, timedelta(seconds=30)))
    await asyncio.sleep(0)
    assert not waiting.done()

    await here.end(action)

    assert await waiting == []


async def test_what_is_under_way_out_of_scope_is_not_waited_for(here: Here) -> None:
    await here.claimed()
    placed = await here.place(HoldScope.AGENT, "another")

    assert await here.holds.under_way(placed, timedelta(seconds=30)) == []


async def test_the_holds_over_an_action_are_those_on_since_then(here: Here) -> None:
    action = await here.accepted()
    early = await here.holds.lift((await here.place()).id, "mended", KIRA)
    assert early.lifted_at is not None
    others = await here.place(HoldScope.AGENT, "another")
    on = await here.place(HoldScope.AGENT, "clerk")

    assert await here.holds.over(action.id, early.placed_at) == [early, on]
    assert await here.holds.over(action.id, early.lifted_at) == [on]
    assert others not in await here.holds.over(action.id, NOW)


async def test_actions_are_told_of_placing_and_of_lifting_once_each(here: Here) -> None:
    waiting = sorted([(await here.accepted()).id, (await here.accepted()).id])
    over, _ = await here.claimed()
    await here.end(over)
    placed = await here.place()

    async with here.holds.telling() as untold:
        assert untold == [placed]
        assert await here.holds.waiting(placed, "") == waiting
        assert await here.holds.waiting(placed, waiting[0]) == waiting[1:]
        async with here.holds.telling() as meanwhile:
            assert meanwhile == [], "one process at a time tells"
    async with here.holds.telling() as untold:
        assert untold == []
    lifted = await here.holds.lift(placed.id, "mended", KIRA)
    async with here.holds.telling() as untold:
        assert untold == [lifted]
    async with here.holds.telling() as untold:
        assert untold == []


async def test_what_was_not_told_to_the_end_is_told_again(here: Here) -> None:
    placed = await here.place()

    with contextlib.suppress(ZeroDivisionError):
        async with here.holds.telling():
            raise ZeroDivisionError

    async with here.holds.telling() as untold:
        assert untold == [placed]


async def test_a_hold_lifted_while_its_placing_was_told_is_told_again(here: Here) -> None:
    placed = await here.place()

    async with here.holds.telling() as untold:
        assert untold == [placed]
        lifted = await here.holds.lift(placed.id, "mended", KIRA)

    async with here.holds.telling() as untold:
        assert untold == [lifted]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM hold",
        "TRUNCATE hold",
        "UPDATE hold SET reason = 'another'",
        "UPDATE hold SET placed_at = now()",
        "UPDATE hold SET scope = 'everything', subject = NULL",
    ],
)
async def test_the_application_can_lift_holds_and_change_nothing_else_of_them(here: Here, statement: str) -> None:
    await here.place(HoldScope.AGENT, "another")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await here.pool.execute(statement)


async def test_where_holds_cannot_be_read_nothing_is_accepted_and_nothing_claimed(here: Here) -> None:
    action = await here.accepted()
    async with here.database.connection("remit_owner") as owner:
        await owner.execute("REVOKE SELECT ON hold FROM remit_app")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await here.claim(action)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await here.accepted()

    async with here.database.connection("remit_owner") as owner:
        assert await owner.fetchval("SELECT state FROM action WHERE id = $1", action.id) == "assessing"


async def test_where_holds_do_not_answer_in_time_the_database_is_unavailable_and_nothing_runs(here: Here) -> None:
    action = await here.accepted()
    impatient = await asyncpg.create_pool(here.database.url("remit_app"), min_size=1, max_size=2, command_timeout=0.3)
    async with impatient, here.database.connection("remit_owner") as owner, owner.transaction():
        await owner.execute("LOCK TABLE hold IN ACCESS EXCLUSIVE MODE")
        late = Here(here.database, impatient, Actions(impatient), Holds(impatient))

        with pytest.raises(DatabaseUnavailable):
            await late.claim(action)
        with pytest.raises(DatabaseUnavailable):
            await late.accepted()

        assert await owner.fetchval("SELECT state FROM action WHERE id = $1", action.id) == "assessing"
