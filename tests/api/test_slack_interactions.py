import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier
from structlog.testing import capture_logs

from adapters.database.notices import Notice
from adapters.notifiers.slack import client
from adapters.notifiers.slack.buttons import APPROVE, APPROVE_ON_PAGE, APPROVE_WITH_REASON, REJECT, Place, buttons_id
from adapters.notifiers.slack.cards import card
from adapters.notifiers.slack.seal import Choice, Seal
from api import problems, slack, slack_dispatch, slack_votes
from api.connections import Connections
from api.limits import MAX_BODY_BYTES
from api.slack_dispatch import ACK_SECONDS
from api.slack_socket import socket_mode
from api.slack_views import Carried
from api.slack_votes import APPROVE_FORM, REJECT_FORM, reason_form
from domain.approval import ApprovalOutcome, Ballot, Decision, Door, Receipt
from domain.errors import EngineUnavailable, NotFound, PolicyUnavailable, Refusal, RefusalCode
from domain.ledger import Entry, EntryKind
from domain.policy import Policy
from domain.record import ActionRecord
from local.processes import free_port
from settings import Settings
from tests.slack_front import Delivery, Front, view_problems
from tests.slack_records import ACTION_ID, POLICY, PUBLIC_URL, REFUND, voted, waiting
from tests.slack_workspace import CHANNEL, strict_workspace

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
RECORD = waiting(REFUND)
BUTTON_KEY = "a key for the buttons of tests"
SEAL = Seal(SecretStr(BUTTON_KEY))
CHOICE = Choice(action=ACTION_ID, revision=RECORD.action.digest, channel=CHANNEL)
VALUE = SEAL.sealed(CHOICE)
CARRIED = Carried(**CHOICE.model_dump())
COUNTED = Receipt(accepted=True, outcome=ApprovalOutcome.APPROVED, approvals=1, quorum=1)
FORM = {"content-type": "application/x-www-form-urlencoded"}
TS = "1772616900.000100"
PATIENCE_SECONDS = 60
"""How long the tests with a real workspace let everybody take: a busy machine is not what they are about."""
SLACKS_LIMIT_SECONDS = 3


