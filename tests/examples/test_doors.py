import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from examples.marketing.demo import Demo
from examples.marketing.doors import PageDoor, SlackDoor, Wish, button_of, doors_of, text_field_of
from examples.marketing.forms import forms_of
from local.processes import StackError, free_port
from local.slack import LocalSlack, SlackChannel, SlackUser, slack_binary

ACTION = "a" * 32
PAGE = """
<form action="/search"><input name="q" value="x"></form>
<form method="post" action="/review/{id}/votes">
  <input type="hidden" name="form_token" value="t&amp;1"><input type="hidden" name="revision" value="sha256:1">
  <textarea name="reason"></textarea>
  <button name="decision" value="approve">Approve</button> <button name="decision" value="reject">Reject</button>
</form>
<button name="outside" value="1">Not in a form</button>
"""


def demo(api_url: str, slack: LocalSlack | None = None) -> Demo:
    nowhere = "http://127.0.0.1:9"
    return Demo(
        api_url=api_url,
        tokens={},
        reviewer_tokens={"dana": "dana-token"},
        admin_token="",
        crm_url=nowhere,
        crm_token="",
        mail_url=nowhere,
        slack=slack,
    )


def test_forms_are_read_with_their_hidden_fields_and_buttons() -> None:
    search, vote = forms_of(PAGE.format(id=ACTION), f"http://remit/review/{ACTION}?x=1")
    assert (search.action, search.fields) == ("http://remit/search", {"q": "x"})
    assert vote.action == f"http://remit/review/{ACTION}/votes"
    assert vote.buttons == [("decision", "approve"), ("decision", "reject")]
    assert vote.filled(decision="reject", reason="No.") == {
        "form_token": "t&1",
        "revision": "sha256:1",
        "reason": "No.",
        "decision": "reject",
    }
    with pytest.raises(LookupError, match="no 'decision' to set to 'delete'"):
        vote.filled(decision="delete")


def test_a_form_without_an_action_goes_to_its_own_page() -> None:
    [form] = forms_of("<form method=post><input name=token></form>", "http://remit/review/sign-in?next=%2Freview")
    assert form.action == "http://remit/review/sign-in?next=%2Freview"


def test_the_button_is_found_on_the_card_of_its_action_only() -> None:
    button = {"type": "button", "action_id": "remit_approve", "value": json.dumps({"action": ACTION})}
    card = {"blocks": [{"type": "section"}, {"type": "actions", "block_id": "b", "elements": [button]}]}
    found = button_of(card, Wish(ACTION, "dana", "approve"))
    assert found == {"action_id": "remit_approve", "block_id": "b", "value": button["value"]}
    assert button_of(card, Wish(ACTION, "dana", "reject")) is None
    assert button_of(card, Wish("b" * 32, "dana", "approve")) is None
    assert button_of({"text": f"a thread about {ACTION}"}, Wish(ACTION, "dana", "approve")) is None


def test_a_card_whose_buttons_are_sealed_is_known_by_another_block() -> None:
    button = {"type": "button", "action_id": "remit_approve", "value": "sealed"}
    blocks = [{"type": "header", "block_id": f"card-{ACTION}"}, {"block_id": "b", "elements": [button]}]

    found = button_of({"blocks": blocks}, Wish(ACTION, "dana", "approve"))

    assert found == {"action_id": "remit_approve", "block_id": "b", "value": "sealed"}
    assert button_of({"blocks": blocks}, Wish("b" * 32, "dana", "approve")) is None


def test_without_slack_its_reviewers_go_to_the_page() -> None:
    doors = doors_of(demo("http://127.0.0.1:9"))
    assert doors["slack"] is doors["page"]


def test_people_are_found_in_slack_by_the_policy() -> None:
    example = demo("http://127.0.0.1:9")
    assert example.slack_user("dana") == "U01DANA"
    assert (example.slack_channels("dana"), example.slack_channels("jon")) == (["C01SALES"], ["C01ONCALL"])
    with pytest.raises(LookupError):
        example.slack_user("nobody")


@dataclass
class ReviewPage:
    """A page that takes a token, then a vote from its own form, and keeps the vote."""

    url: str = ""
    votes: list[dict[str, str]] = field(default_factory=list)

    async def show_sign_in(self, request: web.Request) -> web.Response:
        form = '<form method="post"><input name="token"><input type="hidden" name="next" value="/review"></form>'
        return web.Response(text=form, content_type="text/html")

    async def sign_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form["token"] != "dana-token" or request.headers["Origin"] != self.url:
            return web.Response(status=401)
        answer = web.Response(status=303, headers={"Location": str(form["next"])})
        answer.set_cookie("session", "s", path="/review")
        return answer

    async def show(self, request: web.Request) -> web.Response:
        assert request.cookies["session"] == "s"
        return web.Response(text=PAGE.format(id=request.match_info["id"]), content_type="text/html")

    async def vote(self, request: web.Request) -> web.Response:
        assert request.cookies["session"] == "s"
        self.votes.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(text="thank you")


@pytest.fixture
async def page() -> AsyncIterator[ReviewPage]:
    port = free_port()
    page = ReviewPage(f"http://127.0.0.1:{port}")
    site = web.Application()
    site.router.add_get("/review/sign-in", page.show_sign_in)
    site.router.add_post("/review/sign-in", page.sign_in)
    site.router.add_get("/review/{id}", page.show)
    site.router.add_post("/review/{id}/votes", page.vote)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield page
    await runner.cleanup()


