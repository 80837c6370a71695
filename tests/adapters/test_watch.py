"""Waiting for actions to end, on real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from adapters.database.actions import Actions
from adapters.database.watch import ActionWatch
from domain.action import Action, Route, State
from domain.approval import ask
from local.postgres import EmbeddedPostgres
from tests.approvals import planned
from tests.databases import NOW, Database, fresh_database, note, refund, written

SECONDS = 10
LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
END_LISTENERS = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'"""


@pytest.fixture(scope="module")
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def actions(database: Database) -> AsyncIterator[Actions]:
    async with database.pool() as pool:
        yield Actions(pool)


async def until(database: Database, statement: str, value: int) -> None:
    """Wait until a query of the server gives a value."""
    async with database.connection("postgres") as connection, asyncio.timeout(SECONDS):
        while await connection.fetchval(statement) != value:
            await asyncio.sleep(0.02)


@pytest.fixture
async def watch(database: Database) -> AsyncIterator[ActionWatch]:
    async with ActionWatch(SecretStr(database.url("remit_app"))) as watching:
        await until(database, LISTENING, 1)
        yield watching


async def submitted(actions: Actions) -> Action:
    action, _ = note()
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    return action


async def deny(actions: Actions, action: Action) -> None:
    """Bring an action to a final state."""
    judgement = note()[1].model_copy(update={"route": Route.DENY})
    assert await actions.record_judgement(action.id, judgement, None, State.DENIED, NOW, [written(2, action.id)])


async def test_whoever_waits_is_woken_when_the_action_ends(actions: Actions, watch: ActionWatch) -> None:
    action = await submitted(actions)

    async with watch.ended(action.id) as one, watch.ended(action.id) as other:
        assert not one.is_set()
        await deny(actions, action)
        await asyncio.wait_for(asyncio.gather(one.wait(), other.wait()), SECONDS)


async def test_others_are_not_woken(actions: Actions, watch: ActionWatch) -> None:
    mine, theirs = await submitted(actions), await submitted(actions)

    async with watch.ended(mine.id) as event, watch.ended(theirs.id) as ended:
        await deny(actions, theirs)
        await asyncio.wait_for(ended.wait(), SECONDS)
        assert not event.is_set()


async def test_a_state_that_is_not_final_wakes_nobody(actions: Actions, watch: ActionWatch) -> None:
    action, judgement = refund()
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    last = await submitted(actions)
    approval = ask(planned(expires_at=NOW), action.digest)

    async with watch.ended(action.id) as event, watch.ended(last.id) as ended:
        await actions.record_judgement(action.id, judgement, approval, State.PENDING_APPROVAL, NOW, [])
        await deny(actions, last)
        await asyncio.wait_for(ended.wait(), SECONDS)
        assert not event.is_set()


async def test_a_lost_connection_wakes_everybody_to_look_again_and_is_made_anew(
    actions: Actions, watch: ActionWatch, database: Database
) -> None:
    action = await submitted(actions)

    async with watch.ended(action.id) as event:
        async with database.connection("postgres") as administrator:
            assert await administrator.fetchval(END_LISTENERS) == 1
        await asyncio.wait_for(event.wait(), SECONDS)

    await until(database, LISTENING, 1)
    async with watch.ended(action.id) as event:
        await deny(actions, action)
        await asyncio.wait_for(event.wait(), SECONDS)


async def test_nothing_is_kept_of_those_who_went_away(actions: Actions, watch: ActionWatch) -> None:
    action = await submitted(actions)
    async with watch.ended(action.id):
        async with watch.ended(action.id):
            assert len(watch._waiting[action.id]) == 2
        assert len(watch._waiting[action.id]) == 1

    assert action.id not in watch._waiting


async def test_a_server_that_is_away_does_not_keep_a_process_from_starting_or_stopping() -> None:
    nowhere = SecretStr("postgresql://remit_app@/nothing?host=/nonexistent")

    async with asyncio.timeout(SECONDS), ActionWatch(nowhere) as watching, watching.ended("a") as event:
        await asyncio.sleep(0)
        assert not event.is_set()