@dataclass
class Engine:
    """Stands for Temporal, the stores and the policy: records what reaches it, and answers as it is told to."""

    answer: Receipt | Exception | None = COUNTED
    seconds: float = 0
    noted: str = TS
    target: str = CHANNEL
    record: ActionRecord = RECORD
    policy: Policy | Exception = POLICY
    ballots: list[tuple[str, Ballot, timedelta]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    seen_by: list[str] = field(default_factory=list)

    async def vote(self, action_id: str, ballot: Ballot, patience: timedelta) -> Receipt | None:
        self.ballots.append((action_id, ballot, patience))
        await asyncio.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def get(self, action_id: str) -> ActionRecord:
        if action_id != self.record.action.id:
            raise NotFound(f"no action '{action_id}'")
        return self.record

    async def seen(self, action_id: str, person: str, at: datetime) -> None:
        self.seen_by.append(person)

    async def waiting_for(self, groups: list[str], people: list[str], limit: int) -> list[ActionRecord]:
        return [self.record]

    async def decided_by(self, person: str, limit: int) -> list[ActionRecord]:
        return []

    async def of_action(self, action_id: str, notifier: str) -> list[Notice]:
        return [Notice(target=self.target, reference=self.noted, shown="...")] if action_id == ACTION_ID else []

    async def append(self, entries: list[Entry]) -> None:
        self.entries.extend(entries)

    async def current(self) -> Policy:
        if isinstance(self.policy, Exception):
            raise self.policy
        return self.policy


def app_of(engine: Engine, **changes: Any) -> FastAPI:
    settings = Settings(
        _env_file=None,
        **{
            "slack_bot_token": "xoxb-test",
            "slack_signing_secret": SECRET,
            "slack_button_key": BUTTON_KEY,
            "slack_base_url": "http://127.0.0.1:9/api/",
            **changes,
        },
    )
    unused = cast(Any, None)
    app = FastAPI()
    problems.install(app)
    app.include_router(slack.router)
    needed = dict.fromkeys(("actions", "workflows", "ledger", "notices", "policies", "assignments"), cast(Any, engine))
    others = {part.name: unused for part in dataclasses.fields(Connections)}
    app.state.connections = Connections(**{**others, **needed, "settings": settings})
    return app


def signed(body: bytes, secret: str = SECRET, timestamp: str | None = None) -> dict[str, str]:
    at = timestamp or str(int(time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    return {**FORM, "x-slack-request-timestamp": at, "x-slack-signature": signature or ""}


def click(action_id: str = APPROVE, user: str = "U01ANN", **changes: Any) -> dict[str, Any]:
    button = {"action_id": action_id, "block_id": buttons_id(VALUE), "action_ts": TS, "value": VALUE}
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": "whoever"},
        "trigger_id": "1.2.abc",
        "channel": {"id": CHANNEL},
        "message": {"ts": TS, "text": "..."},
        "actions": [{**button, **changes.pop("button", {})}],
    }
    return {**payload, **changes}


def submission(reason: str | None, user: str = "U01ANN", **view: Any) -> dict[str, Any]:
    form = view.get("callback_id", REJECT_FORM)
    sent = {
        "id": "V1",
        "callback_id": form,
        "private_metadata": SEAL.sealed_form(CARRIED.model_dump_json(), user, form),
        "state": {"values": {"reason": {"text": {"type": "plain_text_input", "value": reason}}}},
    }
    return {"type": "view_submission", "user": {"id": user}, "view": {**sent, **view}}


async def post(app: FastAPI, body: bytes, headers: dict[str, str] | list[tuple[bytes, bytes]]) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://remit.test") as http:
        return await http.post("/slack/interactions", content=body, headers=headers)


async def send(app: FastAPI, payload: Any) -> httpx.Response:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return await post(app, body, signed(body))


GOOD = urlencode({"payload": json.dumps(click())}).encode()
UNPROVEN: dict[str, tuple[bytes, dict[str, bytes | None]]] = {
    "no headers": (GOOD, {"x-slack-signature": None, "x-slack-request-timestamp": None}),
    "no signature": (GOOD, {"x-slack-signature": None}),
    "no time": (GOOD, {"x-slack-request-timestamp": None}),
    "empty signature": (GOOD, {"x-slack-signature": b""}),
    "empty time": (GOOD, {"x-slack-request-timestamp": b""}),
    "time that is no number": (GOOD, {"x-slack-request-timestamp": b"yesterday"}),
    "time with a fraction": (GOOD, {"x-slack-request-timestamp": b"1772616900.5"}),
    "time below zero": (GOOD, {"x-slack-request-timestamp": b"-1"}),
    "time in other digits": (GOOD, {"x-slack-request-timestamp": "１７７２６１６９００".encode()}),
    "time of a thousand digits": (GOOD, {"x-slack-request-timestamp": b"9" * 1000}),
    "time that is not UTF-8": (GOOD, {"x-slack-request-timestamp": b"\xff\xfe"}),
    "signature that is not ASCII": (GOOD, {"x-slack-signature": "v0=é".encode()}),
    "signature that is not UTF-8": (GOOD, {"x-slack-signature": b"v0=\xff"}),
    "signature of another version": (GOOD, {"x-slack-signature": b"v1=" + b"0" * 64}),
    "signature too short": (GOOD, {"x-slack-signature": b"v0=abc"}),
    "signature of zeros": (GOOD, {"x-slack-signature": b"v0=" + b"0" * 64}),
    "other body": (GOOD + b"&x=1", {}),
    "empty body": (b"", {}),
    "body that is not UTF-8": (b"payload=\xff\xfe", {}),
    "body that is JSON": (json.dumps(click()).encode(), {}),
    "body that is no form": (b"\x00\x01\x02", {"content-type": b"application/octet-stream"}),
    "body without a type": (b"x", {"content-type": None}),
    "body too large": (b"payload=" + b"x" * MAX_BODY_BYTES, {}),
}


@pytest.mark.parametrize(("body", "changes"), UNPROVEN.values(), ids=UNPROVEN)
async def test_what_is_not_proven_to_be_slack_is_401(body: bytes, changes: dict[str, bytes | None]) -> None:
    engine = Engine()
    headers: dict[str, bytes | None] = {name: value.encode() for name, value in signed(GOOD).items()}
    kept = [(name.encode(), value) for name, value in (headers | changes).items() if value is not None]

    answer = await post(app_of(engine), body, kept)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert engine.ballots == []


@pytest.mark.parametrize(
    ("secret", "age", "status"),
    [(SECRET, 0, 200), (SECRET, 290, 200), (SECRET, 310, 401), (SECRET, -310, 401), ("another-secret", 0, 401)],
)
async def test_a_signature_counts_for_five_minutes_and_one_secret(secret: str, age: int, status: int) -> None:
    headers = signed(GOOD, secret, timestamp=str(int(time.time()) - age))

    assert (await post(app_of(Engine()), GOOD, headers)).status_code == status


@pytest.mark.parametrize("repeated", ["x-slack-signature", "x-slack-request-timestamp"])
async def test_a_header_that_stands_there_twice_is_401(repeated: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in signed(GOOD).items()]
    again = next(header for header in headers if header[0] == repeated.encode())

    assert (await post(app_of(Engine()), GOOD, [*headers, again])).status_code == 401


async def test_a_large_body_that_does_not_say_its_length_is_401() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1000 + 2):
            yield b"x" * 1000

    transport = httpx.ASGITransport(app=app_of(Engine()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://remit.test") as http:
        answer = await http.post("/slack/interactions", content=endless(), headers=signed(GOOD))

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"payload",
        b"payload=",
        b"other=1",
        b"payload=%ff",
        b"payload={}&payload={}",
        b"&".join([b"a=1"] * 50),
        b"payload=not+json",
        b"payload=[]",
        b"payload=null",
        b'payload="block_actions"',
        b"payload=" + b"[" * 5000,
        *(
            urlencode({"payload": json.dumps(payload)}).encode()
            for payload in (
                {},
                {"type": "shortcut", "user": {"id": "U01ANN"}},
                {"type": "block_actions"},
                click(user="not-a-user"),
                click(user="U" + "1" * 500),
                click(actions=[]),
                click(actions=[click()["actions"][0]] * 2),
                click(channel={"id": "<!here>"}),
                click(message={"ts": "now"}),
                click(trigger_id="x" * 5000),
                click(channel=None),
                click(message=None),
                click(view={"id": "V1", "type": "home"}),
                click(channel=None, message=None, view={"id": "V1", "type": "workflow_step"}),
                submission("why", state={"values": []}),
                submission("x" * 4000),
            )
        ),
    ],
)
async def test_what_is_signed_and_no_interaction_of_slacks_is_401(body: bytes) -> None:
    engine = Engine()

    answer = await post(app_of(engine), body, signed(body))

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), answer.text
    assert engine.ballots == []


