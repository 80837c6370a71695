"""The front is as strict as Slack: each refusal, each limit and each trouble that other tests rely on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from local.processes import free_port
from tests.slack_front import Front, NoSuchButton, message_problems, view_problems
from tests.slack_workspace import CHANNEL, ON_CALL, strict_workspace

ANN, BOB = "U01ANN", "U01BOB"
PLAIN = {"type": "plain_text", "text": "Approve"}
BUTTON = {"type": "button", "action_id": "go", "text": PLAIN, "value": "v"}
ROW = {"type": "actions", "block_id": "row", "elements": [BUTTON]}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "Hello"}}
TYPED = {"type": "plain_text_input", "action_id": "text"}
FIELD = {"type": "input", "block_id": "why", "label": PLAIN, "element": TYPED}
MODAL = {"type": "modal", "callback_id": "form", "title": PLAIN, "submit": PLAIN, "blocks": [FIELD]}


@dataclass
class App:
    """An app as Slack's documentation tells to write it: looks at signatures, and answers as it is told to."""

    answer: Callable[[dict[str, Any]], Any] = lambda payload: None
    status: int = 200
    slow: asyncio.Event | None = None
    got: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    secret: str = ""

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert SignatureVerifier(self.secret).is_valid_request(body, dict(request.headers))
        if request.content_type == "application/json":
            payload = json.loads(body)
        else:
            fields = parse_qs(body.decode(), True)
            payload = json.loads(fields["payload"][0]) if "payload" in fields else fields
        self.got.append((payload, dict(request.headers)))
        if self.slow is not None:
            await self.slow.wait()
        answer = self.answer(payload)
        return web.json_response(answer, status=self.status) if answer else web.Response(status=self.status)


