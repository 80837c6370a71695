"""From the emulator to the app as Slack does it: acknowledged in three seconds, redelivered, with limits."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from tests.slack_front.deliveries import Delivery, Route, Undelivered
from tests.slack_front.payloads import message_problems
from tests.slack_front.rules import Trigger, World, refused

ACK_SECONDS = 3
RETRIES = (0, 60, 300)
"""When an event that was not acknowledged comes again, in seconds after the attempt before."""
RESPONSE_USES = 5
RESPONSE_SECONDS = 30 * 60


@dataclass
class _ResponseUrl:
    real: str
    born: float
    uses: int = 0


class Inbound:
    """Hands clicks, commands and events to the app, and keeps what came of each attempt."""

    def __init__(self, world: World, route: Route, url: str) -> None:
        self.world = world
        self.route = route
        self.deliveries: list[Delivery] = []
        self._url = url
        self._response_urls: dict[str, _ResponseUrl] = {}
        self._again: set[asyncio.Task[None]] = set()

    async def receive(self, request: web.Request) -> web.Response:
        """Take what the emulator would give to the app, and give it to the app as Slack does."""
        if request.content_type == "application/json":
            kind, payload = "events_api", await request.json()
        else:
            fields = {name: values[0] for name, values in parse_qs(await request.text(), True).items()}
            kind = "interactive" if "payload" in fields else "slash_commands"
            payload = json.loads(fields["payload"]) if "payload" in fields else fields
        self._born(payload)
        delivery = await self.deliver(kind, payload)
        if kind == "events_api":
            if delivery.failed:
                task = asyncio.create_task(self._redeliver(delivery))
                self._again.add(task)
                task.add_done_callback(self._again.discard)
            return web.Response()
        if delivery.failed:
            return web.Response(status=504)
        return web.json_response(delivery.answer) if delivery.answer is not None else web.Response()

    async def _redeliver(self, delivery: Delivery) -> None:
        for number, pause in enumerate(RETRIES, 1):
            await self.world.clock.until(self.world.clock.now + pause)
            delivery = await self.deliver(delivery.kind, delivery.payload, number, delivery.failed)
            if not delivery.failed:
                return

    def _born(self, payload: dict[str, Any]) -> None:
        """Note a click's trigger id, and put the front's response URL in the place of the emulator's."""
        user = payload.get("user_id") or payload.get("user", {}).get("id", "")
        if trigger := payload.get("trigger_id"):
            self.world.triggers[trigger] = Trigger(user, self.world.clock.now)
        if real := payload.get("response_url"):
            name = str(len(self._response_urls))
            self._response_urls[name] = _ResponseUrl(real, self.world.clock.now)
            payload["response_url"] = f"{self._url}response/{name}"

    async def respond(self, request: web.Request) -> web.Response:
        """Take a message by a response URL: five in half an hour."""
        known = self._response_urls.get(request.match_info["id"])
        if known is None or known.uses >= RESPONSE_USES or self.world.clock.now - known.born > RESPONSE_SECONDS:
            return web.json_response(refused("expired_url"), status=404)
        known.uses += 1
        body = await request.json()
        if "blocks" in body and message_problems(body["blocks"]):
            return web.json_response(refused("invalid_blocks"), status=400)
        async with aiohttp.ClientSession() as session, session.post(known.real, json=body) as answer:
            return web.Response(text=await answer.text(), status=answer.status)

    async def deliver(self, kind: str, payload: dict[str, Any], attempt: int = 0, why_again: str = "") -> Delivery:
        """Hand something to the app once, forged or repeated, and note what came of it."""
        delivery = Delivery(kind, payload, attempt, why_again)
        self.deliveries.append(delivery)
        try:
            delivery.answer = await self.world.clock.within(ACK_SECONDS, self.route.send(delivery))
        except TimeoutError:
            delivery.failed = "http_timeout"
        except Undelivered as problem:
            delivery.failed = problem.reason
        return delivery

    def end(self) -> None:
        """Redeliver nothing more."""
        for task in self._again:
            task.cancel()
