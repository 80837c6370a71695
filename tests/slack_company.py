"""A whole installation behind the strict front, for tests of what people do in Slack, by HTTP and by Socket Mode."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import HttpUrl, SecretStr

from adapters.notifiers import button_seal
from adapters.notifiers.slack.buttons import MORE
from adapters.notifiers.slack.seal import Seal
from domain.catalog import Bundle
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.editing import BUNDLE
from tests.installation import (
    Installation,
    OutsideSystem,
    prepare_database,
    running_api,
    running_worker,
    settings_for,
)
from tests.slack_front import Delivery, Front, view_problems
from tests.slack_workspace import CHANNEL, cards, shown, strict_workspace

HOLDING = BUNDLE.model_copy(update={"hold_group": "on-call"})
"""The bundle in which reviewers may edit, reminders come and deadlines move, and on-call places holds from Slack."""


@dataclass
class Company:
    """An installation and the workspace where its people are asked."""

    remit: Installation
    front: Front

    @property
    def seal(self) -> Seal:
        """What seals this installation's buttons and forms."""
        return button_seal(self.remit.settings)

    async def card(self, action: dict[str, Any], said: str = "remit_more") -> dict[str, Any]:
        """Return the action's card once it says something."""
        async with asyncio.timeout(20):
            while True:
                for message in cards(await self.front.slack.messages(CHANNEL)):
                    if action["id"] in str(message.get("blocks")) and said in shown(message):
                        return message
                await asyncio.sleep(0.05)

    async def pick(self, message: dict[str, Any], option: str, user: str) -> Delivery:
        """Pick a line of a card's menu; one that is not offered is picked all the same."""
        (row,) = [block for block in message["blocks"] if block["type"] == "actions"]
        chosen = {"text": {"type": "plain_text", "text": option}, "value": option}
        action = {"type": "overflow", "action_id": MORE, "block_id": row["block_id"], "selected_option": chosen}
        before = len(self.front.deliveries)
        await self.front.slack.interact(CHANNEL, message["ts"], user, action)
        return next(each for each in self.front.deliveries[before:] if each.kind == "interactive")

    async def trigger(self, user: str) -> str:
        """Return a trigger id that counts, born by a command of this person."""
        delivery = await self.front.type_command(CHANNEL, user, "/remit", "help")
        return str(delivery.payload["trigger_id"])

    async def press_home(self, user: str, button: dict[str, Any], block_id: str, **changes: Any) -> Delivery:
        """Press a button of somebody's Home, as Slack tells of it: without a message and a channel."""
        action = {"type": "button", "action_ts": "1795441045.94", "block_id": block_id, **button}
        payload = {
            "type": "block_actions",
            "user": {"id": user, "team_id": "T0REMIT"},
            "container": {"type": "view", "view_id": "V01HOME"},
            "trigger_id": await self.trigger(user),
            "view": {"id": "V01HOME", "type": "home", "private_metadata": "0"},
            "actions": [action],
            **changes,
        }
        return await self.front.deliver("interactive", payload)

    def form(self, callback_id: str = "") -> dict[str, Any]:
        """Return the form that was opened last, which Slack would take."""
        view: dict[str, Any] = [asked["view"] for method, asked in self.front.asked if method == "views.open"][-1]
        assert view_problems(view) == []
        assert callback_id in ("", view["callback_id"])
        return view

    async def send(self, user: str, view: dict[str, Any], **values: dict[str, Any]) -> Any:
        """Send a form, filled in with the state of its inputs by block; return the app's answer."""
        inputs = {
            block["block_id"]: block["element"]["action_id"] for block in view["blocks"] if block["type"] == "input"
        }
        state = {block: {name: values.get(block, {"type": "plain_text_input"})} for block, name in inputs.items()}
        sent = {**view, "id": f"V{abs(hash(view['private_metadata'])) % 10**8}", "state": {"values": state}}
        delivery = await self.front.deliver(
            "interactive", {"type": "view_submission", "user": {"id": user}, "view": sent}
        )
        assert delivery.failed == ""
        return delivery.answer

    async def home(self, user: str, wanted: Callable[[dict[str, Any]], bool] = lambda view: True) -> dict[str, Any]:
        """Return a person's Home, as soon as one is published that is as wanted."""
        async with asyncio.timeout(20):
            while True:
                views = [asked for method, asked in self.front.asked if method == "views.publish"]
                found: list[dict[str, Any]] = [asked["view"] for asked in views if asked["user_id"] == user]
                if found and wanted(found[-1]):
                    assert view_problems(found[-1]) == []
                    return found[-1]
                await asyncio.sleep(0.05)

    async def told(self, user: str, said: str) -> str:
        """Return what only one person is told in the channel, as soon as it says something."""
        async with asyncio.timeout(20):
            while True:
                for message in await self.front.slack.messages(CHANNEL):
                    if message.get("ephemeral_to") == user and said in message["text"]:
                        return str(message["text"])
                await asyncio.sleep(0.05)

    async def type_remit(self, user: str, text: str) -> str:
        """Type `/remit ...`; return all that the person is shown."""
        answer = (await self.front.type_command(CHANNEL, user, "/remit", text)).answer
        assert answer["response_type"] == "ephemeral"
        return json.dumps([answer["text"], answer.get("blocks", [])], ensure_ascii=False)


@contextlib.asynccontextmanager
async def company_by(
    way: str, postgres: EmbeddedPostgres, temporal: TemporalServer, name: str, wanted: Bundle = HOLDING
) -> AsyncIterator[Company]:
    """Run an installation to which Slack comes by `http` or by `socket`."""
    tokens = await prepare_database(postgres, name, wanted)
    async with OutsideSystem().running() as crm:
        settings = settings_for(postgres, name, temporal, crm)
        url = f"http://127.0.0.1:{settings.api_port}/slack/interactions" if way == "http" else ""
        async with strict_workspace(url) as front:
            door = {"slack_signing_secret": SecretStr(front.slack.signing_secret)}
            if way == "socket":
                door = {"slack_app_token": SecretStr(front.slack.app_token)}
            token, base_url = SecretStr(front.slack.bot_token), HttpUrl(front.url)
            settings = settings.model_copy(update={"slack_bot_token": token, "slack_base_url": base_url, **door})
            async with running_worker(settings), running_api(settings) as http:
                if way == "socket":
                    async with asyncio.timeout(20):
                        await front.socket.connected()
                yield Company(Installation(settings, postgres, name, temporal, crm, tokens, http), front)
