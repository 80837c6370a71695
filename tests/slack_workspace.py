"""A Slack workspace for tests: the people and channels of the tests' bundle, behind the strict front."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.notifiers.slack import pace
from api import slack_publishing
from local.processes import StackError, free_port
from local.slack import LocalSlack, SlackChannel, SlackUser, slack_binary
from tests.bundles import bundle
from tests.slack_front import Front

CHANNEL = "C01FINANCE"
ON_CALL = "C01ONCALL"


@contextlib.asynccontextmanager
async def strict_workspace(request_url: str = "") -> AsyncIterator[Front]:
    """Run a workspace whose app is at `request_url`; without one the app comes by Socket Mode, or not at all."""
    port = free_port()
    async with (
        running_workspace(f"http://127.0.0.1:{port}/inbound") as slack,
        Front(slack, request_url, port=port).running() as front,
    ):
        with hurried():
            yield front


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Let messages go out faster than Slack's one a second, and Homes at once: their pace has tests of its own."""
    before = pace.INTERVAL_SECONDS, slack_publishing.EVERY_SECONDS
    pace.INTERVAL_SECONDS, slack_publishing.EVERY_SECONDS = 0.01, 0.0
    try:
        yield
    finally:
        pace.INTERVAL_SECONDS, slack_publishing.EVERY_SECONDS = before


@contextlib.asynccontextmanager
async def running_workspace(request_url: str) -> AsyncIterator[LocalSlack]:
    """Run the emulator alone, which refuses nothing, with the people and channels of the tests' bundle."""
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
