"""Changes of the policy on real PostgreSQL: the database itself looks whether an activation was approved."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from adapters.database.administration import activate_bundle, bootstrap_bundle
from adapters.database.policies import CurrentPolicy, Policies, bundle_bytes
from adapters.database.policy_changes import PolicyChangeStore
from adapters.executors import problems_in
from domain.canonical import canonical_bytes, digest
from domain.catalog import Bundle
from domain.errors import EffectRefused, Forbidden
from domain.policy_change import Change
from local.postgres import EmbeddedPostgres
from tests.bundles import DOCUMENT, bundle
from tests.databases import NOW, Database, fresh_database

FIRST, SECOND, THIRD = bundle(), bundle(version="2"), bundle(version="3")
INSERT = """INSERT INTO action (id, agent, owner, idempotency_key, request_digest, use_case, action_type, state, route,
    digest, arguments, context, approval, created_at, updated_at)
    VALUES ($1, 'remit.policy', 'olga', $1, '', 'remit.policy', $2, $3, $4, $5, $6, $7, $8, $9, $9)"""


def name(of: Bundle) -> str:
    return digest(bundle_bytes(of))


def change(to: Bundle = SECOND, replaces: Bundle = FIRST) -> Change:
    return Change(
        bundle=name(to),
        version=to.version,
        replaces=name(replaces),
        author="ann",
        reason="it asks too often",
        differences=[],
        replay=[],
    )


@pytest.fixture
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    """A database in which the first bundle is active and the others are proposed."""
    database = await fresh_database(shared_postgres)
    async with database.pool("remit_owner") as owner:
        assert await bootstrap_bundle(owner, FIRST, "kira")
    async with database.pool() as pool:
        assert await PolicyChangeStore(pool).store(SECOND) == name(SECOND)
        assert await PolicyChangeStore(pool).store(THIRD) == name(THIRD)
    return database


async def approved(database: Database, action_id: str = "a1", of: Change | None = None, **otherwise: Any) -> Change:
    """Write an approved change that is being executed, or one that differs from that in `otherwise`."""
    of = of or change()
    arguments = canonical_bytes(of.model_dump(mode="json"))
    values: dict[str, Any] = {
        "action_type": "policy.activate",
        "state": "executing",
        "route": "ask",
        "digest": digest(arguments),
        "outcome": "approved",
        "revision": digest(arguments),
        "author": "ann",
        **otherwise,
    }
    approval = json.dumps({"outcome": values["outcome"], "revision": values["revision"]})
    context = json.dumps({"on_behalf_of": values["author"]})
    async with database.connection("remit_app") as connection:
        parameters = [values[column] for column in ("action_type", "state", "route", "digest")]
        await connection.execute(INSERT, action_id, *parameters, arguments, context, approval, NOW)
    return of


async def active(database: Database) -> str | None:
    async with database.pool() as pool:
        found = await Policies(pool).active()
    return found.digest if found else None


async def test_an_approved_change_is_activated_once_with_its_ledger_entry(database: Database) -> None:
    of = await approved(database)

    async with database.pool() as pool:
        store = PolicyChangeStore(pool)
        numbers = {await store.activate(of, "a1"), *await asyncio.gather(*(store.activate(of, "a1") for _ in range(4)))}
        (now, before) = await Policies(pool).activations(10)
        entries = await pool.fetch("SELECT body FROM ledger_entry WHERE action = 'a1'")

    assert numbers == {now.number}
    assert (now.digest, now.action, now.activated_by) == (name(SECOND), "a1", "ann")
    assert (before.digest, before.action, before.activated_by) == (name(FIRST), None, "kira")
    (said,) = (json.loads(row["body"]) for row in entries)
    assert (said["kind"], said["data"]) == (
        "policy.activated",
        {"about": of.bundle, "version": "2", "replaces": of.replaces, "action": "a1", "author": "ann"},
    )


@pytest.mark.parametrize(
    "otherwise",
    [
        {"state": "pending_approval"},
        {"state": "assessing"},
        {"state": "rejected"},
        {"state": "succeeded"},
        {"route": "execute"},
        {"route": None},
        {"outcome": None},
        {"outcome": "rejected"},
        {"revision": "sha256:" + "0" * 64},
        {"digest": "sha256:" + "0" * 64},
        {"author": "bob"},
        {"author": None},
        {"action_type": "refund.create"},
    ],
    ids=str,
)
async def test_the_database_refuses_what_is_not_an_approved_change(
    database: Database, otherwise: dict[str, Any]
) -> None:
    of = await approved(database, **otherwise)

    async with database.pool() as pool:
        with pytest.raises(EffectRefused, match="nothing was activated"):
            await PolicyChangeStore(pool).activate(of, "a1")
        assert await pool.fetchval("SELECT count(*) FROM ledger_entry WHERE action = 'a1'") == 0

    assert await active(database) == name(FIRST)


async def test_an_approval_of_one_bundle_does_not_activate_another(database: Database) -> None:
    await approved(database)

    async with database.pool() as pool:
        with pytest.raises(EffectRefused, match="about another bundle"):
            await PolicyChangeStore(pool).activate(change(THIRD), "a1")

    assert await active(database) == name(FIRST)


async def test_of_two_changes_of_the_same_bundle_only_one_is_activated(database: Database) -> None:
    one, other = await approved(database), await approved(database, "a2", change(THIRD))

    async with database.pool() as pool:
        store = PolicyChangeStore(pool)
        ended = await asyncio.gather(store.activate(one, "a1"), store.activate(other, "a2"), return_exceptions=True)
        assert len(await Policies(pool).activations(10)) == 2

    (refusal,) = (each for each in ended if isinstance(each, EffectRefused))
    assert "another bundle was activated meanwhile; propose it again" in str(refusal)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO policy_activation (digest, activated_by, activated_at) VALUES ('d', 'me', now())",
        "UPDATE policy_activation SET digest = digest",
        "DELETE FROM policy_activation",
        "UPDATE policy_bundle SET version = '9'",
        "DELETE FROM policy_bundle",
    ],
)
async def test_the_application_cannot_activate_or_rewrite_a_bundle_itself(database: Database, statement: str) -> None:
    async with database.connection("remit_app") as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_a_bundle_under_a_digest_that_is_not_its_own_is_refused(database: Database) -> None:
    async with database.connection("remit_app") as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO policy_bundle (digest, version, document) VALUES ($1, '9', 'x')", "sha256:" + "0" * 64
            )


async def test_only_the_first_bundle_is_activated_without_asking(database: Database) -> None:
    async with database.pool("remit_owner") as owner:
        assert not await bootstrap_bundle(owner, FIRST, "kira")
        with pytest.raises(Forbidden, match=r"version 1 of bundle 'test-company' is active, .* remit policy propose"):
            await bootstrap_bundle(owner, SECOND, "kira")

    assert await active(database) == name(FIRST)


async def test_a_bundle_that_names_no_approvers_of_its_changes_can_be_replaced(database: Database) -> None:
    async with database.pool("remit_owner") as owner:
        await activate_bundle(owner, bundle(policy_changes=None, version="0"), "kira")
        assert await bootstrap_bundle(owner, SECOND, "kira")

    assert await active(database) == name(SECOND)


async def test_a_process_uses_an_activated_bundle_without_a_restart(database: Database) -> None:
    of = await approved(database)
    async with database.pool() as pool:
        policies = CurrentPolicy(Policies(pool), 0)
        assert (await policies.current()).ref.version == "1"

        await PolicyChangeStore(pool).activate(of, "a1")

        assert (await policies.current()).ref.version == "2"


def test_no_bundle_may_use_the_executor_of_policy_changes() -> None:
    types = [{**DOCUMENT["action_types"][0], "executor": "policy.activate", "settings": {}}]

    assert [str(problem) for problem in problems_in(bundle(action_types=types))] == [
        "action_types[0].executor: the executor 'policy.activate' is built in and runs approved changes of the policy "
        "only; known: email.send, http.request"
    ]
