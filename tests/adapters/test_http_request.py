"""`http.request` against a real server on loopback: what it sends, and what it makes of every answer."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from adapters.executors import SETTINGS, executors, problems_in
from adapters.executors.http_request import MAX_ANSWER_BYTES, HttpRequest, RemoteSystem, http_client
from domain.errors import EffectError, EffectNotSent, EffectRefused, EffectUnknown
from domain.policy_change import Change
from local.processes import free_port
from tests.bundles import DOCUMENT, bundle

POST = {"system": "crm", "method": "POST", "path": "/leads/{lead}/notes", "timeout_seconds": 2}
ARGUMENTS = {"lead": "L-7", "text": "called back", "stars": 5}
Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class NoChanges:
    """A store of changes that no test here asks."""

    async def activate(self, change: Change, action_id: str) -> int:
        """Refuse."""
        raise EffectRefused(f"nothing is activated here: {action_id}")


@dataclass
class Crm:
    """A server that keeps what it is sent and answers as the test says."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    respond: Respond | None = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Keep the request and answer it."""
        self.requests.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        return await self.respond(request) if self.respond else web.json_response({"done": True})

    def answers(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Answer everything from now on with this."""

        async def respond(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=status, body=body, headers=headers)

        self.respond = respond


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    server = Crm()
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    server.url = f"http://127.0.0.1:{port}"
    yield server
    await runner.cleanup()


@contextlib.asynccontextmanager
async def executor(url: str, token: str | None = None) -> AsyncIterator[HttpRequest]:
    """Yield the executor with one system, `crm`, on its allow list."""
    secret = SecretStr(token) if token else None
    async with http_client() as client:
        yield HttpRequest({"crm": RemoteSystem(url=url, token=secret)}, client)


async def run(url: str, arguments: dict[str, Any] = ARGUMENTS, **settings: Any) -> dict[str, Any]:
    """Run one request as action `a1`."""
    async with executor(url) as http:
        return await http.run({**POST, **settings}, arguments, "a1")


async def test_the_request_is_what_the_catalog_and_the_arguments_say(crm: Crm) -> None:
    async with executor(crm.url + "/base/", token="s3cret") as http:
        answer = await http.run(POST, ARGUMENTS, "a1")

    assert answer == {"status": 200, "body": {"done": True}}
    ((method, path, headers, body),) = crm.requests
    assert (method, path) == ("POST", "/base/leads/L-7/notes")
    assert body == b'{"stars":5,"text":"called back"}'
    assert headers["Idempotency-Key"] == "a1"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Content-Type"] == "application/json"


async def test_without_a_token_nothing_is_authorized(crm: Crm) -> None:
    await run(crm.url)

    assert "Authorization" not in crm.requests[0][2]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_the_method_comes_from_the_catalog(crm: Crm, method: str) -> None:
    await run(crm.url, method=method)

    assert crm.requests[0][0] == method


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (None, b'{"stars":5,"text":"called back"}'),
        (["text"], b'{"text":"called back"}'),
        (["lead"], b'{"lead":"L-7"}'),
        (["text", "not given"], b'{"text":"called back"}'),
        ([], b"{}"),
    ],
)
async def test_the_body_holds_the_arguments_that_the_catalog_names(
    crm: Crm, wanted: list[str] | None, sent: bytes
) -> None:
    await run(crm.url, body=wanted)

    assert crm.requests[0][3] == sent


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("L-7", "L-7"),
        (7, "7"),
        (-7, "-7"),
        ("../x", "..%2Fx"),
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        ("?admin=1", "%3Fadmin%3D1"),
        ("#top", "%23top"),
        ("%2e%2e", "%252e%252e"),
        ("..;", "..%3B"),
        ("a b", "a%20b"),
        ("a\r\nHost: evil", "a%0D%0AHost%3A%20evil"),
        ("a\0", "a%00"),
        ("é", "%C3%A9"),
        ("@evil.example", "%40evil.example"),
        ("...", "..."),
    ],
)
async def test_an_argument_fills_one_path_segment_and_no_more(crm: Crm, value: object, segment: str) -> None:
    await run(crm.url, {"lead": value})

    assert crm.requests[0][1] == f"/leads/{segment}/notes"


@pytest.mark.parametrize("value", ["", ".", "..", None, True, 1.5, ["x"], {"x": 1}])
async def test_what_is_no_path_segment_is_refused_before_anything_is_sent(crm: Crm, value: object) -> None:
    with pytest.raises(EffectRefused, match=r"argument 'lead' cannot stand in a path: .*nothing was sent"):
        await run(crm.url, {"lead": value})

    assert crm.requests == []


async def test_a_missing_argument_is_refused_before_anything_is_sent(crm: Crm) -> None:
    with pytest.raises(EffectRefused, match="argument 'lead' cannot stand in a path"):
        await run(crm.url, {})

    assert crm.requests == []


async def test_a_system_that_is_not_on_the_allow_list_is_refused(crm: Crm) -> None:
    with pytest.raises(EffectRefused, match="system 'billing' is not in REMIT_SYSTEMS; nothing was sent"):
        await run(crm.url, system="billing")

    assert crm.requests == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, EffectRefused) for status in (400, 401, 403, 404, 409, 410, 418, 422)),
        (429, EffectNotSent),
        *((status, EffectUnknown) for status in (500, 502, 503, 504, 599)),
        *((status, EffectUnknown) for status in (301, 302, 307, 308)),
    ],
)
async def test_each_status_says_what_may_have_happened(crm: Crm, status: int, error: type[EffectError]) -> None:
    crm.answers(status, b"this is why", Location=crm.url + "/elsewhere")

    # Only a refusal quotes the answer: the others are tried again, and their messages stand in Temporal's history.
    why = ": this is why" if error is EffectRefused else ""
    with pytest.raises(error, match=f"^crm answered {status}{why}$"):
        await run(crm.url)

    assert len(crm.requests) == 1, "redirects are not followed, and nothing is tried again here"


async def test_nobody_listening_means_not_sent() -> None:
    with pytest.raises(EffectNotSent, match="crm could not be reached: ClientConnectorError"):
        await run(f"http://127.0.0.1:{free_port()}")


async def test_a_time_out_leaves_it_open(crm: Crm) -> None:
    async def never(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    crm.respond = never

    with pytest.raises(EffectUnknown, match="crm did not answer in full: TimeoutError"):
        await run(crm.url, timeout_seconds=0.2)

    assert len(crm.requests) == 1


async def test_an_answer_drop_by_drop_is_cut_off_and_leaves_it_open(crm: Crm) -> None:
    async def drops(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b".")
                await asyncio.sleep(0.05)
        return response

    crm.respond = drops

    async with asyncio.timeout(5):
        with pytest.raises(EffectUnknown, match="crm did not answer in full: TimeoutError"):
            await run(crm.url, timeout_seconds=0.3)


async def test_an_answer_that_breaks_off_leaves_it_open(crm: Crm) -> None:
    async def broken(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    crm.respond = broken

    with pytest.raises(EffectUnknown, match="crm did not answer in full"):
        await run(crm.url)


async def test_a_connection_closed_without_an_answer_leaves_it_open(crm: Crm) -> None:
    async def closing(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    crm.respond = closing

    with pytest.raises(EffectUnknown):
        await run(crm.url)


async def test_an_oversized_answer_is_read_to_the_limit_and_no_further(crm: Crm) -> None:
    crm.answers(200, b"x" * (MAX_ANSWER_BYTES * 20))

    answer = await run(crm.url)

    assert answer == {"status": 200, "body": "x" * 4096}


async def test_an_answer_that_unpacks_to_more_than_the_limit_is_bounded(crm: Crm) -> None:
    crm.answers(200, gzip.compress(b"x" * 5_000_000), **{"Content-Encoding": "gzip"})

    assert await run(crm.url) == {"status": 200, "body": "x" * 4096}


async def test_a_long_refusal_is_cut_to_a_readable_length(crm: Crm) -> None:
    crm.answers(422, b"y" * 5000)

    with pytest.raises(EffectRefused) as refusal:
        await run(crm.url)

    assert len(str(refusal.value)) < 350


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", ""),
        (b"OK", "OK"),
        (b'{"id": 7}', {"id": 7}),
        (b'["a"]', ["a"]),
        (b"{broken", "{broken"),
        (b'{"id": 9007199254740993}', '{"id": 9007199254740993}'),
        (b'{"id": NaN}', '{"id": NaN}'),
        (b'"\\ud800"', '"\\ud800"'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 60_000, "[" * 4096),
        (b"[" * 5000 + b"]" * 5000, "[" * 4096),
    ],
    ids=range(11),
)
async def test_json_is_kept_as_it_is_and_anything_else_as_text(crm: Crm, body: bytes, kept: object) -> None:
    crm.answers(201, body)

    assert await run(crm.url) == {"status": 201, "body": kept}


async def test_proxies_and_credentials_of_the_environment_are_ignored(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    await run(crm.url)

    assert len(crm.requests) == 1


@pytest.mark.parametrize(("seconds", "short"), [(0.5, True), (3, True), (3.01, False), (60, False)])
async def test_a_short_time_out_makes_it_short(seconds: float, short: bool) -> None:
    async with executor("http://127.0.0.1:9") as http:
        assert http.is_short({**POST, "timeout_seconds": seconds}) is short


@pytest.mark.parametrize(("settings", "idempotent"), [({}, True), ({"idempotent": False}, False)])
async def test_the_catalog_says_whether_a_repeat_is_safe(settings: dict[str, Any], idempotent: bool) -> None:
    async with executor("http://127.0.0.1:9") as http:
        assert http.is_idempotent({**POST, **settings}) is idempotent


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "GET"},
        {"path": "leads"},
        {"path": "/leads/{leadId}"},
        {"path": "/leads/{lead"},
        {"path": "/leads/../admin"},
        {"path": "/leads#top"},
        {"path": "/leads\n"},
        {"path": "/leads/{lead}/{}"},
        {"timeout_seconds": 0},
        {"timeout_seconds": 61},
        {"url": "http://127.0.0.1"},
        {"method": "PUT", "idempotent": False},
        {"method": "DELETE", "idempotent": False},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SETTINGS["http.request"].model_validate({**POST, **settings})


def test_a_bundle_with_an_unknown_executor_or_wrong_settings_is_told_where() -> None:
    types = [dict(kind) for kind in DOCUMENT["action_types"]]
    types[0]["settings"] = {**types[0]["settings"], "method": "GET"}
    types[1]["executor"] = "carrier.pigeon"

    problems = [str(problem) for problem in problems_in(bundle(action_types=types))]

    assert problems == [
        "action_types[0].settings.method: 'method' is the text 'GET', but must be one of POST, PUT, PATCH, DELETE",
        "action_types[1].executor: no executor 'carrier.pigeon'; known: email.send, http.request",
    ]


async def test_every_executor_that_settings_are_known_for_is_there() -> None:
    async with http_client() as client:
        assert set(executors({}, client, None, NoChanges())) == {*SETTINGS, "policy.activate"}
