"""A Slack for one machine: the `local-slack` emulator, with channels, buttons and modals in a web page."""

import asyncio
import contextlib
import json
import os
import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from local.processes import Child, StackError, end_leftover, free_port, wait_until, write_private

VERSION = "0.1.8"
"""The release the tests ran against; the Makefile installs the same."""

TEAM_ID = "T0REMIT"
APP_ID = "A0REMIT"
BOT_USER_ID = "U0REMIT"

_CHECKOUT = Path(__file__).parents[1]
_PACKAGES = {
    ("Linux", "x86_64"): "local-slack-linux-x64",
    ("Linux", "aarch64"): "local-slack-linux-arm64",
    ("Darwin", "x86_64"): "local-slack-darwin-x64",
    ("Darwin", "arm64"): "local-slack-darwin-arm64",
}
_TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True)
class SlackUser:
    """A person of the workspace; `id` is the stable `U...` identity that votes are bound to."""

    id: str
    name: str
    real_name: str
    email: str


@dataclass(frozen=True)
class SlackChannel:
    """A channel; the bot is always a member."""

    id: str
    name: str
    members: Sequence[str] = ()


class LocalSlack:
    """A Slack workspace with one app, whose events and clicks are posted, signed, to `request_url`, or by Socket Mode.

    It listens on **all** interfaces, since the emulator has no option to bind one: anyone who can reach this
    machine can open the page and click as any user. Whoever starts it shows `notice` to the person.
    Messages live in memory and are gone after `stop`.
    """

    def __init__(
        self,
        home: Path,
        *,
        request_url: str | None,
        users: Sequence[SlackUser],
        channels: Sequence[SlackChannel],
        port: int | None = None,
    ) -> None:
        """`request_url` takes everything: events, slash commands and clicks. None: they go by Socket Mode."""
        self.port = port or free_port()
        self.channels = tuple(channels)
        self._home = home
        self._config = home / "local-slack.yaml"
        self._workspace = (request_url, tuple(users))
        keys = slack_keys(home)
        self.bot_token = keys["bot_token"]
        self.app_token = keys["app_token"]
        self.signing_secret = keys["signing_secret"]
        command: list[str | Path] = [slack_binary(), "--config", self._config, "--port", str(self.port)]
        self._child = Child(home, "slack", [*command, "--base-host", "127.0.0.1"])

    @property
    def child(self) -> Child:
        """The emulator's process, for `keep_running`."""
        return self._child

    @property
    def base_url(self) -> str:
        """The Web API, for `AsyncWebClient(base_url=...)`."""
        return f"{self.web_url}api/"

    @property
    def web_url(self) -> str:
        """The page where people read and click."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def notice(self) -> str:
        """The line to show to whoever started it."""
        return (
            f"Slack stand-in: {self.web_url} (it listens on all network interfaces of this machine, without "
            "a login: use it on a trusted network only)"
        )

    async def start(self) -> None:
        """Write its configuration, start it and wait until it answers."""
        await end_leftover(self._home, "slack")
        write_private(self._config, yaml.safe_dump(self._configuration(), sort_keys=False))
        try:
            await self._child.start()
            await wait_until(self._answers, 30, "the Slack stand-in to answer", child=self._child)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop it; nothing is left running."""
        await self._child.stop()

    async def click(self, channel: str, ts: str, user: str, action_id: str, block_id: str, value: str) -> None:
        """Press a button of a message as a person; returns when the app has answered."""
        action = {"type": "button", "action_id": action_id, "block_id": block_id, "value": value}
        await self.interact(channel, ts, user, action)

    async def interact(self, channel: str, ts: str, user: str, action: Mapping[str, Any]) -> None:
        """Use any element of a message as a person, a menu for instance; returns when the app has answered."""
        await self._control("POST", "interact", {"channel": channel, "messageTs": ts, "user": user, "action": action})

    async def type_command(self, channel: str, user: str, command: str, text: str = "") -> None:
        """Type a slash command as a person; returns when the app has answered."""
        typed = {"channel": channel, "user": user, "command": command, "text": text}
        await self._control("POST", "command", typed)

    async def open_home(self, user: str) -> None:
        """Open the app's own page as a person."""
        await self._control("POST", "open-home", {"user": user})

    async def messages(self, channel: str) -> list[dict[str, Any]]:
        """The messages of a channel, thread replies included, as the emulator keeps them."""
        found = await self._control("GET", f"messages/{channel}")
        if isinstance(found, dict):
            found = found.get("messages", [])
        return list(found)

    async def submit_modal(
        self, user: str, values: Mapping[str, Mapping[str, Mapping[str, Any]]], timeout: float = 15
    ) -> dict[str, str]:
        """Submit the open modal as a person; the app's errors by block id, empty when it was accepted.

        `values` is Slack's `state.values`: block id, action id, element state.
        """
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.ws_connect(f"ws://127.0.0.1:{self.port}/ui") as page,
        ):
            await page.send_json({"t": "view_submit", "user": user, "values": values})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    async for message in page:
                        pushed = json.loads(message.data)
                        if pushed.get("t") == "init" and not pushed["state"]["modalStack"]:
                            raise StackError(f"{user} has no open modal to submit")
                        if pushed.get("t") == "view_errors":
                            return dict(pushed["errors"])
                        if pushed.get("t") == "view":
                            return {}
        raise StackError(f"the Slack stand-in did not say within {timeout:g} s what became of the modal")

    async def _control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        url = f"{self.web_url}_control/{path}"
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(method, url, json=body) as answer,
        ):
            if answer.status != 200:
                raise StackError(f"{method} {url}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def _answers(self) -> bool:
        try:
            await self._control("GET", "state")
        except (aiohttp.ClientError, TimeoutError, StackError):
            return False
        return True

    def _configuration(self) -> dict[str, Any]:
        request_url, users = self._workspace
        return {
            "workspace": {"name": "Remit", "domain": "remit", "teamId": TEAM_ID},
            "app": {
                "appId": APP_ID,
                "botUserId": BOT_USER_ID,
                "botName": "remit",
                "botToken": self.bot_token,
                "appToken": self.app_token,
                "signingSecret": self.signing_secret,
                **({"mode": "events", "requestUrl": request_url} if request_url else {"mode": "socket"}),
            },
            "users": [vars(user) for user in users],
            "channels": [
                {"id": channel.id, "name": channel.name, "members": [*channel.members, BOT_USER_ID]}
                for channel in self.channels
            ],
        }


def slack_binary() -> Path:
    """The emulator's program, or an error that says how to get it."""
    machine = (platform.system(), platform.machine())
    package = _PACKAGES.get(machine)
    if package is None:
        supported = ", ".join(" ".join(known) for known in _PACKAGES)
        raise StackError(
            f"there is no Slack stand-in for {' '.join(machine)} (only for {supported}): use the review page"
        )
    binary = _CHECKOUT / "node_modules" / package / "bin" / "local-slack"
    if not os.access(binary, os.X_OK):
        raise StackError(f"{binary} is missing: run make test-setup, or npm install --no-save {package}@{VERSION}")
    return binary


def slack_keys(home: Path) -> dict[str, str]:
    """The tokens and the signing secret of this home: made once, readable by its owner only."""
    path = home / "slack.json"
    if not path.exists():
        made = {
            "bot_token": f"xoxb-{secrets.token_urlsafe(24)}",
            "app_token": f"xapp-{secrets.token_urlsafe(24)}",
            "signing_secret": secrets.token_hex(16),
        }
        write_private(path, json.dumps(made, indent=2))
    return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}
