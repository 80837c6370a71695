import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from adapters.notifiers.slack import slack_client
from adapters.notifiers.slack.cards import APPROVE, APPROVE_WITH_REASON, REJECT, Choice, buttons_id, card
from api import problems, slack
from api.connections import Connections
from api.limits import MAX_BODY_BYTES
from api.slack_dispatch import APPROVE_FORM, REJECT_FORM, reason_form
from api.slack_payloads import Carried
from domain.approval import ApprovalOutcome, Ballot, Decision, Door, Receipt
from domain.errors import EngineUnavailable, NotFound, PolicyUnavailable, Refusal, RefusalCode
from domain.ledger import Entry
from domain.policy import Policy
from domain.record import ActionRecord
from local.processes import free_port
from local.slack import LocalSlack
from settings import Settings
from tests.slack_records import ACTION_ID, POLICY, PUBLIC_URL, REFUND, voted, waiting
from tests.slack_workspace import CHANNEL, Front, running_workspace

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
RECORD = waiting(REFUND)
VALUE = json.dumps({"action": ACTION_ID, "revision": RECORD.action.digest})
COUNTED = Receipt(accepted=True, outcome=ApprovalOutcome.APPROVED, approvals=1, quorum=1)
FORM = {"content-type": "application/x-www-form-urlencoded"}
TS = "1772616900.000100"


@dataclass
class Engine:
    """Stands for Temporal, the stores and the policy: records what reaches it, and answers as it is told to."""

    answer: Receipt | Exception | None = COUNTED
    seconds: float = 0
    record: ActionRecord = RECORD
    policy: Policy | Exception = POLICY
    ballots: list[tuple[str, Ballot, timedelta]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

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
            "slack_base_url": "http://127.0.0.1:9/api/",
            **changes,
        },
    )
    unused = cast(Any, None)
    app = FastAPI()
    problems.install(app)
    app.include_router(slack.router)
    needed = dict.fromkeys(("actions", "workflows", "ledger", "policies"), cast(Any, engine))
    others = {part.name: unused for part in dataclasses.fields(Connections)}
    app.state.connections = Connections(**{**others, **needed, "settings": settings})
    return app


