"""Declared absences and what waits for a person, on real PostgreSQL."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.database.absences import Absences
from adapters.database.actions import Actions
from adapters.database.administration import activate_bundle
from adapters.database.policies import CurrentPolicy, Policies
from domain.action import Action, State
from domain.approval import Approval, AskedToo, ask
from domain.approval_plan import ApprovalPlan
from domain.catalog import Absence, Stage
from domain.ledger import Actor, ActorKind
from domain.votes import Decision, Door, Vote
from local.postgres import EmbeddedPostgres
from tests.bundles import bundle
from tests.databases import NOW, Database, fresh_database, refund, written

TODAY = datetime.now(UTC).date()
ANN = Actor(kind=ActorKind.PERSON, id="ann", door="slack")


@pytest.fixture
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Any]:
    async with database.pool() as pool:
        yield pool


def away(days: int, delegate: str | None = "bob") -> Absence:
    return Absence(first_day=TODAY - timedelta(days=30), last_day=TODAY + timedelta(days=days), delegate=delegate)


async def kinds(pool: Any) -> list[str]:
    return [row["kind"] for row in await pool.fetch("SELECT kind FROM ledger_entry ORDER BY at")]


async def test_the_last_declaration_of_a_person_counts_and_each_is_in_the_ledger(pool: Any) -> None:
    store = Absences(pool)
    await store.declare(away(1), ANN, NOW)
    await store.declare(away(2, None), ANN, NOW + timedelta(seconds=1))
    assert await store.declared() == {"ann": away(2, None)}

    assert await store.end(ANN, NOW + timedelta(seconds=2))
    assert not await store.end(ANN, NOW + timedelta(seconds=3))

    assert await store.declared() == {}
    assert await kinds(pool) == ["absence.declared", "absence.declared", "absence.ended"]
    body = json.loads(await pool.fetchval("SELECT body FROM ledger_entry ORDER BY at LIMIT 1"))
    assert (body["actor"]["id"], body["data"]["person"], body["data"]["delegate"]) == ("ann", "ann", "bob")


@pytest.mark.parametrize(("days", "counts"), [(0, True), (-1, True), (-2, False)])
async def test_an_absence_is_kept_until_its_last_day_is_over_everywhere(pool: Any, days: int, counts: bool) -> None:
    store = Absences(pool)
    await store.declare(away(days), ANN, NOW)

    assert ("ann" in await store.declared()) == counts


async def test_the_current_policy_knows_the_absence_and_forgets_it(database: Database, pool: Any) -> None:
    async with database.pool("remit_owner") as owner:
        await activate_bundle(owner, bundle(), "tests")
    store, policies = Absences(pool), CurrentPolicy(Policies(pool), 0, absences=Absences(pool))
    assert (await policies.current()).people["ann"].absences == []

    await store.declare(away(1), ANN, NOW)
    assert (await policies.current()).people["ann"].absences == [away(1)]

    await store.end(ANN, NOW + timedelta(seconds=1))
    assert (await policies.current()).people["ann"].absences == []


async def test_the_app_may_write_absences_and_nobody_else_reads_them(database: Database) -> None:
    async with database.connection("postgres") as connection:
        rows = await connection.fetch(
            """SELECT grantee, string_agg(privilege_type, ',' ORDER BY privilege_type) AS may
               FROM information_schema.role_table_grants WHERE table_name = 'absence' GROUP BY grantee"""
        )

    assert {row["grantee"]: row["may"] for row in rows if row["grantee"] != "remit_owner"} == {
        "remit_app": "DELETE,INSERT,SELECT,UPDATE"
    }


def asked(action: Action, group: str = "finance", hours: int = 24, **changes: Any) -> Approval:
    plan = ApprovalPlan(rule="one", stages=[Stage(group=group)], expires_at=NOW + timedelta(hours=hours))
    return ask(plan, action.digest).model_copy(update=changes)


async def waiting(pool: Any, **approval: Any) -> str:
    """Store an action that waits for people."""
    action, judgement = refund()
    actions = Actions(pool)
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    assert await actions.record_judgement(
        action.id, judgement, asked(action, **approval), State.PENDING_APPROVAL, NOW, []
    )
    return action.id


async def test_what_waits_for_a_group_or_a_person_comes_with_the_soonest_deadline_first(pool: Any) -> None:
    later = await waiting(pool, hours=48)
    sooner = await waiting(pool, hours=2)
    by_name = await waiting(pool, group="on-call", hours=3, asked_too=[AskedToo(stage=1, person="ann")])
    elsewhere = await waiting(pool, group="on-call", hours=1)
    actions = Actions(pool)

    async def found(groups: list[str], people: list[str], limit: int = 10) -> list[str]:
        return [record.action.id for record in await actions.waiting_for(groups, people, limit)]

    assert await found(["finance"], ["ann"]) == [sooner, by_name, later]
    assert await found(["finance"], ["ann"], limit=1) == [sooner]
    assert await found(["finance", "on-call"], []) == [elsewhere, sooner, by_name, later]
    assert await found([], []) == []
    assert await found(["sales"], ["bob"]) == []


async def test_what_a_person_decided_comes_last_first_and_over_actions_do_not_wait(pool: Any) -> None:
    first, second, other = [await waiting(pool) for _ in range(3)]
    actions = Actions(pool)
    for minutes, (action_id, person) in enumerate([(first, "ann"), (second, "ann"), (other, "bob")]):
        record = await actions.get(action_id)
        assert record.approval is not None
        vote = Vote(
            person=person,
            group="finance",
            decision=Decision.REJECT,
            revision=record.action.digest,
            reason="no",
            door=Door.SLACK,
            at=NOW + timedelta(minutes=minutes),
        )
        approval = record.approval.model_copy(update={"votes": [vote]})
        assert await actions.record_approval(action_id, approval, State.REJECTED, vote.at, [])

    assert [record.action.id for record in await actions.decided_by("ann", 10)] == [second, first]
    assert [record.action.id for record in await actions.decided_by("ann", 1)] == [second]
    assert await actions.decided_by("cem", 10) == []
    assert await actions.waiting_for(["finance"], [], 10) == []
