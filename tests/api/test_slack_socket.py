"""Socket Mode as a way in: connections are made, followed and made anew, and nothing is acknowledged too early."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import HttpUrl, SecretStr
from structlog.testing import capture_logs

from adapters.notifiers.slack import slack_client
from api import slack_socket
from api.slack_answers import Ack, Note
from api.slack_dispatch import SlackDoor
from api.slack_payloads import AppHomeOpened, BlockActions, Inbound, OtherEvent, SlashCommand
from api.slack_socket import socket_mode
from domain.errors import InvalidRequest
from local.processes import StackError
from local.slack import LocalSlack, SlackChannel, SlackUser
from settings import Settings
from tests.slack_front import Front

CLICK = {
    "type": "block_actions",
    "user": {"id": "U01ANN"},
    "trigger_id": "1.2.abc",
    "channel": {"id": "C01FINANCE"},
    "message": {"ts": "1772616900.000100"},
    "actions": [{"action_id": "remit_approve", "block_id": "b", "action_ts": "1772616901.000100", "value": "v"}],
}
COMMAND = {
    "command": "/remit",
    "text": "help me",
    "user_id": "U01ANN",
    "channel_id": "C01FINANCE",
    "trigger_id": "1.2.abc",
    "token": "legacy",
}


def event(kind: str, **about: Any) -> dict[str, Any]:
    return {"type": "event_callback", "event_id": "Ev01", "event": {"type": kind, **about}}


@dataclass
class Door:
    """Stands for the door: records what comes in, and answers as it is told to, when it is told to."""

    answer: Ack | Exception = field(default_factory=Ack)
    slow: asyncio.Event | None = None
    got: list[Inbound] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    async def dispatch(self, inbound: Inbound) -> Ack:
        self.got.append(inbound)
        if self.slow is not None:
            await self.slow.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def deliver(self, note: Note) -> None:
        self.notes.append(note)


@dataclass
class Place:
    """Slack's side of Socket Mode, and Remit's."""

    front: Front
    door: Door
    settings: Settings

    @contextlib.asynccontextmanager
    async def connected(self, count: int = 1) -> AsyncIterator[None]:
        """Run as many processes as wanted, and wait for their connections."""
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(count):
                await stack.enter_async_context(socket_mode(self.settings, lambda: cast(SlackDoor, self.door)))
            await self.front.socket.connected(count)
            yield

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.01)


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(slack_socket, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(slack_socket, "_CHECK_SECONDS", 0.02)
    try:
        emulator = LocalSlack(tmp_path, request_url="http://127.0.0.1:9/", users=[], channels=[])  # never started
    except StackError as problem:
        pytest.skip(str(problem))
    async with Front(emulator).running() as front:
        settings = Settings(
            _env_file=None,
            slack_bot_token=SecretStr(emulator.bot_token),
            slack_app_token=SecretStr(emulator.app_token),
            slack_base_url=front.url,
        )
        yield Place(front, Door(), settings)


async def test_another_makers_socket_mode_is_understood_as_well(place: Place, tmp_path: Path) -> None:
    home = tmp_path / "emulator"
    home.mkdir()
    ann = SlackUser("U01ANN", "ann", "Ann", "ann@test.example")
    emulator = LocalSlack(
        home, request_url=None, users=[ann], channels=[SlackChannel("C01FINANCE", "finance", [ann.id])]
    )
    await emulator.start()
    try:
        token, base_url = SecretStr(emulator.app_token), HttpUrl(emulator.base_url)
        settings = place.settings.model_copy(update={"slack_app_token": token, "slack_base_url": base_url})
        button = {"type": "button", "action_id": "remit_approve", "text": {"type": "plain_text", "text": "Approve"}}
        row = {"type": "actions", "block_id": "row", "elements": [{**button, "value": "v"}]}
        bot = slack_client(SecretStr(emulator.bot_token), emulator.base_url)
        posted = await bot.chat_postMessage(channel="C01FINANCE", text="a card", blocks=[row])
        with capture_logs() as logs:
            async with socket_mode(settings, lambda: cast(SlackDoor, place.door)):
                await place.until(lambda: any(said["event"] == "slack_socket_connected" for said in logs))
                await emulator.click("C01FINANCE", str(posted["ts"]), ann.id, "remit_approve", "row", "v")
                await emulator.type_command("C01FINANCE", ann.id, "/remit", "help")
                await emulator.open_home(ann.id)
                await place.until(lambda: len(place.door.got) == 3)
    finally:
        await emulator.stop()

    assert [type(inbound) for inbound in place.door.got] == [BlockActions, SlashCommand, AppHomeOpened]
    assert [said["event"] for said in logs] == ["slack_socket_connected"]


async def test_without_an_app_level_token_nobody_connects(place: Place) -> None:
    settings = place.settings.model_copy(update={"slack_app_token": None})

    async with socket_mode(settings, lambda: pytest.fail("no door is needed")):
        await asyncio.sleep(0.05)

    assert place.front.calls == []


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("interactive", CLICK, BlockActions),
        ("slash_commands", COMMAND, SlashCommand),
        ("events_api", event("app_home_opened", user="U01ANN", tab="home", channel="D01"), AppHomeOpened),
        ("events_api", event("reaction_added", user="U01ANN"), OtherEvent),
    ],
)
async def test_each_kind_of_envelope_reaches_the_door_and_its_answer_goes_back(
    place: Place, kind: str, payload: dict[str, Any], expected: type[Inbound]
) -> None:
    place.door.answer = Ack(body={"text": "taken"}, note=Note("C01FINANCE", "U01ANN", "a word"))
    async with place.connected():
        delivery = await place.front.deliver(kind, payload)
        await place.until(lambda: bool(place.door.notes))

    assert isinstance(place.door.got[0], expected)
    assert (delivery.answer, delivery.failed) == ({"text": "taken"}, "")


async def test_an_envelope_is_acknowledged_only_when_the_door_is_through_with_it(place: Place) -> None:
    place.door.slow = asyncio.Event()
    async with place.connected():
        delivering = asyncio.create_task(place.front.deliver("interactive", CLICK))
        await place.until(lambda: bool(place.door.got))
        await asyncio.sleep(0.05)
        assert not delivering.done()

        place.door.slow.set()

        assert (await delivering).failed == ""


async def test_a_slow_click_does_not_hold_up_another(place: Place) -> None:
    place.door.slow = asyncio.Event()
    async with place.connected():
        first = asyncio.create_task(place.front.deliver("interactive", CLICK))
        second = asyncio.create_task(place.front.deliver("interactive", CLICK))
        await place.until(lambda: len(place.door.got) == 2)
        place.door.slow.set()
        await asyncio.gather(first, second)


@pytest.mark.parametrize(
    ("kind", "payload", "trouble"),
    [
        ("interactive", {"type": "shortcut"}, None),
        ("interactive", {}, None),
        ("slash_commands", {"command": "remit"}, None),
        ("events_api", {"type": "event_callback"}, None),
        ("hello_again", {}, None),
        ("interactive", CLICK, InvalidRequest("not one of Remit's")),
        ("interactive", CLICK, RuntimeError("a bug")),
    ],
)
async def test_what_cannot_be_taken_is_logged_and_not_acknowledged_and_the_next_is_taken(
    place: Place, kind: str, payload: dict[str, Any], trouble: Exception | None
) -> None:
    async with place.connected():
        place.door.answer = trouble or Ack()
        with capture_logs() as logs:
            failing = asyncio.create_task(place.front.deliver(kind, payload))
            await place.until(lambda: any(said["event"].startswith("slack_envelope_") for said in logs))
        place.front.clock.advance(3.1)
        assert (await failing).failed == "http_timeout"

        place.door.answer = Ack()
        assert (await place.front.deliver("interactive", CLICK)).failed == ""


async def test_a_connection_that_slack_wants_replaced_is_replaced_without_a_pause(place: Place) -> None:
    async with place.connected():
        await place.front.socket.refresh()
        await place.until(lambda: place.front.calls.count("apps.connections.open") == 2)
        await place.front.socket.connected()

        assert (await place.front.deliver("interactive", CLICK)).failed == ""


async def test_a_connection_that_is_lost_is_made_anew(place: Place) -> None:
    async with place.connected():
        await place.front.socket.cut()
        await place.front.socket.connected(0)
        async with asyncio.timeout(20):
            await place.front.socket.connected()

        assert (await place.front.deliver("interactive", CLICK)).failed == ""


@pytest.mark.parametrize(
    ("error", "status", "logged"),
    [
        ("invalid_auth", 200, "slack_socket_refused"),
        ("internal_error", 503, "slack_socket_delayed"),
        ("", 0, "slack_socket_delayed"),
    ],
)
async def test_slack_that_does_not_let_in_at_first_is_asked_again_and_the_process_starts_all_the_same(
    place: Place, error: str, status: int, logged: str
) -> None:
    if error:
        place.front.fail("apps.connections.open", error, status, times=2)
    else:
        place.front.break_off("apps.connections.open")
    with capture_logs() as logs:
        async with socket_mode(place.settings, lambda: cast(SlackDoor, place.door)):
            async with asyncio.timeout(20):
                await place.front.socket.connected()

    assert logged in [entry["event"] for entry in logs]


async def test_slack_that_says_to_wait_is_not_asked_before(place: Place) -> None:
    place.front.fail("apps.connections.open", "ratelimited", 429, retry_after=600)

    async with socket_mode(place.settings, lambda: cast(SlackDoor, place.door)):
        await place.until(lambda: bool(place.front.calls))
        await asyncio.sleep(3 * slack_socket.PAUSE_SECONDS)

    assert place.front.calls == ["apps.connections.open"]


async def test_an_address_that_opens_nothing_is_given_up_for_another(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_socket, "CONNECT_SECONDS", 0.3)
    genuine = place.front.socket.ticket
    spent = iter(["spent"])
    monkeypatch.setattr(place.front.socket, "ticket", lambda: next(spent, None) or genuine())

    async with place.connected():
        assert place.front.calls.count("apps.connections.open") == 2


async def test_the_same_envelope_on_two_connections_is_the_same_click_twice(place: Place) -> None:
    place.front.socket.twice = True
    async with place.connected(2):
        assert (await place.front.deliver("interactive", CLICK)).failed == ""
        await place.until(lambda: len(place.door.got) == 2)

    assert place.door.got[0] == place.door.got[1]


async def test_an_orderly_end_waits_for_the_click_under_way(place: Place) -> None:
    place.door.slow = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(place.connected())
        delivering = asyncio.create_task(place.front.deliver("interactive", CLICK))
        await place.until(lambda: bool(place.door.got))
        asyncio.get_running_loop().call_later(0.1, place.door.slow.set)

    assert (await delivering).failed == ""
