"""A Slack workspace for tests: the local stand-in, behind a front that can fail as Slack does."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack import slack_client
from local.processes import StackError, free_port
from local.slack import LocalSlack, SlackChannel, SlackUser, slack_binary
from tests.bundles import bundle

CHANNEL = "C01FINANCE"
ON_CALL = "C01ONCALL"


class Front:
    """Stands before the stand-in. `fail` makes the next call of a method fail, before or after it took effect."""

    def __init__(self, slack: LocalSlack) -> None:
        self.slack = slack
        self.calls: list[str] = []
        self.url = ""
        self._faults: list[tuple[str, int, dict[str, Any] | str, bool]] = []

    def fail(self, method: str, error: str, status: int = 200, *, after: bool = False) -> None:
        """Answer the next call of `method` with Slack's `error`; with an `after`, only once it took effect."""
        self._faults.append((method, status, {"ok": False, "error": error}, after))

    def break_off(self, method: str, *, after: bool = False) -> None:
        """Answer the next call of `method` with a page that is no JSON, as a proxy in trouble does."""
        self._faults.append((method, 502, "<html>bad gateway</html>", after))

    @property
    def client(self) -> AsyncWebClient:
        """A client of the product's own making."""
        return slack_client(SecretStr(self.slack.bot_token), self.url)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Front"]:
        """Serve on a free port."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}/api/"
        yield self
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append(method)
        fault = next((fault for fault in self._faults if fault[0] == method), None)
        if fault is None:
            return await self._passed_on(request, method)
        self._faults.remove(fault)
        _, status, body, after = fault
        if after:
            await self._passed_on(request, method)
        if isinstance(body, str):
            return web.Response(text=body, status=status, content_type="text/html")
        return web.json_response(body, status=status, headers={"Retry-After": "1"} if status == 429 else {})

    async def _passed_on(self, request: web.Request, method: str) -> web.Response:
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
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")


@contextlib.asynccontextmanager
async def running_workspace(request_url: str) -> AsyncIterator[LocalSlack]:
    """Run a workspace with the people and channels of the tests' bundle."""
    try:
        slack_binary()
    except StackError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    home = Path(tempfile.mkdtemp(prefix="remit-slack-"))
    people = [SlackUser(p.slack_user, p.id, p.name, p.email) for p in bundle().people if p.slack_user]
    everybody = [*people, SlackUser("U01MALLORY", "mallory", "Mallory", "mallory@elsewhere.example")]
    members = [user.id for user in everybody]
    channels = [SlackChannel(CHANNEL, "finance", members), SlackChannel(ON_CALL, "on-call", members)]
    slack = LocalSlack(home, request_url=request_url, users=everybody, channels=channels)
    try:
        await slack.start()
        yield slack
    finally:
        await slack.stop()
        shutil.rmtree(home)


def cards(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages that are not replies."""
    return [m for m in messages if m.get("thread_ts") in (None, m["ts"])]


def replies(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Return the texts of the replies."""
    return [str(m["text"]) for m in messages if m.get("thread_ts") not in (None, m["ts"])]


def shown(message: dict[str, Any]) -> str:
    """Return all that a message says."""
    return str(message["blocks"])
