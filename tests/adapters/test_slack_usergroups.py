"""Groups from Slack: read from a strict stand-in of the two methods, kept in PostgreSQL, counted while confirmed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from pydantic import HttpUrl, SecretStr
from structlog.testing import capture_logs

from adapters.database.policies import CurrentPolicy, Policies
from adapters.database.usergroups import Usergroups
from adapters.notifiers.slack import UsergroupReader, slack_client
from domain.authority import Question, may_vote
from domain.errors import NotifierUnavailable
from domain.policy import Policy
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from settings import Settings
from tests.bundles import bundle, policy
from tests.databases import Database, fresh_database
from tests.installation import prepare_database
from worker import active_policy, read_usergroups

TOKEN = "xoxb-usergroups"
MAX_AGE = timedelta(minutes=15)
EVERY = timedelta(minutes=3)
GROUPS = [
    {"id": "finance", "members": ["bob", "olga"], "slack_usergroup": "S01FIN"},
    {"id": "on-call", "members": ["cem"], "slack_usergroup": "S02CALL"},
]
PEOPLE = {user: {"id": user, "deleted": False, "is_bot": False} for user in ("U01ANN", "U01BOB", "U01CEM", "U01OUT")}


@dataclass
class Slack:
    """`usergroups.users.list` and `users.info` as Slack answers them: errors come with HTTP 200, but for 429."""

    usergroups: dict[str, list[str]] = field(default_factory=lambda: {"S01FIN": ["U01ANN"], "S02CALL": []})
    users: dict[str, dict[str, Any]] = field(default_factory=lambda: {**PEOPLE})
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    url: str = ""

    def fail(self, method: str, error: str, status: int = 200) -> None:
        """Answer a method with an error from now on."""
        self.answers[method] = (status, {"ok": False, "error": error})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Slack"]:
        """Serve on a free port."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}/api/"
        yield self
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
        self.calls.append(f"{method} {arguments.get('usergroup') or arguments.get('user')}")
        status, body = self.answers.get(method) or (200, self._result(method, request, arguments))
        headers = {"Retry-After": "30"} if status == 429 else {}
        if isinstance(body, str):
            return web.Response(text=body, status=status, content_type="text/html")
        return web.json_response(body, status=status, headers=headers)

    def _result(self, method: str, request: web.Request, arguments: Mapping[str, str]) -> dict[str, Any]:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return {"ok": False, "error": "invalid_auth"}
        if request.content_type == "application/json":  # neither method reads JSON
            return {"ok": False, "error": "invalid_arguments"}
        if method == "usergroups.users.list":
            users = self.usergroups.get(arguments.get("usergroup", ""))
            return {"ok": True, "users": users} if users is not None else {"ok": False, "error": "no_such_subteam"}
        if method == "users.info":
            user = self.users.get(arguments.get("user", ""))
            return {"ok": True, "user": user} if user is not None else {"ok": False, "error": "user_not_found"}
        return {"ok": False, "error": "unknown_method"}


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

    slack: Slack
    store: Usergroups
    database: Database
    policies: Fixed

    @property
    def reader(self) -> UsergroupReader:
        """A reader as the worker makes it."""
        return UsergroupReader(slack_client(SecretStr(TOKEN), self.slack.url), self.policies, self.store, EVERY)

    async def age(self, by: timedelta) -> None:
        """Make everything that was confirmed older."""
        async with self.database.connection("remit_app") as connection:
            await connection.execute("UPDATE slack_usergroup SET confirmed_at = confirmed_at - $1::interval", by)


@pytest.fixture(scope="module")
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def place(database: Database) -> AsyncIterator[Place]:
    async with database.pool() as pool, Slack().running() as slack:
        await pool.execute("DELETE FROM slack_usergroup")
        yield Place(slack, Usergroups(pool, MAX_AGE), database, Fixed(policy(groups=GROUPS)))


async def test_what_slack_says_of_the_user_groups_of_the_policy_is_confirmed(place: Place) -> None:
    await place.reader.read()

    assert await place.store.confirmed() == {"S01FIN": ["U01ANN"], "S02CALL": []}


async def test_strangers_bots_and_deactivated_accounts_are_left_out(place: Place) -> None:
    place.slack.usergroups["S01FIN"] = ["U01OUT", "U01ANN", "U09STRANGER", "U01BOB", "U01CEM", "U01OLGA"]
    place.slack.users["U01BOB"] = {"id": "U01BOB", "deleted": True}  # Slack leaves out the rest of such an account
    place.slack.users["U01CEM"] = {**PEOPLE["U01CEM"], "is_bot": True}

    await place.reader.read()

    assert (await place.store.confirmed())["S01FIN"] == ["U01ANN", "U01OUT"], "and of U01OLGA Slack knows nothing"
    assert "users.info U09STRANGER" not in place.slack.calls


async def test_what_was_read_lately_is_not_read_again_by_another_worker(place: Place) -> None:
    await place.reader.read()
    place.slack.calls.clear()

    await place.reader.read()
    assert place.slack.calls == []

    await place.age(EVERY)
    await place.reader.read()
    assert [call for call in place.slack.calls if call.startswith("usergroups")] == [
        "usergroups.users.list S01FIN",
        "usergroups.users.list S02CALL",
    ]


async def test_members_who_left_the_user_group_are_forgotten_at_the_next_reading(place: Place) -> None:
    await place.reader.read()
    place.slack.usergroups["S01FIN"] = ["U01OUT"]
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
    place.slack.answers["usergroups.users.list"] = (status, body)

    with pytest.raises(NotifierUnavailable):
        await place.reader.read()
    assert await place.store.confirmed() == {}

    place.slack.answers.clear()
    await place.reader.read()
    assert set(await place.store.confirmed()) == {"S01FIN", "S02CALL"}


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "user": {"id": "U01ANN"}}, {"ok": True, "user": []}])
async def test_an_account_that_slack_does_not_say_is_active_confirms_nobody(place: Place, body: Any) -> None:
    place.slack.answers["users.info"] = (200, body)

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
    place.slack.fail(method, code)

    with capture_logs() as logs:
        await place.reader.read()

    assert "S01FIN" not in await place.store.confirmed()
    first = logs[0]
    assert (first["log_level"], first["usergroup"], first["code"]) == ("error", "S01FIN", code)
    assert to_do in first["to_do"]


async def test_while_slack_is_away_members_count_until_they_are_too_old(place: Place) -> None:
    await place.reader.read()
    place.slack.fail("usergroups.users.list", "internal_error")

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


async def test_the_worker_keeps_user_groups_confirmed(shared_postgres: EmbeddedPostgres) -> None:
    await prepare_database(shared_postgres, "usergroup_worker", bundle(groups=GROUPS))
    database = Database(shared_postgres, "usergroup_worker")
    async with Slack().running() as slack, database.pool() as pool:
        settings = Settings(_env_file=None, slack_base_url=HttpUrl(slack.url), policy_refresh_seconds=0.05)
        reading = asyncio.create_task(read_usergroups(pool, settings, SecretStr(TOKEN)))
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
