"""`make demo`: Remit and an example company on this machine, from nothing, until Ctrl-C.

With `--once` the scripted story is told to its end: reviewers act over the public doors, every outcome is
checked, and the exit status says whether all were as they should be.
"""

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from adapters.policy_files import read_bundle
from domain.catalog import Bundle
from domain.errors import RemitError
from examples.marketing.story import Demo, Row, submit_everything, tell
from local.processes import Child, StackError, end_leftover, free_port, wait_until, write_private
from local.slack import LocalSlack, SlackChannel, SlackUser, slack_keys
from local.stack import CHECKOUT, Stack

POLICY = CHECKOUT / "examples" / "marketing" / "policy"
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 110)


class MarketingDemo:
    """The example company around a stack: its CRM, its mail server and, where wanted, a local Slack."""

    def __init__(self, home: Path, bundle: Bundle, with_slack: bool) -> None:
        self.home = home
        self.bundle = bundle
        self.crm_port, self.smtp_port, self.mail_port = free_port(), free_port(), free_port()
        api_port = _port("REMIT_API_PORT") or free_port()
        keys = slack_keys(home)
        self.signing_secret = keys["signing_secret"]
        self.slack = _local_slack(home, bundle, api_port) if with_slack else None
        self.crm_token_file = home / "crm-token"
        self.crm_token = _kept_secret(self.crm_token_file)
        self.stack = Stack(
            home,
            bundle,
            environment=self._environment(),
            api_port=api_port,
            temporal_ui_port=_port("REMIT_TEMPORAL_UI_PORT"),
            say=say,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["MarketingDemo"]:
        """Start everything, and stop it again however this ends."""
        (self.home / "demo.json").unlink(missing_ok=True)  # the addresses of an earlier run would mislead
        async with contextlib.AsyncExitStack() as stack:
            for child in self._systems():
                await end_leftover(self.home, child.name)
                await child.start()
                stack.push_async_callback(child.stop)
            if self.slack is not None:
                say("starting the local Slack stand-in")
                await self.slack.start()
                stack.push_async_callback(self.slack.stop)
            stack.push_async_callback(self.stack.stop)
            await self.stack.start(keep=True, on_restart=self._restarted)
            await wait_until(self._systems_answer, 20, "the example CRM and mail server")
            self.describe()
            yield self

    def describe(self) -> None:
        """Write `demo.json`: where everything is and how to sign in, for the owner only."""
        found = {
            "api_url": self.stack.api_url,
            "temporal_address": self.stack.temporal.address,
            "temporal_ui_url": self.stack.temporal.ui_url,
            "database_url": self.stack.postgres.url("remit_app"),
            "tokens": self.stack.credentials.agents,
            "reviewer_tokens": self.stack.credentials.reviewers,
            "admin_token": self.stack.credentials.admin,
            "slack_signing_secret": self.signing_secret,
            "slack_url": self.slack.web_url if self.slack else None,
            "crm_url": f"http://127.0.0.1:{self.crm_port}",
            "mail_url": f"http://127.0.0.1:{self.mail_port}",
            "pids": self.stack.pids,
        }
        write_private(self.home / "demo.json", json.dumps(found, indent=2) + "\n")

    def as_seen_by_the_story(self) -> Demo:
        """Return what the example agents and reviewers know."""
        return Demo(
            api_url=self.stack.api_url,
            tokens=self.stack.credentials.agents,
            reviewer_tokens=self.stack.credentials.reviewers,
            admin_token=self.stack.credentials.admin,
            crm_url=f"http://127.0.0.1:{self.crm_port}",
            crm_token=self.crm_token,
            mail_url=f"http://127.0.0.1:{self.mail_port}",
            slack=self.slack,
        )

    def _restarted(self, name: str) -> None:
        say(f"the {name} ended without being told to; it was started again")
        self.describe()

    def _environment(self) -> dict[str, str]:
        crm = {"url": f"http://127.0.0.1:{self.crm_port}", "token": self.crm_token}
        environment = {
            "REMIT_SYSTEMS": json.dumps({"crm": crm}),
            "REMIT_SMTP_HOST": "127.0.0.1",
            "REMIT_SMTP_PORT": str(self.smtp_port),
            "REMIT_SMTP_STARTTLS": "false",
            "REMIT_MAIL_FROM": "agents@northwind.example",
            "REMIT_SLACK_SIGNING_SECRET": self.signing_secret,
        }
        if self.slack is not None:
            environment["REMIT_SLACK_BOT_TOKEN"] = self.slack.bot_token
            environment["REMIT_SLACK_BASE_URL"] = self.slack.base_url
        return environment

    def _systems(self) -> list[Child]:
        state = self.home / "systems"
        state.mkdir(parents=True, exist_ok=True)
        crm = [f"--port={self.crm_port}", f"--state={state / 'crm.jsonl'}", f"--token-file={self.crm_token_file}"]
        mail = [f"--smtp-port={self.smtp_port}", f"--http-port={self.mail_port}", f"--state={state / 'mail.jsonl'}"]
        return [
            Child(self.home, "crm", [sys.executable, "-m", "examples.marketing.crm", *crm], cwd=CHECKOUT),
            Child(self.home, "mailbox", [sys.executable, "-m", "examples.marketing.mailbox", *mail], cwd=CHECKOUT),
        ]

    async def _systems_answer(self) -> bool:
        for port in (self.crm_port, self.mail_port, self.smtp_port):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.close()
            await writer.wait_closed()
        return True


def say(line: str) -> None:
    """Print one line of progress."""
    out.print(f"demo: {line}", markup=False)


async def run(options: argparse.Namespace, home: Path) -> int:
    """Run the demo and return its exit status."""
    began = time.monotonic()
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: task and task.cancel())
    demo = MarketingDemo(home, read_bundle(POLICY), with_slack=options.once or options.slack == "local")
    if demo.slack is not None:
        say(demo.slack.notice)
    try:
        async with demo.running():
            say(f"ready after {time.monotonic() - began:.1f} s")
            if options.once:
                return await _tell_once(demo)
            await _stay(demo)
    except asyncio.CancelledError:
        say("stopped; the state is kept, and `make clean` removes it")
    return 0


