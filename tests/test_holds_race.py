"""The kill switch under load: two worker processes with 200 actions in flight, and a hold in the middle of it."""

import asyncio
import collections
import contextlib
import json
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
from aiohttp import web

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from settings import Settings
from tests.bundles import bundle
from tests.installation import OutsideSystem, prepare_database, running_api, settings_for

ROOT = Path(__file__).parents[1]
ACTIONS = 200
SCOPES = [
    {"scope": "everything"},
    {"scope": "agent", "subject": "clerk"},
    {"scope": "use_case", "subject": "support"},
    {"scope": "action_type", "subject": "note.add"},
]


class Arrivals(OutsideSystem):
    """A CRM that notes when each effect arrives, and takes a moment to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[float, str]] = []

    def after(self, moment: float) -> list[str]:
        """Return the actions whose effects arrived after a moment."""
        return [key for at, key in self.seen if at > moment]

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append((asyncio.get_running_loop().time(), request.headers["Idempotency-Key"]))
        await asyncio.sleep(0.02)
        return await super()._answer(request)


@dataclass
class Race:
    """One installation without workers, its CRM, and a look into its database."""

    settings: Settings
    http: httpx.AsyncClient
    tokens: dict[str, str]
    crm: Arrivals
    database: "asyncpg.Connection[asyncpg.Record]"
    home: Path

    def headers(self, who: str, key: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[who]}"} | ({"Idempotency-Key": key} if key else {})

    async def submit(self, key: str) -> None:
        body = {"use_case": "support", "action_type": "note.add", "arguments": {"customer": "c-1", "text": key}}
        answer = await self.http.post("/v1/actions", json=body, headers=self.headers("clerk", key))
        assert answer.status_code == 202, answer.text

    @contextlib.asynccontextmanager
    async def workers(self, number: int) -> AsyncIterator[None]:
        """Run worker processes, and end them as an operator does."""
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "REMIT_HOME": str(self.home),
            "REMIT_DATABASE_URL": self.settings.database_url.get_secret_value(),
            "REMIT_TEMPORAL_ADDRESS": self.settings.temporal_address,
            "REMIT_TASK_QUEUE": self.settings.task_queue,
            "REMIT_SYSTEMS": json.dumps({"crm": {"url": self.crm.url}}),
            "REMIT_LOG_LEVEL": "error",
        }
        processes = [
            await asyncio.create_subprocess_exec(sys.executable, "-m", "worker", cwd=ROOT, env=environment)
            for _ in range(number)
        ]
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):  # it has ended by itself: its code says how
                    process.send_signal(signal.SIGTERM)
            codes = [await process.wait() for process in processes]
        assert codes == [0] * number

    async def count(self, condition: str, *parameters: object) -> int:
        found: int = await self.database.fetchval(f"SELECT count(*) FROM action WHERE {condition}", *parameters)
        return found

    async def until(self, condition: str, wanted: int) -> None:
        async with asyncio.timeout(60):
            while await self.count(condition) != wanted:
                await asyncio.sleep(0.05)

    async def trial(self, number: int) -> None:
        """Place a hold while workers race through the actions; nothing may arrive after it was answered."""
        loop = asyncio.get_running_loop()
        self.crm.seen.clear()
        slots = asyncio.Semaphore(20)

        async def submit(each: int) -> None:
            async with slots:
                await self.submit(f"{number}/{each}")

        await asyncio.gather(*(submit(each) for each in range(ACTIONS)))
        assert await self.count("state = 'assessing'") == ACTIONS
        async with self.workers(2):
            async with asyncio.timeout(60):
                while len(self.crm.seen) < 1 + number * 37 % 120:
                    await asyncio.sleep(0.005)
            wanted = SCOPES[number % len(SCOPES)] | {"reason": f"trial {number}"}
            placed = await self.http.post("/v1/holds", json=wanted, headers=self.headers("admin"))
            answered = loop.time()
            assert placed.status_code == 201, placed.text
            under_way = placed.json()["under_way"]

            await asyncio.sleep(1)  # time enough for hundreds of effects
            begun = {key for _, key in self.crm.seen}
            assert set(self.crm.after(answered)) <= set(under_way), f"trial {number}: effects after the hold"
            assert len(begun) < ACTIONS, f"trial {number}: the hold came when everything had run; it shows nothing"

            body = {"reason": "next trial"}
            path = f"/v1/holds/{placed.json()['id']}/release"
            assert (await self.http.post(path, json=body, headers=self.headers("admin"))).status_code == 200
            await self.until("state = 'succeeded'", ACTIONS * (number + 1))
        times = collections.Counter(key for _, key in self.crm.seen)
        assert (len(times), set(times.values())) == (ACTIONS, {1}), "each ran once in the end"


@pytest.fixture
async def race(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer, tmp_path: Path
) -> AsyncIterator[Race]:
    name = f"race_{secrets.token_hex(6)}"
    tokens = await prepare_database(shared_postgres, name, bundle())
    crm = Arrivals()
    async with crm.running():
        settings = settings_for(shared_postgres, name, shared_temporal, crm)
        database = await asyncpg.connect(shared_postgres.url("remit_app", name))
        async with running_api(settings) as http:
            yield Race(settings, http, tokens, crm, database, tmp_path)
        await database.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "trials", [pytest.param(2, id="two trials"), pytest.param(20, id="20 trials", marks=pytest.mark.soak)]
)
async def test_no_effect_begins_after_placing_has_returned(race: Race, trials: int) -> None:
    for number in range(trials):
        await race.trial(number)
