"""A notifier on a real database and a workspace behind the strict front, with records that stand in the database."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from adapters.database.actions import Actions
from adapters.database.connection import open_pool
from adapters.database.notices import Notice, Notices
from adapters.database.revisions import Revisions
from adapters.notifiers.slack import SlackNotifier
from domain.ledger import Actor, ActorKind, EntryKind, entry
from domain.policy import Policy
from domain.record import ActionRecord
from local.postgres import EmbeddedPostgres
from tests.bundles import bundle
from tests.installation import prepare_database
from tests.slack_front import Front
from tests.slack_records import NOW, PUBLIC_URL, REFUND, SEAL, waiting
from tests.slack_workspace import CHANNEL, strict_workspace

AGENT = Actor(kind=ActorKind.AGENT, id="clerk", door="api")


@dataclass
class Place:
    """What a test shows actions with. `notified` is who gets a message of their own."""

    front: Front
    pool: "asyncpg.Pool[asyncpg.Record]"
    notified: list[str] = field(default_factory=list)

    def fresh(self) -> None:
        """Forget what earlier tests wanted to go wrong, and whom they notified."""
        self.front.heal()
        self.front.calls.clear()
        self.front.world.users.clear()
        self.notified.clear()

    @property
    def notifier(self) -> SlackNotifier:
        """A notifier as a process that just started has it."""
        return self.notifier_by(self.front.client)

    def notifier_by(self, client: AsyncWebClient) -> SlackNotifier:
        """A notifier that speaks to Slack with another client."""

        async def whom(record: ActionRecord, policy: Policy) -> Sequence[str]:
            return self.notified

        return SlackNotifier(client, Notices(self.pool), Revisions(self.pool), PUBLIC_URL, SEAL, whom)

    async def accepted(self, arguments: dict[str, Any] = REFUND, **changes: Any) -> ActionRecord:
        """Return a record whose action stands in the database, where notices refer to it."""
        record = waiting(arguments, action_id=secrets.token_hex(16), **changes)
        action = record.action
        key = f"{action.id}/action.requested"
        requested = entry(key, EntryKind.ACTION_REQUESTED, NOW, AGENT, {}, action=action.id)
        await Actions(self.pool).submit(action, "olga", action.id, action.digest, requested)
        return record

    async def messages(self, record: ActionRecord, channel: str = CHANNEL) -> list[dict[str, Any]]:
        """Return the messages of a channel that are about an action, and the replies to them."""
        everything = await self.front.slack.messages(channel)
        mine = {m["ts"] for m in everything if record.action.id in str(m["blocks"])}
        return [m for m in everything if m["ts"] in mine or m.get("thread_ts") in mine]

    async def direct(self, record: ActionRecord, user: str) -> list[dict[str, Any]]:
        """Return the messages about an action that one person got for themselves."""
        notice = (await self.notices(record)).get(f"@{user}")
        return await self.messages(record, notice.reference) if notice is not None else []

    async def notices(self, record: ActionRecord) -> dict[str, Notice]:
        """Return the notices of an action by target."""
        found = await Notices(self.pool).of_action(record.action.id, "slack")
        return {notice.target: notice for notice in found}


@contextlib.asynccontextmanager
async def opened(postgres: EmbeddedPostgres, name: str) -> AsyncIterator[Place]:
    """Open a workspace and a database."""
    await prepare_database(postgres, name, bundle())
    pool = await open_pool(SecretStr(postgres.url("remit_app", name)), 2)
    try:
        async with strict_workspace() as front:
            yield Place(front, pool)
    finally:
        await pool.close()