async def test_a_form_that_is_not_one_of_remits_is_422() -> None:
    engine = Engine()
    body = urlencode({"payload": json.dumps(submission("why", callback_id="another_form"))}).encode()

    answer = await post(app_of(engine), body, signed(body))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert engine.ballots == []


@pytest.mark.parametrize(
    ("user", "changes"),
    [
        ("U01BOB", {"private_metadata": SEAL.sealed_form(CARRIED.model_dump_json(), "U01ANN", REJECT_FORM)}),
        ("U01ANN", {"private_metadata": SEAL.sealed_form(CARRIED.model_dump_json(), "U01ANN", APPROVE_FORM)}),
        ("U01ANN", {"private_metadata": CARRIED.model_dump_json()}),
        ("U01ANN", {"private_metadata": SEAL.sealed_form("{}", "U01ANN", REJECT_FORM)}),
        ("U01ANN", {"private_metadata": ""}),
    ],
)
async def test_a_form_that_was_opened_for_somebody_else_or_made_up_is_told_and_recorded(
    user: str, changes: dict[str, Any]
) -> None:
    engine = Engine()

    answer = await send(app_of(engine), submission("why", user=user, **changes))

    assert "did not open this form for you" in answer.json()["errors"]["reason"]
    assert engine.ballots == []
    assert [json.loads(entry.body)["data"]["why"] for entry in engine.entries] == ["form_not_opened_for_them"]


OTHERS = Seal(SecretStr("another key than this one")).sealed(CHOICE)
ELSEWHERE = SEAL.sealed(CHOICE.model_copy(update={"channel": "C01ONCALL"}))