async def _tell_once(demo: MarketingDemo) -> int:
    rows = await tell(demo.as_seen_by_the_story(), say)
    out.print(_table(rows))
    wrong = [row for row in rows if not row.ok]
    for row in wrong:
        out.print(f"WRONG: {row.task}: {row.note}", markup=False)
    say("every action ended as it should" if not wrong else f"{len(wrong)} of {len(rows)} ended otherwise")
    return 1 if wrong else 0


async def _stay(demo: MarketingDemo) -> None:
    """Let the example agents submit everything once, show where to look, and stay until told to stop."""
    out.print(_table(await submit_everything(demo.as_seen_by_the_story(), say)))
    _print_addresses(demo)
    failed, _ = await asyncio.wait(demo.stack.keeping, return_when=asyncio.FIRST_COMPLETED)
    for task in failed:
        task.result()


def _print_addresses(demo: MarketingDemo) -> None:
    stack = demo.stack
    lines = [
        ("review page", f"{stack.api_url}/review"),
        ("API docs", f"{stack.api_url}/docs"),
        ("Temporal UI", stack.temporal.ui_url or ""),
        ("CRM's effects", f"http://127.0.0.1:{demo.crm_port}/"),
        ("mail that was sent", f"http://127.0.0.1:{demo.mail_port}/messages"),
    ]
    if demo.slack is not None:
        lines.append(("Slack stand-in", demo.slack.web_url))
    for name, url in lines:
        out.print(f"  {name:20} {url}", markup=False)
    out.print(f"  {'sign in with':20} ./remit review-link {demo.bundle.groups[0].members[0]}", markup=False)
    out.print(f"  {'check the ledger':20} ./remit ledger verify", markup=False)
    out.print(f"  {'tokens':20} {demo.home / 'demo.json'}", markup=False)
    say("running; Ctrl-C stops everything")


def _table(rows: list[Row]) -> Table:
    table = Table()
    for column in ("action", "tier", "route", "state", "decided by", "effects"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.task, row.tier, row.route, row.state, row.decided_by, str(row.effects))
    return table


def _local_slack(home: Path, bundle: Bundle, api_port: int) -> LocalSlack:
    users = [
        SlackUser(id=person.slack_user, name=person.id, real_name=person.name, email=person.email)
        for person in bundle.people
        if person.slack_user
    ]
    accounts = {person.id: person.slack_user for person in bundle.people if person.slack_user}
    channels = [
        SlackChannel(
            id=group.slack_channel, name=group.id, members=[accounts[m] for m in group.members if m in accounts]
        )
        for group in bundle.groups
        if group.slack_channel
    ]
    request_url = f"http://127.0.0.1:{api_port}/slack/interactions"
    return LocalSlack(home, request_url=request_url, users=users, channels=channels, port=_port("REMIT_SLACK_PORT"))


def _kept_secret(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def _port(name: str) -> int | None:
    value = os.environ.get(name, "")
    return int(value) if value.isdigit() else None


def main() -> None:
    """Read the options, run, and end with the demo's status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="tell the scripted story to its end and check it")
    parser.add_argument("--slack", choices=["local"], help="also start the local Slack stand-in, to click buttons")
    options = parser.parse_args()
    home = Path(os.environ.get("REMIT_HOME", ".remit")).resolve()
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        code = asyncio.run(run(options, home))
    except (StackError, RemitError) as problem:
        out.print(f"demo: {problem}", markup=False)
        code = 1
    sys.stdout.flush()
    os._exit(code)  # a process that used a Temporal client may abort on its way out (sdk-python issue 300)


if __name__ == "__main__":
    main()
