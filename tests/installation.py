"""A whole installation on loopback, for tests: real PostgreSQL and Temporal, worker and API in this process."""

import asyncio
import contextlib
import dataclasses
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import uvicorn
from aiohttp import web
from pydantic import SecretStr

from adapters.database.administration import activate_bundle, create_token
from adapters.database.connection import open_pool
from adapters.database.holds import Holds
from adapters.database.ledger import Sequencer
from adapters.database.migrate import migrate
from adapters.database.tokens import TokenKind
from api.app import create_app
from domain.catalog import Bundle
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from local.temporal import TemporalServer
from settings import Settings
from tests.bundles import bundle
from worker import sequence, tell_of_holds, working
from workflows.client import ActionWorkflows, connect


@dataclasses.dataclass(frozen=True)
class Effect:
    """A request the outside system got."""

    method: str
    path: str
    key: str
    body: Any


class OutsideSystem:
    """A CRM that records what it is asked to do, and answers as it is told to."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.answers: list[int] = []
        self.url = ""

    def of(self, action_id: str) -> list[Effect]:
        """Return the requests of one action."""
        return [effect for effect in self.effects if effect.key == action_id]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["OutsideSystem"]:
        """Serve on a free port."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}"
        yield self
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        status = self.answers.pop(0) if self.answers else 200
        key = request.headers.get("Idempotency-Key", "")
        self.effects.append(Effect(request.method, request.raw_path, key, await request.json()))
        return web.json_response({"done": status < 400}, status=status)


