"""A strict Slack for tests: stands between Remit and the emulator, and refuses what Slack refuses.

The emulator keeps the messages and draws the pages, and takes everything. This front asks for valid tokens, scopes,
membership and blocks before it passes a call on; it lets trigger ids count once and for three seconds, response URLs
five times in half an hour, and wants every delivery acknowledged within three seconds of its own clock. Tests make it
fail as Slack does, and move the clock.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack import slack_client
from adapters.notifiers.slack.manifest import bot_scopes
from local.processes import free_port
from local.slack import APP_ID, LocalSlack
from tests.slack_front.clock import Clock
from tests.slack_front.deliveries import Delivery, HttpRoute, Route, SocketRoute
from tests.slack_front.inbound import Inbound
from tests.slack_front.rules import Answer, World, complete_user, refusal, refused, too_soon
from tests.slack_front.troubles import Troubles


class NoSuchButton(Exception):
    """Nobody can press that: it is not on the message, or the message is not there or not for them."""


class Front(Troubles):
    """Stands before the emulator. Without a request URL it is Slack's Web API alone."""

    def __init__(self, slack: LocalSlack, request_url: str = "", *, port: int | None = None) -> None:
        super().__init__()
        self.slack = slack
        self.world = self._fresh_world()
        self.calls: list[str] = []
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        """Every call with its arguments."""
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/"
        self.socket = SocketRoute(APP_ID)
        route: Route = HttpRoute(request_url, slack.signing_secret) if request_url else self.socket
        self._inbound = Inbound(self.world, route, f"http://127.0.0.1:{self.port}/")
        self.deliveries = self._inbound.deliveries
        self.deliver = self._inbound.deliver
        self._over = asyncio.Event()
        self._form_of = ""

    @property
    def clock(self) -> Clock:
        """Its clock, which stands still until it is moved."""
        return self.world.clock

    @property
    def client(self) -> AsyncWebClient:
        """A client of the product's own making."""
        return slack_client(SecretStr(self.slack.bot_token), self.url)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Front"]:
        """Serve on its port."""
        app = web.Application(client_max_size=10_000_000)
        app.router.add_route("*", "/api/{method}", self._answer)
        app.router.add_post("/inbound", self._inbound.receive)
        app.router.add_post("/response/{id}", self._inbound.respond)
        app.router.add_get("/socket/{ticket}", self.socket.serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            self._over.set()
            self._inbound.end()
            await runner.cleanup()

    def reset(self) -> None:
        """Forget all that a test changed or did. The emulator's messages stay."""
        vars(self.world).update(vars(self._fresh_world()))
        self.heal()
        for remembered in (self.calls, self.asked, self.deliveries):
            remembered.clear()

    def _fresh_world(self) -> World:
        members = {channel.id: set(channel.members) for channel in self.slack.channels}
        return World(self.slack.bot_token, self.slack.app_token, members, scopes=set(bot_scopes()))

    # What people do.

    async def press(
        self, channel: str, ts: str, user: str, action_id: str, block_id: str, value: str, *, forged: bool = False
    ) -> Delivery:
        """Press a button as a person, and return what the app got and answered.

        Raises NoSuchButton for one that Slack does not show to them. `forged` sends the click all the same.
        """
        if not forged:
            await self._check_button(channel, ts, user, action_id, block_id, value)
        before = len(self.deliveries)
        await self.slack.click(channel, ts, user, action_id, block_id, value)
        return next(
            delivery
            for delivery in self.deliveries[before:]
            if delivery.payload.get("user", {}).get("id") == user and delivery.kind == "interactive"
        )

    async def submit(
        self, user: str, values: Mapping[str, Mapping[str, Mapping[str, Any]]], timeout: float = 15
    ) -> dict[str, str]:
        """Send the open form as the person it was opened for; the app's errors, empty when it was accepted."""
        if self._form_of != user:
            raise NoSuchButton(f"{user} has no open form; the open one belongs to {self._form_of or 'nobody'}")
        return await self.slack.submit_modal(user, values, timeout)

    async def type_command(self, channel: str, user: str, command: str, text: str = "") -> Delivery:
        """Type a slash command, and return what the app got and answered."""
        before = len(self.deliveries)
        await self.slack.type_command(channel, user, command, text)
        return next(delivery for delivery in self.deliveries[before:] if delivery.kind == "slash_commands")

    async def open_home(self, user: str) -> Delivery:
        """Open the app's own page, and return the first delivery of the event."""
        before = len(self.deliveries)
        await self.slack.open_home(user)
        return next(delivery for delivery in self.deliveries[before:] if delivery.kind == "events_api")

    # What Remit calls.

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        arguments, token, is_json = await _call_of(request)
        self.calls.append(method)
        self.asked.append((method, arguments))
        fault = self.next_fault(method)
        if fault is None or fault.after:
            answer = await self._judged(request, method, arguments, token, is_json)
        if fault is None:
            return answer
        if fault.body is None:
            await self._over.wait()
            return web.Response(status=504)
        if isinstance(fault.body, str):
            return web.Response(text=fault.body, status=fault.status, content_type="text/html")
        headers = {"Retry-After": str(fault.retry_after)} if fault.status == 429 else {}
        return web.json_response(fault.body, status=fault.status, headers=headers)

    async def _judged(
        self, request: web.Request, method: str, arguments: Mapping[str, Any], token: str, is_json: bool
    ) -> web.Response:
        if too_soon(self.world, method, arguments, asyncio.get_running_loop().time()):
            return web.json_response(refused("ratelimited"), status=429, headers={"Retry-After": "1"})
        no = refusal(self.world, method, token, arguments, is_json)
        status, answer = (200, no) if no is not None else await self._done(request, method, arguments)
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.world.scopes))} if token == self.world.bot_token else {}
        return web.json_response(answer, status=status, headers=headers)

    async def _done(self, request: web.Request, method: str, arguments: Mapping[str, Any]) -> tuple[int, Answer]:
        """Do what the emulator cannot, or let it do it and add what it does not know."""
        match method:
            case "api.test":
                return 200, {"ok": True}
            case "apps.connections.open":
                address = f"ws://127.0.0.1:{self.port}/socket/{self.socket.ticket()}"
                return 200, {"ok": True, "url": address}
            case "usergroups.list":
                return 200, {"ok": True, "usergroups": [{"id": group} for group in self.world.usergroups]}
            case "usergroups.users.list":
                users = self.world.usergroups.get(str(arguments.get("usergroup")))
                return 200, refused("no_such_subteam") if users is None else {"ok": True, "users": users}
        status, answer = await self._passed_on(request, method)
        if answer.get("ok"):
            self._noted(method, arguments, answer)
        return status, answer

    def _noted(self, method: str, arguments: Mapping[str, Any], answer: Answer) -> None:
        """Complete the emulator's answer, and remember what later calls depend on."""
        world = self.world
        if method == "users.info":
            complete_user(world, str(arguments["user"]), answer)
        if method == "conversations.info":
            channel = str(arguments["channel"])
            answer["channel"] |= {
                "is_member": channel not in world.absent,
                "is_archived": channel in world.archived,
                "is_read_only": channel in world.restricted,
            }
        view = answer.get("view")
        if isinstance(view, dict):
            for name in (str(view.get("id")), str(arguments.get("user_id"))):
                world.hashes[name] = str(view.get("hash"))
            if method in ("views.open", "views.push"):
                self._form_of = world.triggers[str(arguments["trigger_id"])].user

    async def _passed_on(self, request: web.Request, method: str) -> tuple[int, Answer]:
        kept = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                f"{self.slack.base_url}{method}",
                params=request.query,
                data=await request.read(),
                headers=kept,
            ) as answer,
        ):
            found: Answer = json.loads(await answer.read())
            return answer.status, found

    async def _check_button(self, channel: str, ts: str, user: str, action_id: str, block_id: str, value: str) -> None:
        """Raise NoSuchButton unless this person sees this button."""
        shown = [message for message in await self.slack.messages(channel) if message["ts"] == ts]
        if not shown or shown[0].get("ephemeral_to", user) != user:
            raise NoSuchButton(f"no message {ts} in {channel} for {user}")
        if user not in self.world.members.get(channel, {user}):
            raise NoSuchButton(f"{user} is not in {channel}")
        elements = [
            element
            for block in shown[0].get("blocks") or []
            if block.get("block_id") == block_id
            for element in [*block.get("elements", []), block.get("accessory", {})]
        ]
        if not any((each.get("action_id"), each.get("value", "")) == (action_id, value) for each in elements):
            raise NoSuchButton(f"no button {action_id} with this value in block {block_id} of {ts}")


async def _call_of(request: web.Request) -> tuple[Mapping[str, Any], str, bool]:
    """Return a call's arguments, its token and whether they came as JSON. slack_sdk mixes query and body."""
    is_json = request.content_type == "application/json"
    arguments: dict[str, Any] = dict(request.query)
    body = await request.read()
    if is_json and body:
        arguments |= json.loads(body)
    elif request.content_type == "application/x-www-form-urlencoded":
        arguments |= {name: values[0] for name, values in parse_qs(body.decode(), True).items()}
    for name in ("blocks", "view"):
        if isinstance(arguments.get(name), str):
            with contextlib.suppress(ValueError):
                arguments[name] = json.loads(arguments[name])
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return arguments, token if scheme == "Bearer" else str(arguments.get("token", "")), is_json