def signed(body: bytes, secret: str = SECRET, timestamp: str | None = None) -> dict[str, str]:
    at = timestamp or str(int(time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    return {**FORM, "x-slack-request-timestamp": at, "x-slack-signature": signature or ""}


def click(action_id: str = APPROVE, user: str = "U01ANN", **changes: Any) -> dict[str, Any]:
    button = {"action_id": action_id, "block_id": buttons_id(ACTION_ID), "action_ts": TS, "value": VALUE}
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
    carried = Carried(action=ACTION_ID, revision=RECORD.action.digest, channel=CHANNEL, ts=TS)
    sent = {
        "id": "V1",
        "callback_id": REJECT_FORM,
        "private_metadata": carried.model_dump_json(),
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


@pytest.mark.parametrize(
    "payload",
    [
        click(button={"value": ""}),
        click(button={"value": "{}"}),
        click(button={"value": "[1"}),
        click(button={"value": json.dumps({"action": "../../etc", "revision": RECORD.action.digest})}),
        click(button={"value": json.dumps({"action": ACTION_ID, "revision": "sha256:short"})}),
        click(button={"value": VALUE[:-1] + ', "more": 1}'}),
        click(button={"block_id": buttons_id("f" * 32)}),
        submission("why", callback_id="another_form"),
        submission("why", private_metadata="{}"),
    ],
)
async def test_a_button_or_form_that_is_not_one_of_remits_is_422(payload: dict[str, Any]) -> None:
    engine = Engine()
    body = urlencode({"payload": json.dumps(payload)}).encode()

    answer = await post(app_of(engine), body, signed(body))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert engine.ballots == []


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
    await send(app, click(button={"action_ts": "1772616901.000000"}))
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
    view = reason_form(Carried(action=ACTION_ID, revision=RECORD.action.digest, channel=CHANNEL, ts=TS), form)

    assert view["callback_id"] == form and view["title"]["text"] == view["submit"]["text"]

    assert len(view["title"]["text"]) <= 24 and len(view["private_metadata"]) <= 3000
    element = view["blocks"][-1]["element"]
    assert (element["min_length"], element["max_length"]) == (1, 2000)
    assert not view["blocks"][-1].get("optional", False)


# With a real workspace: signed by the stand-in, over loopback.


@dataclass
class Workspace:
    """A card in a channel of the stand-in, and Remit's door behind its buttons."""

    slack: LocalSlack
    front: Front
    engine: Engine
    app: FastAPI
    ts: str = ""

    async def press(self, button: str, user: str = "U01ANN") -> None:
        value = Choice(action=ACTION_ID, revision=RECORD.action.digest).model_dump_json()
        await self.slack.click(CHANNEL, self.ts, user, button, buttons_id(ACTION_ID), value)

    async def note(self, count: int) -> str:
        """Return the newest note, with whom it is to, once there are `count`."""
        async with asyncio.timeout(10):
            while len(notes := await self.notes()) < count:
                await asyncio.sleep(0.05)
        return f"{notes[-1]['ephemeral_to']}: {notes[-1]['text']}"

    async def notes(self) -> list[dict[str, Any]]:
        """Return the messages that only one person sees."""
        return [message for message in await self.slack.messages(CHANNEL) if message.get("ephemeral_to")]


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


@pytest.fixture(scope="module")
async def open_workspace() -> AsyncIterator[Workspace]:
    port = free_port()
    async with (
        running_workspace(f"http://127.0.0.1:{port}/slack/interactions") as stand_in,
        Front(stand_in).running() as front,
    ):
        engine = Engine()
        app = app_of(
            engine,
            slack_bot_token=SecretStr(stand_in.bot_token),
            slack_signing_secret=SecretStr(stand_in.signing_secret),
            slack_base_url=front.url,
        )
        drawn = card(RECORD, POLICY, PUBLIC_URL)
        client = slack_client(SecretStr(stand_in.bot_token), stand_in.base_url)
        posted = await client.chat_postMessage(channel=CHANNEL, text=drawn.text, blocks=drawn.blocks)
        async with served(app, port):
            yield Workspace(stand_in, front, engine, app, str(posted["ts"]))


@pytest.fixture
def workspace(open_workspace: Workspace) -> Workspace:
    fresh = Engine()
    vars(open_workspace.engine).update(vars(fresh))
    open_workspace.front.calls.clear()
    return open_workspace


async def test_a_real_click_on_a_real_card_reaches_the_action(workspace: Workspace) -> None:
    await workspace.press(APPROVE)

    ((action_id, ballot, _),) = workspace.engine.ballots
    assert (action_id, ballot.person, ballot.decision) == (ACTION_ID, "ann", Decision.APPROVE)
    assert ballot.revision == RECORD.action.digest
    assert workspace.front.calls == []


async def test_a_real_rejection_asks_why_and_carries_the_reason(workspace: Workspace) -> None:
    await workspace.press(REJECT)
    assert workspace.engine.ballots == []

    def form(reason: str) -> dict[str, Any]:
        return {"reason": {"text": {"type": "plain_text_input", "value": reason}}}

    assert "Say why" in (await workspace.slack.submit_modal("U01ANN", form(" ")))["reason"]
    assert await workspace.slack.submit_modal("U01ANN", form("Too much.")) == {}

    ((action_id, ballot, _),) = workspace.engine.ballots
    assert (action_id, ballot.decision, ballot.reason) == (ACTION_ID, Decision.REJECT, "Too much.")


async def test_a_real_approval_that_needs_a_reason_asks_for_it_and_carries_it(workspace: Workspace) -> None:
    await workspace.press(APPROVE_WITH_REASON)
    assert workspace.engine.ballots == []

    def form(reason: str) -> dict[str, Any]:
        return {"reason": {"text": {"type": "plain_text_input", "value": reason}}}

    assert "Say why" in (await workspace.slack.submit_modal("U01ANN", form(" ")))["reason"]
    assert await workspace.slack.submit_modal("U01ANN", form("I called them.")) == {}

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
    workspace: Workspace, trouble: str
) -> None:
    if trouble == "the engine is slow":
        workspace.engine.seconds = 60
    elif trouble == "the engine is away":
        workspace.engine.answer = EngineUnavailable("no worker answered in time")
    else:
        workspace.engine.policy = PolicyUnavailable("no policy bundle is active")
    before = len(await workspace.notes())
    started = time.monotonic()

    await workspace.press(APPROVE)

    assert time.monotonic() - started < 3
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

    async with asyncio.timeout(5):
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