@pytest.mark.parametrize(
    ("pressed", "why"),
    [
        (click(button={"value": ""}), "not_sealed_here"),
        (click(button={"value": json.dumps(CHOICE.model_dump())}), "not_sealed_here"),
        (click(button={"value": VALUE[:-1] + ("A" if VALUE[-1] != "A" else "B")}), "not_sealed_here"),
        (click(button={"value": OTHERS, "block_id": buttons_id(OTHERS)}), "not_sealed_here"),
        (click(button={"value": ELSEWHERE}), "not_sealed_here"),
        (click(button={"block_id": "remit:" + "f" * 32}), "not_sealed_here"),
        (click(button={"value": ELSEWHERE, "block_id": buttons_id(ELSEWHERE)}), "sealed_for_another_channel"),
        (click(channel={"id": "C01ONCALL"}), "sealed_for_another_channel"),
        (click(message={"ts": "1772616900.000999"}), "not_the_noted_card"),
    ],
)
@pytest.mark.parametrize("user", ["U01ANN", "U01MALLORY"])
async def test_a_button_that_remit_did_not_put_there_decides_nothing_and_is_recorded(
    pressed: dict[str, Any], why: str, user: str
) -> None:
    engine = Engine()

    with capture_logs() as logs:
        answer = await send(app_of(engine), {**pressed, "user": {"id": user}})

    assert (answer.status_code, answer.content, engine.ballots) == (200, b"", [])
    (recorded,) = engine.entries
    body = json.loads(recorded.body)
    assert recorded.kind is EntryKind.CLICK_REFUSED
    assert body["actor"]["id"] == {"U01ANN": "ann", "U01MALLORY": "slack:U01MALLORY"}[user]
    assert body["data"]["why"] == why and body["data"]["slack_user"] == user
    assert (body["data"]["channel"], body["data"]["ts"]) == (pressed["channel"]["id"], pressed["message"]["ts"])
    assert [line["why"] for line in logs if line["event"] == "slack_click_refused"] == [why]


async def test_a_refused_click_delivered_twice_is_recorded_once() -> None:
    engine = Engine()
    app = app_of(engine)

    for _ in range(2):
        await send(app, click(message={"ts": "1772616900.000999"}))

    first, again = engine.entries
    assert first.key == again.key


async def test_a_button_in_a_digest_counts_as_one_on_a_card() -> None:
    engine = Engine(target=f"{CHANNEL}/digest")

    await send(app_of(engine), click())

    assert len(engine.ballots) == 1


async def test_a_click_on_a_card_that_is_just_being_noted_waits_for_the_note() -> None:
    engine = Engine(noted="")
    sending = asyncio.create_task(send(app_of(engine), click()))
    await asyncio.sleep(0.05)
    engine.noted = TS

    await sending

    assert len(engine.ballots) == 1


async def test_the_button_that_leads_to_the_page_is_acknowledged_and_decides_nothing() -> None:
    engine = Engine()

    answer = await send(app_of(engine), click(APPROVE_ON_PAGE, button={"value": ""}))

    assert (answer.status_code, answer.content, engine.ballots, engine.entries) == (200, b"", [], [])


async def test_a_signed_body_that_is_not_a_form_is_401() -> None:
    answer = await post(app_of(Engine()), GOOD, {**signed(GOOD), "content-type": "application/json"})

    assert answer.status_code == 401


@pytest.mark.parametrize("missing", [{"slack_signing_secret": None}, {"slack_signing_secret": " "}])
async def test_without_a_slack_there_is_no_such_door(missing: dict[str, Any]) -> None:
    answer = await post(app_of(Engine(), **missing), GOOD, signed(GOOD))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_approve_click_is_a_ballot_of_the_person_on_the_revision_they_saw() -> None:
    engine = Engine()

    answer = await send(app_of(engine), click())

    assert (answer.status_code, answer.content) == (200, b"")
    ((action_id, ballot, patience),) = engine.ballots
    assert action_id == ACTION_ID
    assert (ballot.person, ballot.decision, ballot.door) == ("ann", Decision.APPROVE, Door.SLACK)
    assert ballot.revision == RECORD.action.digest
    assert patience <= timedelta(seconds=2)


