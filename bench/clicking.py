"""How long Slack waits for the answer to a click while thousands of actions wait for people.

Slack shows an error when no answer comes within 3 s. Clicks come at a fixed rate, whatever becomes of those before
them, and each is timed from the moment it was due, so that a queue counts for everybody who stands in it.

`python -m bench.clicking` prints it; `make bench` runs it after the loads. Clicks are signed as Slack signs them, and
the stand-in for Slack says whose accounts they are, and is shown their Homes. Cards it is not: at Slack's pace they
would take a second each, so the worker has no Slack here, and the bench notes the cards as shown.
"""

import argparse
import asyncio
import contextlib
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import asyncpg
from pydantic import SecretStr
from rich.console import Console
from slack_sdk.signature import SignatureVerifier

from adapters.database.connection import open_pool
from adapters.notifiers.slack.buttons import APPROVE, buttons_id
from adapters.notifiers.slack.seal import Choice, Seal
from bench import results
from local.slack import LocalSlack, SlackUser
from local.stack import Stack
from tests.bundles import bundle
from tests.installation import OutsideSystem

PENDING, PER_SECOND, SECONDS = 5000, 50, 30
SUBMITTED_AT_ONCE = 32
CHANNEL = "C01FINANCE"
SIGNING_SECRET, BUTTON_KEY = secrets.token_hex(16), secrets.token_hex(16)
VERIFIER, SEAL = SignatureVerifier(SIGNING_SECRET), Seal(SecretStr(BUTTON_KEY))
FORM = "application/x-www-form-urlencoded"
out = Console(highlight=False, width=None if sys.stdout.isatty() else 110)


@dataclass(frozen=True)
class Waiting:
    """An action that waits, and the card that shows it."""

    id: str
    revision: str
    ts: str

    def click(self, user: str) -> bytes:
        """Return what Slack posts when somebody presses Approve on the card."""
        sealed = SEAL.sealed(Choice(action=self.id, revision=self.revision, channel=CHANNEL))
        button = {
            "action_id": APPROVE,
            "block_id": buttons_id(sealed),
            "action_ts": f"{time.time():.6f}",
            "value": sealed,
            "type": "button",
        }
        payload = {
            "type": "block_actions",
            "user": {"id": user},
            "trigger_id": secrets.token_hex(8),
            "channel": {"id": CHANNEL},
            "message": {"ts": self.ts},
            "actions": [button],
        }
        return urlencode({"payload": json.dumps(payload)}).encode()


