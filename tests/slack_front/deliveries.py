"""What the front sends to the app: clicks, commands and events, by HTTP or by Socket Mode, and what came of each."""

import asyncio
import contextlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web
from slack_sdk.signature import SignatureVerifier

ENVELOPES = ("interactive", "slash_commands", "events_api")


class Undelivered(Exception):
    """The app did not take it; `reason` is Slack's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Delivery:
    """One attempt to hand something to the app. `failed` is Slack's word for why it was not acknowledged."""

    kind: str
    payload: dict[str, Any]
    attempt: int = 0
    why_again: str = ""
    answer: Any = None
    failed: str = ""


class Route(Protocol):
    """A way to the app."""

    async def send(self, delivery: Delivery) -> Any:
        """Hand it over and return the app's answer, None for an empty one. Raises Undelivered."""


@dataclass
class HttpRoute:
    """Posts to the app's request URL, signed."""

    request_url: str
    signing_secret: str

    async def send(self, delivery: Delivery) -> Any:
        """Post it as Slack does: interactions and commands as forms, events as JSON."""
        content_type, body = self._encoded(delivery)
        now = str(int(time.time()))
        signature = SignatureVerifier(self.signing_secret).generate_signature(timestamp=now, body=body)
        headers = {"Content-Type": content_type, "X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature or ""}
        if delivery.attempt:
            headers |= {"X-Slack-Retry-Num": str(delivery.attempt), "X-Slack-Retry-Reason": delivery.why_again}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(self.request_url, data=body, headers=headers) as answer,
            ):
                text = await answer.text()
                if answer.status != 200:
                    raise Undelivered("http_error")
                return json.loads(text) if text else None
        except aiohttp.ClientError as problem:
            raise Undelivered("connection_failed") from problem

    def _encoded(self, delivery: Delivery) -> tuple[str, bytes]:
        form = "application/x-www-form-urlencoded"
        match delivery.kind:
            case "interactive":
                return form, urlencode({"payload": json.dumps(delivery.payload)}).encode()
            case "slash_commands":
                return form, urlencode(delivery.payload).encode()
        return "application/json", json.dumps(delivery.payload).encode()


@dataclass
class SocketRoute:
    """Serves Socket Mode: a single-use address for each connection, and one connection for each envelope."""

    app_id: str
    twice: bool = False
    """Give each envelope to every connection, which Slack does not promise not to."""
    _tickets: set[str] = field(default_factory=set)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _acks: dict[str, "asyncio.Future[Any]"] = field(default_factory=dict)
    _transports: dict[int, asyncio.Transport] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def ticket(self) -> str:
        """Return what opens one connection, once."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def connected(self, count: int = 1) -> None:
        """Wait until there are this many connections."""
        while len(self._sockets) != count:
            self._changed.clear()
            await self._changed.wait()

    async def refresh(self) -> None:
        """Ask every connection to be replaced by another one."""
        for socket in list(self._sockets):
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})

    async def cut(self) -> None:
        """Lose every connection without a word."""
        for socket in list(self._sockets):
            self._transports[id(socket)].abort()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Take a connection, and its acknowledgements until it ends."""
        if request.match_info["ticket"] not in self._tickets:
            return web.Response(status=404)
        self._tickets.remove(request.match_info["ticket"])
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        self._transports[id(socket)] = request.transport
        self._sockets.append(socket)
        self._changed.set()
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._sockets),
                "connection_info": {"app_id": self.app_id},
                "debug_info": {"approximate_connection_time": 3600},
            }
        )
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(json.loads(message.data))
        finally:
            self._sockets.remove(socket)
            del self._transports[id(socket)]
            self._changed.set()
        return socket

    async def send(self, delivery: Delivery) -> Any:
        """Send it in an envelope, and wait for the acknowledgement."""
        if not self._sockets:
            raise Undelivered("not_connected")
        envelope_id = secrets.token_hex(16)
        acknowledged = self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {
            "type": delivery.kind,
            "envelope_id": envelope_id,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
            "retry_attempt": delivery.attempt,
            "retry_reason": delivery.why_again,
        }
        for socket in self._sockets if self.twice else self._sockets[-1:]:
            with contextlib.suppress(ConnectionError):
                await socket.send_json(envelope)
        try:
            return await acknowledged
        finally:
            del self._acks[envelope_id]

    def _acknowledged(self, ack: dict[str, Any]) -> None:
        waiting = self._acks.get(ack.get("envelope_id", ""))
        if waiting is not None and not waiting.done():
            waiting.set_result(ack.get("payload"))