async def test_the_same_click_delivered_twice_is_one_ballot_and_another_click_another() -> None:
    engine = Engine()
    app = app_of(engine)

    await send(app, click())
    await send(app, click())
    await send(app, click(button={"action_ts": "1772616901"}))
    await send(app, click(user="U01BOB"))

    first, again, later, other = (ballot.id for _, ballot, _ in engine.ballots)
    assert first == again
    assert len({first, later, other}) == 3


async def test_a_form_sent_twice_is_one_ballot_and_with_another_reason_another() -> None:
    engine = Engine()
    app = app_of(engine)

    for reason in ("Too much.", " Too much. ", "Wrong customer."):
        assert (await send(app, submission(reason))).content == b""

    first, again, other = (ballot for _, ballot, _ in engine.ballots)
    assert (first.id, first.reason, first.decision) == (again.id, "Too much.", Decision.REJECT)
    assert other.id != first.id


@pytest.mark.parametrize("reason", [None, "", "  \n"])
async def test_a_rejection_without_a_reason_is_sent_back_in_the_form(reason: str | None) -> None:
    engine = Engine()

    answer = await send(app_of(engine), submission(reason))

    assert answer.json()["response_action"] == "errors"
    assert "Say why" in answer.json()["errors"]["reason"]
    assert engine.ballots == []


async def test_a_reason_over_the_limit_is_sent_back_in_the_form() -> None:
    answer = await send(app_of(Engine()), submission("x" * 2001))

    assert "the limit is 2000" in answer.json()["errors"]["reason"]


async def test_a_refused_rejection_is_told_in_the_form() -> None:
    refusal = Refusal(code=RefusalCode.DUPLICATE_VOTE, message="ann already voted to approve")
    engine = Engine(answer=Receipt(accepted=False, refusal=refusal))

    answer = await send(app_of(engine), submission("Too much."))

    assert "ann already voted to approve" in answer.json()["errors"]["reason"]


async def test_a_rejection_that_could_not_be_recorded_keeps_the_form_open() -> None:
    answer = await send(app_of(Engine(answer=EngineUnavailable("away"))), submission("Too much."))

    assert answer.status_code == 200
    assert "could not record" in answer.json()["errors"]["reason"]


async def test_the_form_of_an_approval_is_another_ballot_than_the_form_of_a_rejection() -> None:
    engine = Engine()
    app = app_of(engine)

    for form in (REJECT_FORM, APPROVE_FORM):
        assert (await send(app, submission("I looked twice.", callback_id=form))).content == b""

    (_, rejected, _), (_, approved, _) = engine.ballots
    assert (rejected.decision, approved.decision) == (Decision.REJECT, Decision.APPROVE)
    assert approved.reason == "I looked twice."
    assert rejected.id != approved.id


async def test_closing_the_form_decides_nothing() -> None:
    engine = Engine()

    answer = await send(app_of(engine), {"type": "view_closed", "user": {"id": "U01ANN"}})

    assert (answer.status_code, engine.ballots) == (200, [])


async def test_a_rejection_by_somebody_unknown_is_recorded_as_an_attempt_and_refused() -> None:
    refusal = Refusal(code=RefusalCode.NOT_ELIGIBLE, message="not a person of the catalog")
    engine = Engine(answer=Receipt(accepted=False, refusal=refusal))

    answer = await send(app_of(engine), submission("Because.", user="U01MALLORY"))

    assert "not in Remit's catalog" in answer.json()["errors"]["reason"]
    assert [ballot.person for _, ballot, _ in engine.ballots] == ["slack:U01MALLORY"]


@pytest.mark.parametrize("form", [REJECT_FORM, APPROVE_FORM])
def test_the_form_fits_slacks_limits_and_asks_for_a_reason(form: str) -> None:
    view = reason_form(CARRIED, form, SEAL.sealed_form(CARRIED.model_dump_json(), "U01ANN", form))

    assert view["callback_id"] == form and view["title"]["text"] == view["submit"]["text"]

    assert view_problems(view) == []
    element = view["blocks"][-1]["element"]
    assert (element["min_length"], element["max_length"]) == (1, 2000)
    assert not view["blocks"][-1].get("optional", False)


# With a real workspace: the emulator behind the strict front, by HTTP and by Socket Mode, over loopback.