async def test_the_page_door_signs_in_and_sends_the_form_it_found(page: ReviewPage) -> None:
    assert await PageDoor(demo(page.url)).knock(Wish(ACTION, "dana", "reject", "No.")) == "the page answered 200"
    assert page.votes == [{"form_token": "t&1", "revision": "sha256:1", "reason": "No.", "decision": "reject"}]


async def test_the_page_door_says_what_was_missing(page: ReviewPage) -> None:
    stranger = demo(page.url)
    door = PageDoor(Demo(**{**vars(stranger), "reviewer_tokens": {"dana": "wrong"}}))
    assert await door.knock(Wish(ACTION, "dana", "approve")) == "signing in was answered with 401"
    assert (
        await PageDoor(stranger).knock(Wish(ACTION, "dana", "shrug")) == "the page of the action has no button to shrug"
    )


@dataclass
class SlackApp:
    """The app behind the stand-in: a click on reject opens a window, and everything that comes is kept."""

    client: AsyncWebClient = field(default_factory=AsyncWebClient)
    received: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        said = parse_qs((await request.read()).decode())
        if "payload" not in said:
            return web.Response()
        payload = json.loads(said["payload"][0])
        self.received.append(payload)
        if payload["type"] == "block_actions" and payload["actions"][0]["action_id"] == "remit_reject":
            element = {"type": "plain_text_input", "action_id": "why", "multiline": True}
            label = {"type": "plain_text", "text": "Reason"}
            view = {
                "type": "modal",
                "callback_id": "reject",
                "title": {"type": "plain_text", "text": "Reject"},
                "blocks": [
                    {"type": "section", "text": {"type": "plain_text", "text": "You reject this."}},
                    {"type": "input", "block_id": "reason", "label": label, "element": element},
                ],
            }
            await self.client.views_open(trigger_id=payload["trigger_id"], view=view)
        return web.Response()


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="remit-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def slack_app(home: Path) -> AsyncIterator[tuple[LocalSlack, SlackApp]]:
    try:
        slack_binary()
    except StackError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    port, app, site = free_port(), SlackApp(), web.Application()
    site.router.add_post("/slack/interactions", app.receive)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    slack = LocalSlack(
        home,
        request_url=f"http://127.0.0.1:{port}/slack/interactions",
        users=[SlackUser("U01DANA", "dana", "Dana Okafor", "dana@northwind.example")],
        channels=[SlackChannel("C01SALES", "sales", ["U01DANA"])],
    )
    await slack.start()
    app.client = AsyncWebClient(slack.bot_token, base_url=slack.base_url)
    yield slack, app
    await slack.stop()
    await runner.cleanup()


async def test_the_slack_door_clicks_and_writes_the_reason_into_the_window(
    slack_app: tuple[LocalSlack, SlackApp],
) -> None:
    slack, app = slack_app
    door = SlackDoor(demo("http://127.0.0.1:9", slack), slack)
    approve = Wish(ACTION, "dana", "approve")
    assert await door.knock(approve) == "no card with a button to approve yet"
    names = ("remit_approve", "remit_reject")
    buttons = [
        {"type": "button", "action_id": name, "value": "v", "text": {"type": "plain_text", "text": name}}
        for name in names
    ]
    blocks = [{"type": "actions", "block_id": f"remit:{ACTION}", "elements": buttons}]
    await app.client.chat_postMessage(channel="C01SALES", text="An offer waits", blocks=blocks)

    assert await door.knock(approve) == "clicked"
    assert app.received[-1]["user"]["id"] == "U01DANA"
    assert app.received[-1]["actions"][0]["action_id"] == "remit_approve"

    assert await door.knock(Wish(ACTION, "dana", "reject", "Too much.")) == "the reason was sent"
    assert app.received[-1]["view"]["state"]["values"]["reason"]["why"]["value"] == "Too much."


async def test_the_slack_door_says_when_no_window_opens(slack_app: tuple[LocalSlack, SlackApp]) -> None:
    slack, app = slack_app
    await app.client.chat_postMessage(
        channel="C01SALES",
        text="An offer waits",
        blocks=[
            {
                "type": "actions",
                "block_id": f"remit:{ACTION}",
                "elements": [
                    {"type": "button", "action_id": "other_reject", "text": {"type": "plain_text", "text": "x"}}
                ],
            }
        ],
    )
    door = SlackDoor(demo("http://127.0.0.1:9", slack), slack)
    said = await door.knock(Wish(ACTION, "dana", "reject", "Too much."))
    assert said == "no window that asks for a reason opened"


def test_a_window_without_a_text_field_has_none() -> None:
    assert text_field_of({"blocks": [{"type": "section"}]}) is None


async def test_a_slack_that_is_gone_is_told_and_not_raised(home: Path) -> None:
    try:
        gone = LocalSlack(home, request_url="http://127.0.0.1:9/", users=[], channels=[])
    except StackError as error:
        pytest.skip(str(error))
    said = await SlackDoor(demo("http://127.0.0.1:9", gone), gone).knock(Wish(ACTION, "dana", "approve"))
    assert said.startswith("Slack: ")
    assert aiohttp.ClientConnectorError.__name__ in said
