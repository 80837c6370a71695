"""One load: keeps N requests of one scenario under way for some seconds, in a process of its own.

Prints one JSON object: how many ended in the measured time, and their latencies in milliseconds.
"""

import argparse
import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import aiohttp
import httptools
import uvloop
from temporalio.client import Client

from bench.floor import TASK_QUEUE, Empty, OneActivity, Waiting
from workflows.client import connect

Request = Callable[[], Awaitable[float]]
"""Runs one request and returns its latency in seconds."""


async def workflow_request(client: Client, kind: type[Empty] | type[OneActivity]) -> float:
    """Start a workflow and wait for its result."""
    began = time.perf_counter()
    handle = await client.start_workflow(
        kind.run,
        "x",
        id=f"floor-{secrets.token_hex(12)}",
        task_queue=TASK_QUEUE,
    )
    await handle.result()
    return time.perf_counter() - began


async def update_request(client: Client) -> float:
    """Update a workflow that waits already; only the update is timed."""
    handle = await client.start_workflow(Waiting.run, "x", id=f"floor-{secrets.token_hex(12)}", task_queue=TASK_QUEUE)
    await handle.describe()
    await asyncio.sleep(0.1)
    began = time.perf_counter()
    await handle.execute_update(Waiting.finish, "x")
    return time.perf_counter() - began


class RemitLoad:
    """Requests to Remit's API, and the outside system that its effects reach."""

    def __init__(self, api_url: str, tokens: dict[str, str], session: aiohttp.ClientSession) -> None:
        self._api = api_url
        self._tokens = tokens
        self._session = session
        self._effects: dict[str, asyncio.Future[float]] = {}

    def effect(self, key: str) -> None:
        """Note when an effect reached the outside system."""
        waiting = self._effects.get(key)
        if waiting is not None and not waiting.done():
            waiting.set_result(time.perf_counter())

    async def low_tier(self) -> float:
        """Submit a low-tier action and get it back finished."""
        began = time.perf_counter()
        body = await self._submit("note.add", {"customer": "c-1", "text": "called back"}, wait=30)
        if body["state"] != "succeeded":
            raise RuntimeError(f"a low-tier action ended {body['state']}")
        return time.perf_counter() - began

    async def vote_to_effect(self) -> float:
        """Approve an action that waits; timed from sending the vote to the effect reaching the outside system."""
        body = await self._submit("refund.create", {"customer": "c-1", "amount_minor": 100}, wait=0)
        while body["state"] != "pending_approval":
            await asyncio.sleep(0.05)
            async with self._session.get(f"{self._api}/v1/actions/{body['id']}", headers=self._as("clerk")) as answer:
                body = await answer.json()
        await asyncio.sleep(0.1)
        self._effects[body["id"]] = asyncio.get_running_loop().create_future()
        vote = {"decision": "approve", "revision": body["revision"]["digest"]}
        began = time.perf_counter()
        url = f"{self._api}/v1/actions/{body['id']}/votes"
        async with self._session.post(url, json=vote, headers=self._as("ann")) as answer:
            if answer.status != 200:
                raise RuntimeError(await answer.text())
        return await self._effects.pop(body["id"]) - began

    async def _submit(self, action_type: str, arguments: dict[str, object], wait: int) -> dict[str, Any]:
        headers = {**self._as("clerk"), "Idempotency-Key": secrets.token_hex(12)}
        body = {"use_case": "support", "action_type": action_type, "arguments": arguments}
        url = f"{self._api}/v1/actions?wait={wait}"
        async with self._session.post(url, json=body, headers=headers) as answer:
            if answer.status not in (201, 202):
                raise RuntimeError(await answer.text())
            found: dict[str, Any] = await answer.json()
            return found

    def _as(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[who]}"}


class OutsideSystem(asyncio.Protocol):
    """The least that can stand in for the system an effect goes to: it is not what is measured."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection, to answer on it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note the effect's key."""
        if name.lower() == b"idempotency-key":
            self._note(value.decode())

    def on_message_complete(self) -> None:
        """Answer."""
        if self._transport is not None:
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")


async def measure(request: Request, concurrency: int, warm_up: float, seconds: float) -> dict[str, object]:
    """Keep `concurrency` requests under way; count those that end in the measured time."""
    loop = asyncio.get_running_loop()
    start = loop.time() + warm_up
    end = start + seconds
    latencies: list[float] = []
    total = 0

    async def one_after_the_other() -> None:
        nonlocal total
        while loop.time() < end:
            latency = await request()
            total += 1
            if start <= loop.time() < end:
                latencies.append(latency * 1000)

    await asyncio.gather(*(one_after_the_other() for _ in range(concurrency)))
    return {"rate": len(latencies) / seconds, "latencies": latencies, "total": total}


async def run(options: argparse.Namespace, tokens: dict[str, str]) -> dict[str, object]:
    """Run one scenario."""
    if options.scenario in ("empty", "one_activity", "update"):
        client = await connect(options.temporal, "default")
        kinds: dict[str, Request] = {
            "empty": lambda: workflow_request(client, Empty),
            "one_activity": lambda: workflow_request(client, OneActivity),
            "update": lambda: update_request(client),
        }
        return await measure(kinds[options.scenario], options.concurrency, options.warm_up, options.seconds)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        load = RemitLoad(options.api, tokens, session)
        loop = asyncio.get_running_loop()
        outside = await loop.create_server(
            lambda: OutsideSystem(load.effect), "127.0.0.1", options.crm_port, reuse_port=True
        )
        scenario: Request = load.low_tier if options.scenario == "low_tier" else load.vote_to_effect
        found = await measure(scenario, options.concurrency, options.warm_up, options.seconds)
        outside.close()
        return found


def main() -> None:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", choices=["empty", "one_activity", "update", "low_tier", "vote_to_effect"])
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--temporal", default="")
    parser.add_argument("--api", default="")
    parser.add_argument("--crm-port", type=int, default=0)
    parser.add_argument("--tokens", default="")
    options = parser.parse_args()
    tokens = json.loads(Path(options.tokens).read_text())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(options, tokens))), flush=True)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
