import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from local.processes import StackError, free_port
from local.slack import LocalSlack, SlackChannel, SlackUser, slack_binary
from tests.local.test_processes import ended

ALICE = SlackUser("U0ALICE", "alice", "Alice Approver", "alice@example.com")
MODAL = {
    "type": "modal",
    "callback_id": "reason",
    "title": {"type": "plain_text", "text": "Reject"},
    "submit": {"type": "plain_text", "text": "Reject"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


@dataclass
class App:
    """The app behind the emulator: checks signatures, opens a modal on a click, wants a reason in it."""

    url: str
    signing_secret: str = ""
    client: AsyncWebClient = field(default_factory=AsyncWebClient)
    received: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not SignatureVerifier(self.signing_secret).is_valid_request(body, dict(request.headers)):
            return web.Response(status=401)
        if request.content_type != "application/x-www-form-urlencoded":
            return web.Response()
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        self.received.append(payload)
        if payload["type"] == "block_actions":
            await self.client.views_open(trigger_id=payload["trigger_id"], view=MODAL)
        elif not payload["view"]["state"]["values"]["reason"]["text"]["value"]:
            errors = {"reason": "Say why."}
            return web.json_response({"response_action": "errors", "errors": errors})
        return web.Response()


@pytest.fixture
async def app() -> AsyncIterator[App]:
    port = free_port()
    app = App(f"http://127.0.0.1:{port}/slack")
    site = web.Application()
    site.router.add_post("/slack", app.receive)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield app
    await runner.cleanup()


@pytest.fixture
async def slack(home: Path, app: App) -> AsyncIterator[LocalSlack]:
    try:
        slack_binary()
    except StackError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    channels = [SlackChannel("C0APPROVE", "approvals", [ALICE.id])]
    slack = LocalSlack(home, request_url=app.url, users=[ALICE], channels=channels)
    await slack.start()
    app.signing_secret = slack.signing_secret
    app.client = AsyncWebClient(slack.bot_token, base_url=slack.base_url)
    yield slack
    await slack.stop()


async def test_a_message_is_posted_and_a_click_and_a_modal_reach_the_app_signed(slack: LocalSlack, app: App) -> None:
    button = {"type": "button", "action_id": "reject", "text": {"type": "plain_text", "text": "Reject"}}
    posted = await app.client.chat_postMessage(
        channel="C0APPROVE",
        text="A refund waits",
        blocks=[{"type": "actions", "block_id": "vote", "elements": [{**button, "value": "token"}]}],
    )
    assert [message["text"] for message in await slack.messages("C0APPROVE")] == ["A refund waits"]

    await slack.click("C0APPROVE", str(posted["ts"]), ALICE.id, "reject", "vote", "token")
    click = app.received[0]
    assert click["user"]["id"] == ALICE.id
    assert click["actions"][0]["value"] == "token"

    def reason(value: str) -> dict[str, dict[str, dict[str, str]]]:
        return {"reason": {"text": {"type": "plain_text_input", "value": value}}}

    assert await slack.submit_modal(ALICE.id, reason("")) == {"reason": "Say why."}
    assert await slack.submit_modal(ALICE.id, reason("Too much.")) == {}
    assert app.received[-1]["view"]["state"]["values"] == reason("Too much.")
    with pytest.raises(StackError, match="no open modal"):
        await slack.submit_modal(ALICE.id, reason("Once more."))


async def test_the_keys_belong_to_the_home_and_to_its_owner(slack: LocalSlack, home: Path, app: App) -> None:
    again = LocalSlack(home, request_url=app.url, users=[], channels=[])
    assert (again.bot_token, again.signing_secret) == (slack.bot_token, slack.signing_secret)
    for name in ("slack.json", "local-slack.yaml"):
        assert (home / name).stat().st_mode & 0o777 == 0o600
    assert "all network interfaces" in slack.notice


async def test_stop_leaves_nothing_running(slack: LocalSlack) -> None:
    assert slack.child.pid is not None
    await slack.stop()
    assert ended(slack.child.pid)


def test_a_missing_program_comes_with_the_command_that_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.slack._CHECKOUT", Path("/nowhere"))
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    with pytest.raises(StackError, match="npm install --no-save local-slack-darwin-arm64@"):
        slack_binary()
    monkeypatch.setattr("platform.system", lambda: "Plan9")
    with pytest.raises(StackError, match="no Slack stand-in for Plan9 arm64"):
        slack_binary()
