"""Digests against a whole installation: requests that could wait come to their reviewer in one message of Slack."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.bundles import UNTIRING, bundle
from tests.installation import Installation, installed


class Posts:
    """A Slack that takes every call, and keeps those that post or change a message."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    def to(self, channel: str, method: str = "chat.postMessage") -> list[dict[str, Any]]:
        """Return the messages that were posted, or changed, in a channel."""
        return [body for name, body in self.calls if name == method and body.get("channel") == channel]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Posts"]:
        """Serve on a free port."""
        app = web.Application()
        app.router.add_post("/{method}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield self
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        is_json = request.content_type == "application/json"
        sent = await request.json() if is_json else await request.post()
        body = {**request.query, **sent}
        self.calls.append((method, body))
        user = str(body.get("users", ""))
        answer = {
            "ok": True,
            "ts": f"1700000000.{len(self.calls):06d}",
            "channel": {"id": f"D{user[1:]}"},
            "messages": [],
        }
        return web.json_response(answer)


async def until(remit: Installation, slack: Posts, channel: str, number: int, method: str = "chat.postMessage") -> None:
    """Wait until so many messages were posted, or changed, in a channel."""
    async with asyncio.timeout(30):
        while len(slack.to(channel, method)) < number:
            await asyncio.sleep(0.05)


async def test_requests_that_can_wait_come_in_one_message_that_follows_them(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> None:
    wanted = bundle(
        groups=[
            {"id": "finance", "members": ["ann", "bob"], "not_notified": ["bob"]},
            {"id": "on-call", "members": ["cem"]},
        ],
        attention={**UNTIRING, "digest_tiers": ["medium"], "digest_every": "3s"},
    )
    async with (
        Posts().running() as slack,
        installed(
            shared_postgres,
            shared_temporal,
            "digests",
            wanted,
            slack_bot_token=SecretStr("xoxb-test"),
            slack_base_url=slack.url,
        ) as remit,
    ):
        made = [await remit.refund(5000 + number) for number in range(3)]
        await until(remit, slack, "D01ANN", 1)
        (digest,) = slack.to("D01ANN")
        await remit.vote(made[0], "ann", "reject", "no")
        await until(remit, slack, "D01ANN", 1, "chat.update")

        blocks = digest["blocks"] if isinstance(digest["blocks"], str) else json.dumps(digest["blocks"])
        assert digest["text"] == "3 of 3 requests wait for your decision; each is decided on its own"
        assert all(action["id"] in blocks for action in made)
        assert blocks.count("remit_approve") == 3
        assert slack.to("D01ANN", "chat.update")[-1]["text"].startswith("2 of 3 requests wait")
        assert slack.to("D01BOB") == []
        assert len(slack.to("D01ANN")) == 1
        rows = await remit.fetchval("SELECT count(*) FROM assignment WHERE digest IS NOT NULL AND person = 'ann'")
        assert rows == 3