async def measure(stack: Stack, pending: int, per_second: int, seconds: int) -> dict[str, float]:
    """Let `pending` actions wait, click on them, and return the latencies of the answers in milliseconds."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        waiting = await _submitted(stack, session, pending)
        await _noted(stack, waiting)
        # The first person's approval counts, the second one's decides; the third may not vote, and is told so.
        users = ("U01ANN", "U01BOB", "U01OLGA")
        clicks = [(waiting[number // 3], users[number % 3]) for number in range(per_second * seconds)]
        out.print(f"bench: {len(clicks)} clicks, {per_second} a second, while {pending} actions wait")
        taken, answers = await _clicked(stack, session, clicks, per_second)
        counted = await _votes(stack)
    if set(answers) != {200}:
        raise RuntimeError(f"not every click was acknowledged: {dict(answers)}")
    if counted != (wanted := sum(user != "U01OLGA" for _, user in clicks)):
        raise RuntimeError(f"{counted} votes counted; {wanted} clicks were those of people who may vote")
    ordered = sorted(taken)
    return {
        "slack.ack_p50_ms": round(ordered[len(ordered) // 2], 1),
        "slack.ack_p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
        "slack.ack_max_ms": round(ordered[-1], 1),
    }


async def _submitted(stack: Stack, session: aiohttp.ClientSession, pending: int) -> list[Waiting]:
    """Submit actions that two people have to approve, and return them when all of them wait."""
    token = stack.credentials.agents["clerk"]
    at_once, done = asyncio.Semaphore(SUBMITTED_AT_ONCE), list[Waiting]()
    wanted = {
        "use_case": "support",
        "action_type": "refund.create",
        "arguments": {"customer": "c-1", "amount_minor": 200_000},
    }

    async def submit(number: int) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"click-{number}"}
        async with at_once, session.post(f"{stack.api_url}/v1/actions", json=wanted, headers=headers) as answer:
            made = await answer.json()
            if answer.status not in (201, 202):
                raise RuntimeError(f"submitting answered {answer.status}: {made}")
            ts = f"{1_700_000_000 + number}.000100"
            done.append(Waiting(id=made["id"], revision=made["revision"]["digest"], ts=ts))
            if len(done) % 1000 == 0:
                out.print(f"bench: {len(done)} of {pending} actions submitted")

    await asyncio.gather(*(submit(number) for number in range(pending)))
    async with _pool(stack) as pool:
        while await pool.fetchval("SELECT count(*) FROM action WHERE state = 'assessing'"):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    return done


async def _noted(stack: Stack, waiting: Sequence[Waiting]) -> None:
    """Note a card of each action as shown."""
    rows = [(each.id, "slack", CHANNEL, each.ts, "drawn by the bench") for each in waiting]
    async with _pool(stack) as pool:
        await pool.copy_records_to_table("notice", records=rows)


async def _clicked(
    stack: Stack, session: aiohttp.ClientSession, clicks: Sequence[tuple[Waiting, str]], per_second: int
) -> tuple[list[float], Counter[int]]:
    """Click at a fixed rate and return how long each answer took from the moment the click was due."""
    taken, answers = list[float](), Counter[int]()
    began = time.perf_counter() + 1

    async def click(number: int, waiting: Waiting, user: str) -> None:
        due = began + number / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        body, now = waiting.click(user), str(int(time.time()))
        signature = VERIFIER.generate_signature(timestamp=now, body=body)
        headers = {"Content-Type": FORM, "X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature or ""}
        async with session.post(f"{stack.api_url}/slack/interactions", data=body, headers=headers) as answer:
            await answer.read()
            answers[answer.status] += 1
        taken.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(*(click(number, *each) for number, each in enumerate(clicks)))
    return taken, answers


async def _votes(stack: Stack) -> int:
    """Return how many votes counted. They are in the ledger when the answer to their click is given."""
    async with _pool(stack) as pool:
        return int(await pool.fetchval("SELECT count(*) FROM ledger_entry WHERE kind = 'vote.accepted'"))


@contextlib.asynccontextmanager
async def _pool(stack: Stack) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    pool = await open_pool(SecretStr(stack.postgres.url("remit_app")), 2)
    try:
        yield pool
    finally:
        await pool.close()


async def run(pending: int = PENDING, per_second: int = PER_SECOND, seconds: int = SECONDS) -> dict[str, float]:
    """Measure on an installation of its own, in a folder that is deleted afterwards."""
    home = Path(tempfile.mkdtemp(prefix="remit-bench-"))
    home.chmod(0o755)  # noqa: ASYNC240  PostgreSQL runs as a user of its own
    company = bundle()
    users = [SlackUser(p.slack_user, p.id, p.name, p.email) for p in company.people if p.slack_user]
    slack = LocalSlack(home / "slack", request_url=None, users=users, channels=[])
    door = {
        "REMIT_SLACK_BOT_TOKEN": slack.bot_token,
        "REMIT_SLACK_BASE_URL": slack.base_url,
        "REMIT_SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "REMIT_SLACK_BUTTON_KEY": BUTTON_KEY,
    }
    async with OutsideSystem().running() as crm:
        environment = {"REMIT_LOG_LEVEL": "warning", "REMIT_SYSTEMS": json.dumps({"crm": {"url": crm.url}})}
        stack = Stack(home, company, environment=environment, api_environment=door, headless=True, say=_say)
        try:
            await slack.start()
            await stack.start()
            return await measure(stack, pending, per_second, seconds)
        finally:
            await stack.stop()
            await slack.stop()
            shutil.rmtree(home, ignore_errors=True)


def _say(line: str) -> None:
    out.print(f"bench: {line}")


def main() -> None:
    """Read the options, measure, print and write it down."""
    parser = argparse.ArgumentParser(prog="python -m bench.clicking", description=__doc__)
    parser.add_argument("--pending", type=int, default=PENDING)
    parser.add_argument("--per-second", type=int, default=PER_SECOND)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args()
    figures = asyncio.run(run(options.pending, options.per_second, options.seconds))
    out.print(f"acknowledging clicks in Slack: {figures}")
    out.print(f"written to {results.write(figures)}")


if __name__ == "__main__":
    main()
