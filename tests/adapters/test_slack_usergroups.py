"""Groups from Slack: read from the strict front, kept in PostgreSQL, counted while confirmed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr
from structlog.testing import capture_logs

from adapters.database.policies import CurrentPolicy, Policies
from adapters.database.usergroups import Usergroups
from adapters.notifiers.slack import UsergroupReader
from domain.authority import Question, may_vote
from domain.errors import NotifierUnavailable
from domain.policy import Policy
from local.postgres import EmbeddedPostgres
from settings import Settings
from tests.bundles import bundle, policy
from tests.databases import Database, fresh_database
from tests.installation import prepare_database
from tests.slack_front import Front
from tests.slack_workspace import strict_workspace
from worker import active_policy, read_usergroups

MAX_AGE = timedelta(minutes=15)
EVERY = timedelta(minutes=3)
GROUPS = [
    {"id": "finance", "members": ["bob", "olga"], "slack_usergroup": "S01FIN"},
    {"id": "on-call", "members": ["cem"], "slack_usergroup": "S02CALL"},
]


@dataclass
class Fixed:
    """A policy that stays."""

    policy: Policy

    async def current(self) -> Policy:
        """Return it."""
        return self.policy


@dataclass
class Place:
    """A Slack, a database and a reader between them."""

    slack: Front
    store: Usergroups
    database: Database
    policies: Fixed

    @property
    def reader(self) -> UsergroupReader:
        """A reader as the worker makes it."""
        return UsergroupReader(self.slack.client, self.policies, self.store, EVERY)

    @property
    def calls(self) -> list[str]:
        """What Slack was asked, and about whom."""
        return [f"{method} {asked.get('usergroup') or asked.get('user')}" for method, asked in self.slack.asked]

    async def age(self, by: timedelta) -> None:
        """Make everything that was confirmed older."""
        async with self.database.connection("remit_app") as connection:
            await connection.execute("UPDATE slack_usergroup SET confirmed_at = confirmed_at - $1::interval", by)


@pytest.fixture(scope="module")
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture(scope="module")
async def slack() -> AsyncIterator[Front]:
    async with strict_workspace() as front:
        yield front


@pytest.fixture
async def place(database: Database, slack: Front) -> AsyncIterator[Place]:
    slack.reset()
    slack.world.usergroups.update({"S01FIN": ["U01ANN"], "S02CALL": []})
    async with database.pool() as pool:
        await pool.execute("DELETE FROM slack_usergroup")
        yield Place(slack, Usergroups(pool, MAX_AGE), database, Fixed(policy(groups=GROUPS)))


async def test_what_slack_says_of_the_user_groups_of_the_policy_is_confirmed(place: Place) -> None:
    await place.reader.read()

    assert await place.store.confirmed() == {"S01FIN": ["U01ANN"], "S02CALL": []}


async def test_strangers_bots_and_deactivated_accounts_are_left_out(place: Place) -> None:
    place.slack.world.usergroups["S01FIN"] = ["U01OUT", "U01ANN", "U09STRANGER", "U01BOB", "U01CEM", "U01OLGA"]
    place.slack.world.users = {"U01BOB": {"deleted": True}, "U01CEM": {"is_bot": True}, "U01OLGA": None}

    await place.reader.read()

    assert (await place.store.confirmed())["S01FIN"] == ["U01ANN", "U01OUT"], "and of U01OLGA Slack knows nothing"
    assert "users.info U09STRANGER" not in place.calls


async def test_what_was_read_lately_is_not_read_again_by_another_worker(place: Place) -> None:
    await place.reader.read()
    place.slack.asked.clear()

    await place.reader.read()
    assert place.calls == []

    await place.age(EVERY)
    await place.reader.read()
    assert [call for call in place.calls if call.startswith("usergroups")] == [
        "usergroups.users.list S01FIN",
        "usergroups.users.list S02CALL",
    ]


async def test_members_who_left_the_user_group_are_forgotten_at_the_next_reading(place: Place) -> None:
    await place.reader.read()
    place.slack.world.usergroups["S01FIN"] = ["U01OUT"]
    await place.age(EVERY)

    await place.reader.read()

    assert (await place.store.confirmed())["S01FIN"] == ["U01OUT"]


async def test_a_user_group_that_the_policy_no_longer_names_is_forgotten(place: Place) -> None:
    await place.reader.read()
    place.policies.policy = policy(groups=[GROUPS[0], {**GROUPS[1], "slack_usergroup": None}])

    await place.reader.read()

    assert await place.store.confirmed() == {"S01FIN": ["U01ANN"]}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"ok": False, "error": "ratelimited"}),
        (200, {"ok": False, "error": "internal_error"}),
        (503, {"ok": False, "error": "service_unavailable"}),
        (502, "<html>bad gateway</html>"),
        (200, {"ok": True}),
        (200, {"ok": True, "users": {"U01ANN": True}}),
    ],
    ids=["limited", "internal", "away", "no JSON", "no users", "users of another shape"],
)
async def test_a_failure_that_passes_confirms_nobody_and_is_tried_again(place: Place, status: int, body: Any) -> None:
    place.slack.answer("usergroups.users.list", body, status)

    with pytest.raises(NotifierUnavailable):
        await place.reader.read()
    assert await place.store.confirmed() == {}

    place.slack.heal()
    await place.reader.read()
    assert set(await place.store.confirmed()) == {"S01FIN", "S02CALL"}


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "user": {"id": "U01ANN"}}, {"ok": True, "user": []}])
async def test_an_account_that_slack_does_not_say_is_active_confirms_nobody(place: Place, body: Any) -> None:
    place.slack.answer("users.info", body)

    with pytest.raises(NotifierUnavailable, match="U01ANN"):
        await place.reader.read()

    assert await place.store.confirmed() == {"S02CALL": []}, "the other user group had its turn"


@pytest.mark.parametrize(
    ("method", "code", "to_do"),
    [
        ("usergroups.users.list", "missing_scope", "usergroups:read and users:read"),
        ("users.info", "missing_scope", "usergroups:read and users:read"),
        ("usergroups.users.list", "no_such_subteam", "slack_usergroup in the policy"),
        ("usergroups.users.list", "plan_upgrade_required", "name the group's members in the policy"),
        ("usergroups.users.list", "invalid_auth", "REMIT_SLACK_BOT_TOKEN"),
    ],
)
async def test_what_only_a_person_can_mend_is_logged_with_how_and_confirms_nobody(
    place: Place, method: str, code: str, to_do: str
) -> None:
    place.slack.fail(method, code, times=None)

    with capture_logs() as logs:
        await place.reader.read()

    assert "S01FIN" not in await place.store.confirmed()
    first = logs[0]
    assert (first["log_level"], first["usergroup"], first["code"]) == ("error", "S01FIN", code)
    assert to_do in first["to_do"]


async def test_while_slack_is_away_members_count_until_they_are_too_old(place: Place) -> None:
    await place.reader.read()
    place.slack.fail("usergroups.users.list", "internal_error", times=None)

    await place.age(MAX_AGE - timedelta(minutes=1))
    with pytest.raises(NotifierUnavailable):
        await place.reader.read()
    assert set(await place.store.confirmed()) == {"S01FIN", "S02CALL"}

    await place.age(timedelta(minutes=1))
    assert await place.store.confirmed() == {}


async def test_a_vote_by_a_member_from_slack_counts_while_the_membership_does(
    shared_postgres: EmbeddedPostgres,
) -> None:
    await prepare_database(shared_postgres, "usergroup_votes", bundle(groups=GROUPS))
    database = Database(shared_postgres, "usergroup_votes")
    now, question = 0.0, Question(at=datetime.now(UTC), groups=["finance"])

    async with database.pool() as pool:
        store = Usergroups(pool, MAX_AGE)
        policies = CurrentPolicy(Policies(pool), 2, clock=lambda: now, memberships=store)

        async def told() -> str:
            found = may_vote("ann", await policies.current(), question)
            return found.refusal.code.value if found.refusal else "may vote"

        assert await told() == "membership_unconfirmed"
        await store.confirm("S01FIN", ["U01ANN"])
        now += 2
        assert await told() == "may vote"
        judged_by = await policies.current()
        await pool.execute("UPDATE slack_usergroup SET confirmed_at = now() - $1::interval", MAX_AGE)
        assert await told() == "may vote", "a process may use what it knows for as long as it may use a policy"
        now += 2
        assert await told() == "membership_unconfirmed"
        await store.confirm("S01FIN", [])
        now += 2
        assert await told() == "not_eligible"
        assert (await policies.current()).ref == judged_by.ref


async def test_the_worker_keeps_user_groups_confirmed(shared_postgres: EmbeddedPostgres, slack: Front) -> None:
    slack.reset()
    slack.world.usergroups.update({"S01FIN": ["U01ANN"], "S02CALL": []})
    await prepare_database(shared_postgres, "usergroup_worker", bundle(groups=GROUPS))
    database = Database(shared_postgres, "usergroup_worker")
    async with database.pool() as pool:
        settings = Settings(_env_file=None, slack_base_url=HttpUrl(slack.url), policy_refresh_seconds=0.05)
        reading = asyncio.create_task(read_usergroups(pool, settings, SecretStr(slack.slack.bot_token)))
        async with asyncio.timeout(10):
            while (found := await active_policy(pool, settings).current()).unconfirmed:
                await asyncio.sleep(0.02)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading

    assert found.groups["finance"].members == ["bob", "olga", "ann"]


async def test_the_application_may_keep_memberships_and_nobody_else_may(database: Database) -> None:
    async with database.connection("remit_owner") as connection:
        rows = await connection.fetch(
            """SELECT grantee, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS may
               FROM information_schema.role_table_grants WHERE table_name = 'slack_usergroup' GROUP BY grantee"""
        )
    granted = {row["grantee"]: row["may"] for row in rows if row["grantee"] != "remit_owner"}
    assert granted == {"remit_app": "DELETE INSERT SELECT UPDATE"}