@dataclass
class Workspace:
    """A card in a channel of the stand-in, and Remit's door behind its buttons."""

    front: Front
    engine: Engine
    ts: str = ""

    async def press(self, button: str, user: str = "U01ANN") -> Delivery:
        """Press a button; one that does not stand on this card is forged."""
        forged = button not in (APPROVE, REJECT)
        return await self.front.press(CHANNEL, self.ts, user, button, buttons_id(VALUE), VALUE, forged=forged)

    async def note(self, count: int) -> str:
        """Return the note that was posted as number `count`, with whom it is to, as soon as it is there."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(notes := await self.notes()) < count:
                await asyncio.sleep(0.05)
        return f"{notes[count - 1]['ephemeral_to']}: {notes[count - 1]['text']}"

    async def notes(self) -> list[dict[str, Any]]:
        """Return the messages that only one person sees."""
        return [message for message in await self.front.slack.messages(CHANNEL) if message.get("ephemeral_to")]


@contextlib.asynccontextmanager
async def served(app: FastAPI, port: int) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await serving


@pytest.fixture(scope="module", params=["http", "socket"])
async def open_workspace(request: pytest.FixtureRequest) -> AsyncIterator[Workspace]:
    with pytest.MonkeyPatch.context() as patient:
        patient.setattr(client, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
        async with workspace_by(request.param) as opened:
            yield opened


@contextlib.asynccontextmanager
async def workspace_by(way: str) -> AsyncIterator[Workspace]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/slack/interactions" if way == "http" else ""
    async with strict_workspace(url) as front, contextlib.AsyncExitStack() as stack:
        engine = Engine()
        secrets = {
            "slack_signing_secret": SecretStr(front.slack.signing_secret) if way == "http" else None,
            "slack_app_token": SecretStr(front.slack.app_token) if way == "socket" else None,
        }
        app = app_of(engine, slack_bot_token=SecretStr(front.slack.bot_token), slack_base_url=front.url, **secrets)
        drawn = card(RECORD, POLICY, PUBLIC_URL, Place(CHANNEL, SEAL))
        posted = await front.client.chat_postMessage(channel=CHANNEL, text=drawn.text, blocks=drawn.blocks)
        if way == "http":
            await stack.enter_async_context(served(app, port))
        else:
            doors: Connections = app.state.connections
            await stack.enter_async_context(socket_mode(doors.settings, lambda: slack.door_of(doors)))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await front.socket.connected()
        yield Workspace(front, engine, str(posted["ts"]))


@pytest.fixture
def workspace(open_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(slack_dispatch, "ACK_SECONDS", PATIENCE_SECONDS)
    fresh = Engine(noted=open_workspace.ts)
    vars(open_workspace.engine).update(vars(fresh))
    open_workspace.front.calls.clear()
    return open_workspace


async def test_a_real_click_on_a_real_card_reaches_the_action(workspace: Workspace) -> None:
    await workspace.press(APPROVE)

    ((action_id, ballot, _),) = workspace.engine.ballots
    assert (action_id, ballot.person, ballot.decision) == (ACTION_ID, "ann", Decision.APPROVE)
    assert ballot.revision == RECORD.action.digest
    assert set(workspace.front.calls) <= {"auth.test", "users.info", "views.publish"}


async def test_a_real_rejection_asks_why_and_carries_the_reason(workspace: Workspace) -> None:
    await workspace.press(REJECT)
    assert workspace.engine.ballots == []

    def form(reason: str) -> dict[str, Any]:
        return {"reason": {"text": {"type": "plain_text_input", "value": reason}}}

    assert "Say why" in (await workspace.front.submit("U01ANN", form(" ")))["reason"]
    assert await workspace.front.submit("U01ANN", form("Too much.")) == {}

    ((action_id, ballot, _),) = workspace.engine.ballots
    assert (action_id, ballot.decision, ballot.reason) == (ACTION_ID, Decision.REJECT, "Too much.")


async def test_a_real_approval_that_needs_a_reason_asks_for_it_and_carries_it(workspace: Workspace) -> None:
    await workspace.press(APPROVE_WITH_REASON)
    assert workspace.engine.ballots == []

    def form(reason: str) -> dict[str, Any]:
        return {"reason": {"text": {"type": "plain_text_input", "value": reason}}}

    assert "Say why" in (await workspace.front.submit("U01ANN", form(" ")))["reason"]
    assert await workspace.front.submit("U01ANN", form("I called them.")) == {}

    ((action_id, ballot, _),) = workspace.engine.ballots
    assert (action_id, ballot.decision, ballot.reason) == (ACTION_ID, Decision.APPROVE, "I called them.")


async def test_a_refused_vote_is_told_to_the_person_who_clicked(workspace: Workspace) -> None:
    refusal = Refusal(code=RefusalCode.SELF_APPROVAL, message="'olga' may not vote here: the agent <acts> for them")
    workspace.engine.answer = Receipt(accepted=False, refusal=refusal)
    before = len(await workspace.notes())

    await workspace.press(APPROVE, "U01OLGA")

    assert await workspace.note(before + 1) == (
        "U01OLGA: Your vote does not count: 'olga' may not vote here: the agent &lt;acts&gt; for them."
    )


async def test_a_vote_that_comes_too_late_is_recorded_as_refused_and_told(workspace: Workspace) -> None:
    workspace.engine.record = voted(RECORD, "bob", Decision.REJECT, "Too much.")
    before = len(await workspace.notes())

    await workspace.press(APPROVE)

    assert "bob rejected it at 2026-03-04" in await workspace.note(before + 1)
    assert [entry.kind.value for entry in workspace.engine.entries] == ["vote.refused"]


@pytest.mark.parametrize("button", [APPROVE, APPROVE_WITH_REASON, REJECT])
async def test_a_click_by_somebody_unknown_is_recorded_as_an_attempt_and_told(
    workspace: Workspace, button: str
) -> None:
    refusal = Refusal(code=RefusalCode.NOT_ELIGIBLE, message="not a person of the catalog")
    workspace.engine.answer = Receipt(accepted=False, refusal=refusal)
    before = len(await workspace.notes())

    await workspace.press(button, "U01MALLORY")

    assert "You are not in Remit's catalog" in await workspace.note(before + 1)
    assert [ballot.person for _, ballot, _ in workspace.engine.ballots] == ["slack:U01MALLORY"]
    assert "views.open" not in workspace.front.calls


@pytest.mark.parametrize("trouble", ["the engine is away", "the engine is slow", "there is no policy"])
async def test_a_vote_that_could_not_be_recorded_is_acknowledged_in_time_and_told(
    workspace: Workspace, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slack_votes.PATIENCE.total_seconds() < ACK_SECONDS < SLACKS_LIMIT_SECONDS
    if trouble == "the engine is slow":
        monkeypatch.setattr(slack_dispatch, "ACK_SECONDS", 0.1)
        workspace.engine.seconds = 2 * PATIENCE_SECONDS
    elif trouble == "the engine is away":
        workspace.engine.answer = EngineUnavailable("no worker answered in time")
    else:
        workspace.engine.policy = PolicyUnavailable("no policy bundle is active")
    before = len(await workspace.notes())

    await workspace.press(APPROVE)

    assert "please click again" in await workspace.note(before + 1)


async def test_a_form_that_slack_does_not_open_is_told(workspace: Workspace) -> None:
    before = len(await workspace.notes())
    workspace.front.fail("views.open", "expired_trigger_id")

    await workspace.press(REJECT)

    assert "Please click again" in await workspace.note(before + 1)


async def test_a_note_that_cannot_be_sent_does_not_fail_the_click(workspace: Workspace) -> None:
    workspace.engine.answer = EngineUnavailable("away")
    workspace.front.fail("chat.postEphemeral", "user_not_in_channel")

    await workspace.press(APPROVE)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while "chat.postEphemeral" not in workspace.front.calls:
            await asyncio.sleep(0.02)


async def test_a_click_on_an_action_that_is_gone_is_told(workspace: Workspace) -> None:
    workspace.engine.record = waiting(REFUND, action_id="f" * 32)
    before = len(await workspace.notes())

    await workspace.press(APPROVE)

    assert "does not know this action" in await workspace.note(before + 1)


async def test_a_button_that_is_not_on_any_card_is_told(workspace: Workspace) -> None:
    before = len(await workspace.notes())

    await workspace.press("remit_something_else")

    assert "does not know this button" in await workspace.note(before + 1)
    assert workspace.engine.ballots == []


@pytest.mark.parametrize(("typed", "said"), [("help", "/remit help"), ("", "/remit help"), ("fly", "no /remit fly")])
async def test_the_command_is_answered_to_the_person_who_typed_it(workspace: Workspace, typed: str, said: str) -> None:
    delivery = await workspace.front.type_command(CHANNEL, "U01ANN", "/remit", typed)

    assert delivery.failed == ""
    assert delivery.answer["response_type"] == "ephemeral" and said in delivery.answer["text"]


async def test_without_a_hold_group_nobody_places_holds_from_slack_and_is_told_how_it_is_done(
    workspace: Workspace,
) -> None:
    delivery = await workspace.front.type_command(CHANNEL, "U01ANN", "/remit", "hold everything stop it")

    assert "names no `hold_group`" in delivery.answer["text"] and "remit hold everything" in delivery.answer["text"]


async def test_a_command_of_somebody_outside_the_catalog_is_told(workspace: Workspace) -> None:
    delivery = await workspace.front.type_command(CHANNEL, "U01MALLORY", "/remit", "pending")

    assert "not in Remit's catalog" in delivery.answer["text"] and "U01MALLORY" in delivery.answer["text"]


async def test_a_command_that_is_not_remits_is_told(workspace: Workspace) -> None:
    delivery = await workspace.front.type_command(CHANNEL, "U01ANN", "/other", "<!channel>")

    assert delivery.answer["text"] == "Remit does not know the command /other."


async def test_an_event_is_acknowledged_and_does_not_come_again(workspace: Workspace) -> None:
    delivery = await workspace.front.open_home("U01ANN")

    assert (delivery.payload["event"]["type"], delivery.failed) == ("app_home_opened", "")


async def test_a_click_that_is_delivered_again_is_the_same_ballot(workspace: Workspace) -> None:
    first = await workspace.press(APPROVE)
    again = await workspace.front.deliver("interactive", first.payload, attempt=1, why_again="http_timeout")

    assert again.failed == ""
    assert len({ballot.id for _, ballot, _ in workspace.engine.ballots}) == 1
    assert len(workspace.engine.ballots) == 2


# Events and commands by HTTP, without a workspace.

SLASH = {
    "command": "/remit",
    "text": "",
    "user_id": "U01ANN",
    "channel_id": CHANNEL,
    "trigger_id": "1.2.abc",
    "response_url": "https://hooks.slack.example/1",
}
CALLBACK = {"type": "event_callback", "event_id": "Ev01", "event": {"type": "app_home_opened", "user": "U01ANN"}}
AS_JSON = {"content-type": "application/json; charset=utf-8"}


async def test_the_challenge_of_slack_is_given_back() -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c" * 50, "token": "legacy"}).encode()

    answer = await post(app_of(Engine()), body, signed(body) | AS_JSON)

    assert (answer.status_code, answer.json()) == (200, {"challenge": "c" * 50})


async def test_an_event_that_nobody_asked_for_is_acknowledged() -> None:
    body = json.dumps(CALLBACK | {"event": {"type": "reaction_added", "user": "U01ANN"}}).encode()

    answer = await post(app_of(Engine()), body, signed(body) | AS_JSON)

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (AS_JSON, b"{}"),
        (AS_JSON, b"[" * 5000),
        (AS_JSON, json.dumps(CALLBACK).encode()),  # without a tab
        (AS_JSON, json.dumps(CALLBACK | {"event": {}}).encode()),
        (AS_JSON, json.dumps(CALLBACK | {"event_id": "E" * 300}).encode()),
        (AS_JSON, json.dumps({"type": "url_verification", "challenge": "c" * 501}).encode()),
        (FORM, urlencode(SLASH | {"command": "remit"}).encode()),
        (FORM, urlencode(SLASH | {"user_id": "ann"}).encode()),
        (FORM, urlencode(SLASH | {"text": "x" * 5000}).encode()),
        (FORM, urlencode({"command": "/remit"}).encode()),
    ],
)
async def test_a_signed_event_or_command_of_another_shape_is_401(headers: dict[str, str], body: bytes) -> None:
    answer = await post(app_of(Engine()), body, signed(body) | headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), answer.text


async def test_a_command_without_words_is_answered_by_http() -> None:
    body = urlencode(SLASH).encode()

    answer = await post(app_of(Engine()), body, signed(body))

    assert "/remit help" in answer.json()["text"]
