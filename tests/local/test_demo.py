"""The demo as a newcomer runs it: to its end, again on the same state, and through kill -9."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from local.clean import clean
from local.stack import CHECKOUT

STORY_SECONDS = 150


class RunningDemo:
    """A demo process and what it printed so far."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self._options = options
        self.lines: list[str] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it."""
        environment = {**os.environ, "REMIT_HOME": str(self.home)}
        command = [sys.executable, "-m", "local.demo", *self._options]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=CHECKOUT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    @property
    def said(self) -> str:
        """Everything it printed."""
        return "\n".join(self.lines)

    def find(self) -> dict[str, object]:
        """Return demo.json."""
        found: dict[str, object] = json.loads((self.home / "demo.json").read_text())
        return found

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is true of what it printed."""
        async with asyncio.timeout(60):
            while not true():
                assert self.process.returncode is None, f"the demo ended before {what}:\n{self.said}"
                await asyncio.sleep(0.02)

    async def ended(self, seconds: float = STORY_SECONDS) -> int:
        """Wait for its end and return the exit status."""
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
            if self._reading is not None:
                await self._reading
        return code

    async def interrupt(self) -> None:
        """Stop it as Ctrl-C does, and after a failed test too."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            await self.ended(30)

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process."""
        assert self._process is not None
        return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.lines.append(line.decode().rstrip())


def processes_of(home: Path) -> list[str]:
    """Return the command lines of processes that belong to a home."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        command = process.info["cmdline"] or []
        environment = process.info["environ"] or {}
        if any(str(home) in part for part in command) or environment.get("REMIT_HOME") == str(home):
            found.append(" ".join(command))
    return found


@pytest.fixture
async def cleaned(home: Path) -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(clean, home)
        yield stack


async def test_the_story_ends_as_it_should_twice_and_through_kill_minus_nine(
    home: Path, cleaned: AsyncExitStack
) -> None:
    first = RunningDemo(home, "--once")
    await first.start()
    cleaned.push_async_callback(first.interrupt)
    assert await first.ended() == 0, first.said
    assert "every action ended as it should" in first.said
    assert stat.S_IMODE((home / "demo.json").stat().st_mode) == 0o600
    assert processes_of(home) == []

    again = RunningDemo(home, "--once")
    await again.start()
    cleaned.push_async_callback(again.interrupt)
    await again.until(lambda: "decides to approve" in again.said, "anybody decided")
    pids = again.find()["pids"]
    assert isinstance(pids, dict)
    for name in ("worker", "api"):
        os.kill(pids[name], signal.SIGKILL)
    assert await again.ended() == 0, again.said
    assert "every action ended as it should" in again.said
    assert again.said.count("it was started again") == 2
    assert processes_of(home) == []


async def test_the_demo_stays_up_until_interrupted_and_leaves_nothing_running(
    home: Path, cleaned: AsyncExitStack
) -> None:
    demo = RunningDemo(home)
    await demo.start()
    cleaned.push_async_callback(demo.interrupt)
    await demo.until(lambda: "Ctrl-C stops everything" in demo.said, "it was up")

    found = demo.find()
    assert set(found) >= {
        "api_url",
        "temporal_address",
        "temporal_ui_url",
        "database_url",
        "tokens",
        "reviewer_tokens",
        "admin_token",
        "slack_signing_secret",
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        for url in (f"{found['api_url']}/docs", f"{found['api_url']}/review/sign-in", str(found["temporal_ui_url"])):
            assert (await http.get(url)).status_code == 200, url
        ready = await http.get(f"{found['api_url']}/readyz")
    assert ready.json()["ready"] is True
    ledger = await asyncio.create_subprocess_exec(
        str(CHECKOUT / "remit"),
        "ledger",
        "verify",
        env={**os.environ, "REMIT_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await ledger.communicate()
    assert ledger.returncode == 0
    assert b"the ledger is whole" in printed

    await demo.interrupt()

    assert demo.process.returncode == 0
    assert processes_of(home) == []


async def test_a_second_demo_in_the_same_home_is_refused_with_advice(home: Path, cleaned: AsyncExitStack) -> None:
    demo = RunningDemo(home)
    await demo.start()
    cleaned.push_async_callback(demo.interrupt)
    await demo.until(lambda: "Ctrl-C stops everything" in demo.said, "it was up")

    second = RunningDemo(home)
    await second.start()
    cleaned.push_async_callback(second.interrupt)

    assert await second.ended(30) == 1
    assert "still" in second.said or "running" in second.said, second.said
    assert demo.process.returncode is None
