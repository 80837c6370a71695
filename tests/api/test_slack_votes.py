"""A vote by Slack from end to end, by HTTP and by Socket Mode: the workflow posts the card, a person clicks, the effect
happens once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr

from adapters.notifiers.slack.buttons import APPROVE, REJECT
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.bundles import bundle
from tests.installation import (
    Installation,
    OutsideSystem,
    prepare_database,
    running_api,
    running_worker,
    settings_for,
)
from tests.slack_front import Front
from tests.slack_workspace import CHANNEL, cards, replies, shown, strict_workspace


@dataclass
class Company:
    """An installation and the workspace where its people are asked."""

    remit: Installation
    front: Front

    async def card(self, action: dict[str, Any], said: str) -> dict[str, Any]:
        """Return the action's card once it says something."""
        async with asyncio.timeout(20):
            while True:
                for message in cards(await self.front.slack.messages(CHANNEL)):
                    if action["id"] in str(message.get("blocks")) and said in shown(message):
                        return message
                await asyncio.sleep(0.05)

    async def press(self, message: dict[str, Any], button: str, user: str) -> None:
        """Press a button that stands on a card."""
        (row,) = [block for block in message["blocks"] if block["type"] == "actions"]
        (found,) = [element for element in row["elements"] if element["action_id"] == button]
        await self.front.press(CHANNEL, message["ts"], user, button, row["block_id"], found["value"])


@pytest.fixture(scope="module", params=["http", "socket"])
async def company(
    request: pytest.FixtureRequest, shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> AsyncIterator[Company]:
    name = f"slack_votes_{request.param}"
    by_http = request.param == "http"
    tokens = await prepare_database(shared_postgres, name, bundle())
    async with OutsideSystem().running() as crm:
        settings = settings_for(shared_postgres, name, shared_temporal, crm)
        url = f"http://127.0.0.1:{settings.api_port}/slack/interactions" if by_http else ""
        async with strict_workspace(url) as front:
            door = {"slack_signing_secret": SecretStr(front.slack.signing_secret)}
            if not by_http:
                door = {"slack_app_token": SecretStr(front.slack.app_token)}
            token, base_url = SecretStr(front.slack.bot_token), HttpUrl(front.url)
            settings = settings.model_copy(update={"slack_bot_token": token, "slack_base_url": base_url, **door})
            async with running_worker(settings), running_api(settings) as http:
                if not by_http:
                    async with asyncio.timeout(20):
                        await front.socket.connected()
                remit = Installation(settings, shared_postgres, name, shared_temporal, crm, tokens, http)
                yield Company(remit, front)


async def test_an_approve_click_runs_the_action_once_and_the_card_says_who(company: Company) -> None:
    action = await company.remit.refund()
    message = await company.card(action, "remit_approve")

    await company.press(message, APPROVE, "U01ANN")
    await company.press(message, APPROVE, "U01ANN")

    ended = await company.remit.get(action["id"], wait=10)
    assert ended["state"] == "succeeded"
    assert [(vote["person"], vote["door"]) for vote in ended["approval"]["votes"]] == [("ann", "slack")]
    assert len(company.remit.crm.of(action["id"])) == 1
    done = await company.card(action, "Approved and done")
    assert done["ts"] == message["ts"] and "remit_approve" not in shown(done)


async def test_a_rejection_carries_its_reason_to_the_action_and_to_the_thread(company: Company) -> None:
    action = await company.remit.refund()
    message = await company.card(action, "remit_reject")

    await company.press(message, REJECT, "U01BOB")
    reason = {"reason": {"text": {"type": "plain_text_input", "value": "Not our fault."}}}
    assert await company.front.submit("U01BOB", reason) == {}

    ended = await company.remit.get(action["id"], wait=10)
    assert ended["state"] == "rejected"
    assert ended["approval"]["votes"][0]["reason"] == "Not our fault."
    await company.card(action, "Not our fault.")
    async with asyncio.timeout(10):
        while not any("Not our fault." in told for told in replies(await company.front.slack.messages(CHANNEL))):
            await asyncio.sleep(0.05)


async def test_a_stranger_decides_nothing_and_the_attempt_stands_in_the_ledger(company: Company) -> None:
    action = await company.remit.refund()
    message = await company.card(action, "remit_approve")

    await company.press(message, APPROVE, "U01MALLORY")

    assert (await company.remit.get(action["id"]))["state"] == "pending_approval"
    refused = [entry for entry in await company.remit.entries(action["id"]) if entry["kind"] == "vote.refused"]
    assert [entry["actor"]["id"] for entry in refused] == ["slack:U01MALLORY"]