@dataclasses.dataclass
class Installation:
    """Everything a test needs to use Remit as its callers do."""

    settings: Settings
    postgres: EmbeddedPostgres
    database: str
    temporal: TemporalServer
    crm: OutsideSystem
    tokens: dict[str, str]
    http: httpx.AsyncClient

    def client(self, who: str) -> dict[str, str]:
        """Return the headers of a caller: an agent's or person's id, or `admin`."""
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    async def submit(
        self,
        arguments: dict[str, Any],
        *,
        wait: float = 0,
        key: str | None = None,
        agent: str = "clerk",
        **changes: Any,
    ) -> httpx.Response:
        """Submit an action as an agent; by default a note in the support use case."""
        body = {"use_case": "support", "action_type": "note.add", "arguments": arguments, **changes}
        headers = {**self.client(agent), "Idempotency-Key": key or secrets.token_hex(8)}
        return await self.http.post("/v1/actions", json=body, headers=headers, params={"wait": wait})

    async def refund(self, amount: int = 5000, **changes: Any) -> dict[str, Any]:
        """Submit a refund and return it once somebody is asked about it."""
        arguments = {"customer": "c-1", "amount_minor": amount}
        answer = await self.submit(arguments, action_type="refund.create", **changes)
        assert answer.status_code == 202, answer.text
        return await self.until(answer.json()["id"], "pending_approval")

    async def vote(
        self, action: dict[str, Any], who: str, decision: str = "approve", reason: str = ""
    ) -> httpx.Response:
        """Vote over the API on the revision that `action` shows."""
        body = {"decision": decision, "revision": action["revision"]["digest"], "reason": reason}
        return await self.http.post(f"/v1/actions/{action['id']}/votes", json=body, headers=self.client(who))

    async def get(self, action_id: str, who: str = "admin", wait: float = 0) -> dict[str, Any]:
        """Return an action."""
        answer = await self.http.get(f"/v1/actions/{action_id}", headers=self.client(who), params={"wait": wait})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until(self, action_id: str, *states: str, seconds: float = 20) -> dict[str, Any]:
        """Return an action as soon as it is in one of `states`."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.get(action_id)
                if found["state"] in states:
                    return found
                await asyncio.sleep(0.05)

    async def fetchval(self, statement: str, *parameters: Any) -> Any:
        """Return a value from the database."""
        connection = await asyncpg.connect(self.postgres.url("remit_app", self.database))
        try:
            return await connection.fetchval(statement, *parameters)
        finally:
            await connection.close()

    async def lift_holds(self) -> None:
        """Lift every hold that is on."""
        on = await self.http.get("/v1/holds", params={"active": True, "limit": 200}, headers=self.client("admin"))
        for hold in on.json()["items"]:
            path = f"/v1/holds/{hold['id']}/release"
            lifted = await self.http.post(path, json={"reason": "the test is over"}, headers=self.client("admin"))
            assert lifted.status_code == 200, lifted.text

    async def entries(self, action_id: str) -> list[dict[str, Any]]:
        """Return the ledger entries of an action."""
        answer = await self.http.get(f"/v1/actions/{action_id}/ledger", headers=self.client("admin"))
        assert answer.status_code == 200, answer.text
        return [item["entry"] for item in answer.json()["items"]]


async def prepare_database(postgres: EmbeddedPostgres, name: str, wanted: Bundle) -> dict[str, str]:
    """Make a fresh database with a schema, an active bundle and a token for everybody; return the tokens."""
    await postgres.create_database(name)
    owner = SecretStr(postgres.url("remit_owner", name))
    await migrate(owner)
    pool = await open_pool(owner, 2)
    await activate_bundle(pool, wanted, "tests")
    subjects = [(TokenKind.AGENT, agent.id) for agent in wanted.agents]
    subjects += [(TokenKind.REVIEWER, person.id) for person in wanted.people]
    subjects.append((TokenKind.ADMIN, "admin"))
    tokens = {subject: await create_token(pool, kind, subject, "tests") for kind, subject in subjects}
    await pool.close()
    return tokens


def settings_for(
    postgres: EmbeddedPostgres, name: str, temporal: TemporalServer, crm: OutsideSystem, **more: Any
) -> Settings:
    """Return the settings of an installation on this database."""
    port = free_port()
    return Settings(
        _env_file=None,
        database_url=SecretStr(postgres.url("remit_app", name)),
        ledger_database_url=SecretStr(postgres.url("remit_sequencer", name)),
        owner_database_url=SecretStr(postgres.url("remit_owner", name)),
        temporal_address=temporal.address,
        task_queue=f"remit-{name}",
        api_port=port,
        public_url=f"http://127.0.0.1:{port}",
        systems={"crm": {"url": crm.url}},
        policy_refresh_seconds=0.2,
        **more,
    )


@contextlib.asynccontextmanager
async def running_worker(settings: Settings) -> AsyncIterator[None]:
    """Run a worker, a sequencer and who tells of holds in this process."""
    pool = await open_pool(settings.database_url, 5)
    chain_url = settings.ledger_database_url
    assert chain_url is not None
    chain = await open_pool(chain_url, 2)
    client = await connect(settings.temporal_address, settings.temporal_namespace)
    telling = tell_of_holds(Holds(pool), ActionWorkflows(client, settings.task_queue))
    duties = [asyncio.create_task(duty) for duty in (sequence(Sequencer(chain)), telling)]
    try:
        async with working(client, pool, settings):
            yield
    finally:
        for duty in duties:
            duty.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await duty
        await chain.close()
        await pool.close()


@contextlib.asynccontextmanager
async def running_api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the API on its port, and yield a client for it."""
    config = uvicorn.Config(
        create_app(settings), port=settings.api_port, log_config=None, access_log=False, lifespan="on"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            serving.result()
            raise RuntimeError("the API did not start")
        await asyncio.sleep(0.01)
    # The server closes connections that were idle for 5 s: the client must not use one in that moment.
    limits = httpx.Limits(keepalive_expiry=2)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{settings.api_port}", timeout=70, trust_env=False, limits=limits
    ) as client:
        yield client
    server.should_exit = True
    await serving


@contextlib.asynccontextmanager
async def installed(
    postgres: EmbeddedPostgres, temporal: TemporalServer, name: str, wanted: Bundle | None = None, **more: Any
) -> AsyncIterator[Installation]:
    """Run a whole installation on a fresh database."""
    tokens = await prepare_database(postgres, name, wanted or bundle())
    async with OutsideSystem().running() as crm:
        settings = settings_for(postgres, name, temporal, crm, **more)
        async with running_worker(settings), running_api(settings) as http:
            yield Installation(settings, postgres, name, temporal, crm, tokens, http)