@dataclass
class Place:
    """The front, and an app behind it."""

    front: Front
    app: App

    @property
    def client(self) -> AsyncWebClient:
        return self.front.client

    async def posted(self) -> str:
        """Post a message with a button, and return its time stamp."""
        answer = await self.client.chat_postMessage(channel=CHANNEL, text="hello", blocks=[SECTION, ROW])
        return str(answer["ts"])

    async def trigger(self, user: str = ANN) -> str:
        """Return the trigger id of a click."""
        delivery = await self.front.press(CHANNEL, await self.posted(), user, "go", "row", "v")
        return str(delivery.payload["trigger_id"])


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[Place]:
    port, app = free_port(), App()
    site = web.Application()
    site.router.add_post("/slack", app.receive)
    runner = web.AppRunner(site, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with strict_workspace(f"http://127.0.0.1:{port}/slack") as front:
        app.secret = front.slack.signing_secret
        yield Place(front, app)
    await runner.cleanup()


@pytest.fixture
def place(running: Place) -> Place:
    """The front as it was when it started."""
    vars(running.app).update(vars(App(secret=running.app.secret)))
    running.front.reset()
    return running


async def refused(call: Any) -> str:
    """Return the error with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_call_without_a_token_or_with_another_one_is_refused(place: Place) -> None:
    url = place.front.url
    assert await refused(AsyncWebClient(base_url=url).auth_test()) == "not_authed"
    assert await refused(AsyncWebClient("xoxb-another", base_url=url).auth_test()) == "invalid_auth"
    app_level = AsyncWebClient(place.front.slack.app_token, base_url=url)
    assert await refused(app_level.auth_test()) == "not_allowed_token_type"
    assert await refused(place.client.apps_connections_open(app_token=place.front.slack.bot_token)) == (
        "not_allowed_token_type"
    )
    place.front.world.revoked = "token_revoked"
    assert await refused(place.client.auth_test()) == "token_revoked"


async def test_a_call_that_the_scopes_do_not_cover_is_refused_and_says_which_is_needed(place: Place) -> None:
    place.front.world.scopes.remove("chat:write")

    with pytest.raises(SlackApiError) as caught:
        await place.client.chat_postMessage(channel=CHANNEL, text="hello")

    answer = caught.value.response
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert "chat:write" not in answer.headers["x-oauth-scopes"]


async def test_a_method_that_slack_does_not_have_or_the_front_does_not_know_is_refused(place: Place) -> None:
    assert await refused(place.client.api_call("chat.shout")) == "unknown_method"
    assert await refused(place.client.users_profile_get(user=ANN)) == "unknown_method"
    assert await refused(place.client.reactions_add(channel=CHANNEL, name="tada", timestamp="1.2")) == "unknown_method"


async def test_the_bot_posts_only_where_it_is_a_member(place: Place) -> None:
    place.front.world.absent.add(CHANNEL)
    assert await refused(place.client.chat_postMessage(channel=CHANNEL, text="hello")) == "not_in_channel"
    assert await refused(place.client.conversations_history(channel=CHANNEL)) == "not_in_channel"
    assert not (await place.client.conversations_info(channel=CHANNEL))["channel"]["is_member"]

    place.front.world.private.add(CHANNEL)
    assert await refused(place.client.chat_postMessage(channel=CHANNEL, text="hello")) == "channel_not_found"
    assert await refused(place.client.conversations_info(channel=CHANNEL)) == "channel_not_found"
    assert await refused(place.client.chat_postMessage(channel="C0NOWHERE", text="hello")) == "channel_not_found"


async def test_archived_and_restricted_channels_take_no_messages(place: Place) -> None:
    place.front.world.archived.add(CHANNEL)
    assert await refused(place.client.chat_postMessage(channel=CHANNEL, text="hello")) == "is_archived"
    place.front.world.archived.clear()
    place.front.world.restricted.add(CHANNEL)
    assert await refused(place.client.chat_postMessage(channel=CHANNEL, text="hello")) == "restricted_action"


async def test_a_note_goes_only_to_people_of_the_channel(place: Place) -> None:
    call = place.client.chat_postEphemeral(channel=CHANNEL, user="U01ELSEWHERE", text="hello")
    assert await refused(call) == "user_not_in_channel"


async def test_deactivated_people_and_strangers_get_no_direct_message(place: Place) -> None:
    place.front.world.users = {ANN: {"deleted": True}, BOB: None}
    assert await refused(place.client.conversations_open(users=ANN)) == "user_disabled"
    assert await refused(place.client.conversations_open(users=BOB)) == "user_not_found"
    assert await refused(place.client.chat_postMessage(channel=ANN, text="hello")) == "channel_not_found"
    assert await refused(place.client.users_info(user=BOB)) == "user_not_found"


async def test_a_message_that_says_nothing_or_too_much_is_refused(place: Place) -> None:
    assert await refused(place.client.api_call("chat.postMessage", json={"channel": CHANNEL})) == "no_text"
    assert await refused(place.client.chat_postMessage(channel=CHANNEL, text="x" * 40_001)) == "msg_too_long"


async def test_blocks_that_are_no_list_are_refused(place: Place) -> None:
    call = place.client.api_call("chat.postMessage", json={"channel": CHANNEL, "text": "hello", "blocks": {"a": 1}})
    assert await refused(call) == "invalid_blocks_format"


async def test_a_message_that_is_gone_cannot_be_updated(place: Place) -> None:
    ts = await place.posted()
    await place.client.chat_delete(channel=CHANNEL, ts=ts)

    assert await refused(place.client.chat_update(channel=CHANNEL, ts=ts, text="hello")) == "message_not_found"
    with pytest.raises(NoSuchButton):
        await place.front.press(CHANNEL, ts, ANN, "go", "row", "v")


def text(length: int, kind: str = "mrkdwn") -> dict[str, str]:
    return {"type": kind, "text": "x" * length}


def button(**changes: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": [{**BUTTON, **changes}]}


def options(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [{"text": PLAIN, "value": str(number), **changes} for number in range(count)]


OVERFLOW = {"type": "overflow", "action_id": "more"}
CONFIRM = {"title": PLAIN, "text": PLAIN, "confirm": PLAIN, "deny": PLAIN}
GOOD: dict[str, list[dict[str, Any]]] = {
    "fifty blocks": [SECTION] * 50,
    "the longest section": [{"type": "section", "text": text(3000)}],
    "ten of the longest fields": [{"type": "section", "fields": [text(2000)] * 10}],
    "the longest header": [{"type": "header", "text": text(150, "plain_text")}],
    "the longest value and ids": [button(value="v" * 2000, action_id="a" * 255) | {"block_id": "b" * 255}],
    "a button with everything": [button(style="danger", confirm=CONFIRM, url="https://remit.example")],
    "a menu of five": [{"type": "actions", "elements": [{**OVERFLOW, "options": options(5)}]}],
    "twenty-five buttons": [{"type": "actions", "elements": [{**BUTTON, "action_id": str(n)} for n in range(25)]}],
    "ten elements of context": [{"type": "context", "elements": [text(100)] * 10}],
    "a divider, verbatim text": [{"type": "divider"}, {"type": "section", "text": {**text(9), "verbatim": True}}],
}
BAD: dict[str, list[Any]] = {
    "no block": [],
    "51 blocks": [SECTION] * 51,
    "an unknown block": [{"type": "sections", "text": text(5)}],
    "no block at all": ["section"],
    "a block of another surface": [{"type": "file", "external_id": "f", "source": "remote"}],
    "an unknown key": [{**SECTION, "colour": "red"}],
    "an empty section": [{"type": "section"}],
    "an empty text": [{"type": "section", "text": text(0)}],
    "a section of 3001": [{"type": "section", "text": text(3001)}],
    "1501 characters of two units": [{"type": "section", "text": {"type": "mrkdwn", "text": "🟢" * 1501}}],
    "eleven fields": [{"type": "section", "fields": [text(5)] * 11}],
    "a field of 2001": [{"type": "section", "fields": [text(2001)]}],
    "a header of 151": [{"type": "header", "text": text(151, "plain_text")}],
    "a header in mrkdwn": [{"type": "header", "text": text(5)}],
    "a button in mrkdwn": [button(text=text(5))],
    "a button of 76": [button(text=text(76, "plain_text"))],
    "a value of 2001": [button(value="v" * 2001)],
    "an address of 3001": [button(url="https://" + "x" * 3000)],
    "an unknown style": [button(style="warning")],
    "an action_id of 256": [button(action_id="a" * 256)],
    "a block_id of 256": [{**ROW, "block_id": "b" * 256}],
    "the same block_id twice": [ROW, {**ROW, "elements": [{**BUTTON, "action_id": "other"}]}],
    "the same action_id twice in a block": [{"type": "actions", "elements": [BUTTON, BUTTON]}],
    "26 buttons": [{"type": "actions", "elements": [{**BUTTON, "action_id": str(n)} for n in range(26)]}],
    "no button": [{"type": "actions", "elements": []}],
    "eleven elements of context": [{"type": "context", "elements": [text(5)] * 11}],
    "a menu of six": [{"type": "actions", "elements": [{**OVERFLOW, "options": options(6)}]}],
    "an option of 76": [{"type": "actions", "elements": [{**OVERFLOW, "options": options(1, text=text(76))}]}],
    "a value of an option of 76": [
        {"type": "actions", "elements": [{**OVERFLOW, "options": options(1, value="v" * 76)}]}
    ],
    "a question of 301": [button(confirm={**CONFIRM, "text": text(301, "plain_text")})],
    "an accessory too long": [{**SECTION, "accessory": {**BUTTON, "value": "v" * 2001}}],
    "a picture without words": [{"type": "image", "image_url": "https://remit.example/a.png"}],
}
GOOD_VIEWS: dict[str, dict[str, Any]] = {
    "a form": MODAL,
    "a home": {"type": "home", "blocks": [SECTION] * 100},
    "the longest metadata": {**MODAL, "private_metadata": "x" * 3000, "callback_id": "c" * 255},
}
BAD_VIEWS: dict[str, Any] = {
    "no view": None,
    "a view of another kind": {**MODAL, "type": "window"},
    "101 blocks": {**MODAL, "blocks": [SECTION] * 101},
    "a title of 25": {**MODAL, "title": text(25, "plain_text")},
    "no title": {name: part for name, part in MODAL.items() if name != "title"},
    "a title in mrkdwn": {**MODAL, "title": text(5)},
    "a submit of 25": {**MODAL, "submit": text(25, "plain_text")},
    "a field and no submit": {name: part for name, part in MODAL.items() if name != "submit"},
    "metadata of 3001": {**MODAL, "private_metadata": "x" * 3001},
    "a callback_id of 256": {**MODAL, "callback_id": "c" * 256},
    "a label of 2001": {**MODAL, "blocks": [{**FIELD, "label": text(2001, "plain_text")}]},
    "an initial value of 3001": {**MODAL, "blocks": [{**FIELD, "element": {**TYPED, "initial_value": "x" * 3001}}]},
    "a table in a form": {**MODAL, "blocks": [{"type": "markdown", "text": "x"}]},
    "a bad block in a form": {**MODAL, "blocks": [{"type": "section", "text": text(3001)}]},
    "more than 250 kB": {"type": "home", "blocks": [{"type": "section", "text": text(3000)}] * 90},
}


@pytest.mark.parametrize("blocks", GOOD.values(), ids=GOOD)
def test_blocks_within_the_limits_are_taken(blocks: list[dict[str, Any]]) -> None:
    assert message_problems(blocks) == []


@pytest.mark.parametrize("blocks", BAD.values(), ids=BAD)
def test_blocks_beyond_the_limits_are_refused(blocks: list[Any]) -> None:
    assert message_problems(blocks)


@pytest.mark.parametrize("view", GOOD_VIEWS.values(), ids=GOOD_VIEWS)
def test_views_within_the_limits_are_taken(view: dict[str, Any]) -> None:
    assert view_problems(view) == []


@pytest.mark.parametrize("view", BAD_VIEWS.values(), ids=BAD_VIEWS)
def test_views_beyond_the_limits_are_refused(view: Any) -> None:
    assert view_problems(view)


@pytest.mark.parametrize("method", ["post", "update", "note"])
async def test_bad_blocks_are_refused_by_every_way_to_show_them(place: Place, method: str) -> None:
    ts, client, bad = await place.posted(), place.client, [{"type": "section", "text": text(3001)}]
    calls = {
        "post": lambda: client.chat_postMessage(channel=CHANNEL, text="hello", blocks=bad),
        "update": lambda: client.chat_update(channel=CHANNEL, ts=ts, text="hello", blocks=bad),
        "note": lambda: client.chat_postEphemeral(channel=CHANNEL, user=ANN, text="hello", blocks=bad),
    }
    with pytest.raises(SlackApiError) as caught:
        await calls[method]()

    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    assert any("/blocks/0" in message for message in answer["response_metadata"]["messages"])


async def test_a_bad_form_or_home_is_refused(place: Place) -> None:
    too_long = {**MODAL, "title": text(25, "plain_text")}
    assert (
        await refused(place.client.views_open(trigger_id=await place.trigger(), view=too_long)) == "invalid_arguments"
    )
    home = {"type": "home", "blocks": [SECTION] * 101}
    assert await refused(place.client.views_publish(user_id=ANN, view=home)) == "invalid_arguments"


async def test_a_trigger_id_counts_once_and_for_three_seconds(place: Place) -> None:
    once = await place.trigger()
    await place.client.views_open(trigger_id=once, view=MODAL)
    assert await refused(place.client.views_open(trigger_id=once, view=MODAL)) == "exchanged_trigger_id"

    late = await place.trigger()
    place.front.clock.advance(3.1)
    assert await refused(place.client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"
    assert await refused(place.client.views_open(trigger_id="1.2.made-up", view=MODAL)) == "invalid_trigger_id"


async def test_a_form_is_sent_by_the_person_it_was_opened_for(place: Place) -> None:
    await place.client.views_open(trigger_id=await place.trigger(BOB), view=MODAL)
    typed = {"why": {"text": {"type": "plain_text_input", "value": "Because."}}}

    with pytest.raises(NoSuchButton):
        await place.front.submit(ANN, typed)
    assert await place.front.submit(BOB, typed) == {}


async def test_a_view_that_changed_meanwhile_or_is_unknown_is_not_replaced(place: Place) -> None:
    opened = await place.client.views_open(trigger_id=await place.trigger(), view=MODAL)
    view_id, first = opened["view"]["id"], opened["view"]["hash"]
    await place.client.views_update(view_id=view_id, hash=first, view=MODAL)

    place.front.world.hashes[view_id] = "changed"
    assert await refused(place.client.views_update(view_id=view_id, hash=first, view=MODAL)) == "hash_conflict"
    assert await refused(place.client.views_update(view_id="V0UNKNOWN", view=MODAL)) == "not_found"


async def test_user_groups_are_read_and_unknown_ones_are_refused(place: Place) -> None:
    place.front.world.usergroups["S01FIN"] = [ANN]

    assert (await place.client.usergroups_users_list(usergroup="S01FIN"))["users"] == [ANN]
    assert [group["id"] for group in (await place.client.usergroups_list())["usergroups"]] == ["S01FIN"]
    assert await refused(place.client.usergroups_users_list(usergroup="S02NONE")) == "no_such_subteam"
    as_json = place.client.api_call("usergroups.users.list", json={"usergroup": "S01FIN"})
    assert await refused(as_json) == "invalid_arguments"


async def test_accounts_are_as_the_test_says_and_addresses_need_their_scope(place: Place) -> None:
    place.front.world.users[ANN] = {"is_restricted": True}
    account = (await place.client.users_info(user=ANN))["user"]
    assert account["is_restricted"] and not account["deleted"]
    assert account["profile"]["email"] == "ann@test.example"

    place.front.world.scopes.remove("users:read.email")
    assert "email" not in (await place.client.users_info(user=ANN))["user"]["profile"]


async def test_rate_limits_errors_and_broken_answers_come_on_demand(place: Place) -> None:
    place.front.fail("auth.test", "ratelimited", 429, retry_after=17)
    with pytest.raises(SlackApiError) as caught:
        await place.client.auth_test()
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "17")

    place.front.fail("auth.test", "internal_error", 503, times=2)
    assert [await refused(place.client.auth_test()) for _ in range(2)] == ["internal_error"] * 2
    assert (await place.client.auth_test())["ok"]

    place.front.fail("auth.test", "fatal_error", times=None)
    assert [await refused(place.client.auth_test()) for _ in range(3)] == ["fatal_error"] * 3
    place.front.heal()
    place.front.break_off("auth.test")
    with pytest.raises(SlackClientError):
        await place.client.auth_test()
    assert (await place.client.auth_test())["ok"]


async def test_a_channel_takes_messages_no_faster_than_the_test_says(place: Place) -> None:
    place.front.world.pace = 3600
    await place.client.chat_postMessage(channel=CHANNEL, text="one")

    with pytest.raises(SlackApiError) as caught:
        await place.client.chat_postMessage(channel=CHANNEL, text="two")

    assert (caught.value.response["error"], caught.value.response.status_code) == ("ratelimited", 429)
    await place.client.chat_postMessage(channel=ON_CALL, text="another channel")


async def test_a_call_can_take_effect_before_its_answer_is_lost(place: Place) -> None:
    before = len(await place.front.slack.messages(ON_CALL))
    place.front.fail("chat.postMessage", "internal_error", 500, after=True)

    assert await refused(place.client.chat_postMessage(channel=ON_CALL, text="hello")) == "internal_error"

    assert len(await place.front.slack.messages(ON_CALL)) == before + 1


async def test_a_call_can_be_left_without_an_answer(place: Place) -> None:
    place.front.hang("auth.test")
    impatient = AsyncWebClient(place.front.slack.bot_token, base_url=place.front.url, timeout=1)
    impatient.retry_handlers.clear()

    with pytest.raises(TimeoutError):
        await impatient.auth_test()


async def test_a_button_that_is_not_there_cannot_be_pressed_and_a_forged_click_arrives(place: Place) -> None:
    ts = await place.posted()
    for action_id, block_id, value in (("other", "row", "v"), ("go", "other", "v"), ("go", "row", "w")):
        with pytest.raises(NoSuchButton):
            await place.front.press(CHANNEL, ts, ANN, action_id, block_id, value)
    with pytest.raises(NoSuchButton, match="not in"):
        await place.front.press(CHANNEL, ts, "U01ELSEWHERE", "go", "row", "v")
    assert place.app.got == []

    await place.front.press(CHANNEL, ts, ANN, "other", "row", "forged", forged=True)

    assert place.app.got[0][0]["actions"][0]["value"] == "forged"


async def test_a_click_that_is_not_acknowledged_within_three_seconds_failed_and_is_not_repeated(place: Place) -> None:
    ts, place.app.slow = await place.posted(), asyncio.Event()
    pressing = asyncio.create_task(place.front.press(CHANNEL, ts, ANN, "go", "row", "v"))
    while not place.app.got:
        await asyncio.sleep(0.01)
    assert not pressing.done()

    place.front.clock.advance(3.1)

    assert (await pressing).failed == "http_timeout"
    place.app.slow.set()
    place.front.clock.advance(600)
    assert len(place.app.got) == 1


async def test_a_click_that_is_answered_with_an_error_failed(place: Place) -> None:
    place.app.status = 500
    assert (await place.front.press(CHANNEL, await place.posted(), ANN, "go", "row", "v")).failed == "http_error"


async def test_an_event_comes_again_until_it_is_acknowledged_and_says_so(place: Place) -> None:
    place.app.status = 500
    first = await place.front.open_home(ANN)
    assert first.failed == "http_error"
    while len(place.app.got) < 2:
        await asyncio.sleep(0.01)

    place.front.clock.advance(59)
    await asyncio.sleep(0.05)
    assert len(place.app.got) == 2
    place.app.status = 200
    place.front.clock.advance(2)
    while len(place.app.got) < 3:
        await asyncio.sleep(0.01)

    retries = [(headers.get("X-Slack-Retry-Num"), headers.get("X-Slack-Retry-Reason")) for _, headers in place.app.got]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({payload["event_id"] for payload, _ in place.app.got}) == 1
    place.front.clock.advance(600)
    await asyncio.sleep(0.05)
    assert len(place.app.got) == 3


async def test_a_command_is_answered(place: Place) -> None:
    place.app.answer = lambda payload: {"response_type": "ephemeral", "text": f"you typed {payload['text'][0]}"}

    delivery = await place.front.type_command(CHANNEL, ANN, "/remit", "pending")

    assert delivery.answer["text"] == "you typed pending"


async def test_a_response_url_takes_five_messages_in_half_an_hour(place: Place) -> None:
    async def used(url: str) -> int:
        async with aiohttp.ClientSession() as session, session.post(url, json={"text": "hello"}) as answer:
            return answer.status

    first = (await place.front.press(CHANNEL, await place.posted(), ANN, "go", "row", "v")).payload["response_url"]
    assert [await used(first) for _ in range(6)] == [200] * 5 + [404]

    second = (await place.front.press(CHANNEL, await place.posted(), ANN, "go", "row", "v")).payload["response_url"]
    place.front.clock.advance(30 * 60 + 1)
    assert await used(second) == 404


async def test_a_socket_address_opens_one_connection_for_an_app_level_token_alone(place: Place) -> None:
    token = place.front.slack.app_token
    url = str((await AsyncWebClient(token, base_url=place.front.url).apps_connections_open(app_token=token))["url"])
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_an_envelope_without_a_connection_or_an_acknowledgement_failed(place: Place) -> None:
    by_socket = Front(place.front.slack)
    assert (await by_socket.deliver("interactive", {})).failed == "not_connected"

    async with by_socket.running(), aiohttp.ClientSession() as session:
        url = f"ws://127.0.0.1:{by_socket.port}/socket/{by_socket.socket.ticket()}"
        async with session.ws_connect(url) as socket:
            await socket.receive_json()
            delivering = asyncio.create_task(by_socket.deliver("interactive", {"a": 1}))
            envelope = await socket.receive_json()
            assert (envelope["type"], envelope["payload"]) == ("interactive", {"a": 1})
            by_socket.clock.advance(3.1)
            assert (await delivering).failed == "http_timeout"

            again = asyncio.create_task(by_socket.deliver("interactive", {"a": 1}))
            envelope = await socket.receive_json()
            await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"b": 2}})
            assert (await again).answer == {"b": 2}
