"""The contract of every notifier, and how Slack and mail stand in for each other, as a deployment joins them."""

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError

import adapters.notifiers
from activities.notify import Notify, NotifyRequest
from adapters.database.actions import Actions
from adapters.database.connection import open_pool
from adapters.database.notices import Notices
from adapters.database.revisions import Revisions
from adapters.notifiers import Notifier, notifiers
from adapters.notifiers.slack.notifier import whose_turn_it_is
from domain.ledger import Actor, ActorKind, EntryKind, entry
from domain.policy import Policy
from domain.record import ActionRecord
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from settings import Settings
from tests.bundles import DOCUMENT, bundle, policy
from tests.installation import prepare_database
from tests.mailbox import Mailbox, running_mailbox
from tests.slack_front import Front
from tests.slack_records import NOW, REFUND, executed, voted, waiting
from tests.slack_workspace import CHANNEL, running_workspace

AGENT = Actor(kind=ActorKind.AGENT, id="clerk", door="api")
PEOPLE = [{**person, "slack_user": None} if person["id"] == "bob" else person for person in DOCUMENT["people"]]
RULES = policy(people=PEOPLE)
NAMES = sorted(path.parent.name for path in Path(adapters.notifiers.__path__[0]).glob("*/__init__.py"))


@dataclass
class Places:
    """All places where people look: a Slack workspace and a mail server, with notices in a real database."""

    front: Front
    pool: "asyncpg.Pool[asyncpg.Record]"
    box: Mailbox

    @property
    def posts(self) -> dict[str, Callable[[], int]]:
        """How many messages people got so far, by notifier."""
        return {
            "slack": lambda: sum(call == "chat.postMessage" for call in self.front.calls),
            "email": lambda: len(self.box.messages),
        }

    def configured(self, **changes: Any) -> dict[str, Notifier]:
        """Return the notifiers of a deployment that has everything."""
        values = {
            "slack_bot_token": SecretStr(self.front.slack.bot_token),
            "slack_base_url": self.front.url,
            "smtp_host": "127.0.0.1",
            "smtp_port": self.box.port,
            "smtp_starttls": False,
            "mail_from": "remit@test.example",
            **changes,
        }
        settings = Settings(_env_file=None, **values)
        return notifiers(settings, Notices(self.pool), Revisions(self.pool), whose_turn_it_is)

    async def accepted(self) -> ActionRecord:
        """Return a record whose action stands in the database."""
        record = waiting(REFUND, action_id=secrets.token_hex(16))
        action = record.action
        key = f"{action.id}/action.requested"
        requested = entry(key, EntryKind.ACTION_REQUESTED, NOW, AGENT, {}, action=action.id)
        await Actions(self.pool).submit(action, "olga", action.id, action.digest, requested)
        return record


@dataclass
class Source:
    """The one record and the one policy."""

    record: ActionRecord
    rules: Policy

    async def get(self, action_id: str) -> ActionRecord:
        return self.record

    async def current(self) -> Policy:
        return self.rules


async def notified(record: ActionRecord, configured: dict[str, Notifier], rules: Policy = RULES) -> None:
    """Show a record through all of them, as the worker does."""
    source = Source(record, rules)
    await Notify(source, source, configured).notify(NotifyRequest(action_id=record.action.id))


@pytest.fixture(scope="module")
async def pool(shared_postgres: EmbeddedPostgres) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    await prepare_database(shared_postgres, "all_notices", bundle())
    opened = await open_pool(SecretStr(shared_postgres.url("remit_app", "all_notices")), 2)
    yield opened
    await opened.close()


@pytest.fixture
async def places(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Places]:
    async with (
        running_workspace("http://127.0.0.1:9/unused") as slack,
        Front(slack).running() as front,
        running_mailbox() as box,
    ):
        yield Places(front, pool, box)


async def test_every_notifier_posts_once_when_asked_twice(places: Places) -> None:
    configured, record = places.configured(), await places.accepted()
    assert sorted(configured) == sorted(places.posts) == NAMES

    for name, notifier in configured.items():
        for now in (record, executed(voted(record, "ann", reason="It is broken."))):
            before = places.posts[name]()
            await notifier.show(now, RULES, ["asked"])
            posted = places.posts[name]()
            assert posted > before, name

            await notifier.show(now, RULES, ["asked"])
            assert places.posts[name]() == posted, name


async def test_nobody_gets_a_mail_for_what_slack_shows_them(places: Places) -> None:
    record = await places.accepted()

    await notified(record, places.configured())

    assert [str(mail["To"]) for mail in places.box.messages] == ["Bob Approver <bob@test.example>"]


async def test_while_slack_is_down_everybody_gets_a_mail_and_the_failure_is_visible(places: Places) -> None:
    record = await places.accepted()
    nowhere = f"http://127.0.0.1:{free_port()}/api"

    with capture_logs() as logs, pytest.raises(ApplicationError) as first:
        await notified(record, places.configured(slack_base_url=nowhere))
    assert (first.value.type, first.value.next_retry_delay) == ("notifier_unavailable", None)
    assert {line["notifier"] for line in logs if line["event"] == "notification_failed"} == {"slack", "email"}
    assert len(places.box.messages) == 1

    over = places.configured(slack_base_url=nowhere, email_after_seconds=0)
    for _ in range(2):
        with capture_logs(), pytest.raises(ApplicationError):
            await notified(record, over)
    assert sorted(mail["To"].addresses[0].username for mail in places.box.messages) == ["ann", "bob", "olga"]

    await notified(record, places.configured())
    assert len(await places.front.slack.messages(CHANNEL)) == 1, "nothing is lost: Slack shows it when it is back"
    assert len(places.box.messages) == 3


async def test_what_slack_refuses_for_good_is_looked_at_again_when_the_wait_for_it_is_over(places: Places) -> None:
    record = await places.accepted()
    groups = [{**group, "direct_messages": False} for group in DOCUMENT["groups"]]
    places.front.fail("chat.postMessage", "is_archived")

    with capture_logs() as logs, pytest.raises(ApplicationError) as failure:
        await notified(record, places.configured(email_after_seconds=77), policy(people=PEOPLE, groups=groups))

    assert "slack_refused" in [line["event"] for line in logs]
    delay = failure.value.next_retry_delay
    assert delay is not None
    assert round(delay.total_seconds()) == 77, "Temporal comes back for the mails"
