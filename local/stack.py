"""Remit itself, as it runs on one machine: PostgreSQL, Temporal, a worker and the API, from one folder.

State lives in the folder and is used again by the next start. What the processes need to know reaches them
through their environment, and other commands through `<home>/remit.env`, readable by the owner only.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import asyncpg
import httpx
from pydantic import BaseModel, SecretStr

from adapters.database.administration import create_token
from adapters.database.connection import open_pool
from adapters.database.migrate import migrate
from adapters.database.tokens import TokenKind, Tokens
from commands.bundles import activate_first
from domain.catalog import Bundle
from domain.errors import Forbidden
from local.postgres import EmbeddedPostgres
from local.processes import Child, end_leftover, free_port, keep_running, wait_until, write_private
from local.temporal import TemporalServer

CHECKOUT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 60.0
_OPERATOR = "local-stack"


class Credentials(BaseModel):
    """The bearer tokens of a local installation. Kept in the home, because the database has only their hashes."""

    agents: dict[str, str] = {}
    reviewers: dict[str, str] = {}
    admin: str = ""


class Stack:
    """One installation in one folder."""

    def __init__(
        self,
        home: Path,
        bundle: Bundle,
        *,
        environment: Mapping[str, str] | None = None,
        api_environment: Mapping[str, str] | None = None,
        headless: bool = False,
        api_port: int | None = None,
        temporal_ui_port: int | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """`environment` adds settings (`REMIT_...`) for worker and API, `api_environment` for the API alone.

        `say` gets a line before each long step.
        """
        self.home = home
        self.bundle = bundle
        self.postgres = EmbeddedPostgres(home / "postgres", say)
        self.temporal = TemporalServer(home, headless=headless, ui_port=temporal_ui_port)
        self.credentials = Credentials()
        self.api_port = api_port or free_port()
        self.worker_metrics_port = free_port()
        self._environment = dict(environment or {})
        self._api_environment = dict(api_environment or {})
        self._say = say
        self._children: dict[str, Child] = {}
        self.keeping: list[asyncio.Task[None]] = []
        """Ends only when a worker or API could not be kept running, with the reason."""

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of worker and API as they run now."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    async def start(self, *, keep: bool = False, on_restart: Callable[[str], None] = lambda name: None) -> None:
        """Start everything and return when actions can be carried.

        With `keep`, a worker or API that dies is started again, and `on_restart` gets its name. Raises
        StackError naming what did not come up.
        """
        for name in ("api", "worker"):
            await end_leftover(self.home, name)
        self._say("starting PostgreSQL")
        await self.postgres.start()
        self._say("starting Temporal")
        await self.temporal.start()
        self._say("bringing the schema up to date and loading the policy")
        await migrate(SecretStr(self.postgres.url("remit_owner")))
        await self._install()
        environment = self._settings()
        write_private(self.home / "remit.env", "".join(f"{name}={value}\n" for name, value in environment.items()))
        self._say("starting worker and API")
        for name, more in (("worker", {}), ("api", self._api_environment)):
            await self._start_child(name, {**environment, **more}, keep, on_restart)
        api = self._children["api"]
        await wait_until(self._ready, _READY_SECONDS, "the API to be ready", child=api)

    async def stop(self) -> None:
        """Stop everything that was started, the servers last."""
        for task in self.keeping:
            task.cancel()
        await asyncio.gather(*self.keeping, return_exceptions=True)
        await asyncio.gather(*(child.stop() for child in self._children.values()))
        await self.temporal.stop()
        await self.postgres.stop()

    async def _start_child(
        self, name: str, environment: Mapping[str, str], keep: bool, on_restart: Callable[[str], None]
    ) -> None:
        child = Child(self.home, name, [sys.executable, "-m", "cli", name], env=environment, cwd=CHECKOUT)
        await child.start()
        self._children[name] = child
        if keep:
            self.keeping.append(asyncio.create_task(keep_running(child, lambda died, code: on_restart(died.name))))

    async def _install(self) -> None:
        """Activate the bundle where it is not active yet, and see that everybody in it has a token that works."""
        pool = await open_pool(SecretStr(self.postgres.url("remit_owner")), 2)
        try:
            await self._activate(pool)
            self.credentials = await self._issue(pool)
        finally:
            await pool.close()
        write_private(self._credentials_file, self.credentials.model_dump_json(indent=2))

    async def _activate(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Load the first policy, when its tests pass. What people approved in an earlier run stays: they change it."""
        try:
            await activate_first(pool, self.bundle, _OPERATOR)
        except Forbidden as problem:
            self._say(f"the policy of an earlier run stays, not version {self.bundle.version} of the files: {problem}")

    async def _issue(self, pool: "asyncpg.Pool[asyncpg.Record]") -> Credentials:
        known = Credentials()
        if self._credentials_file.exists():
            known = Credentials.model_validate_json(self._credentials_file.read_text())

        async def token(kind: TokenKind, subject: str, kept: str) -> str:
            if kept and await Tokens(pool).caller(kept) is not None:
                return kept
            return await create_token(pool, kind, subject, _OPERATOR)

        agents = {a.id: await token(TokenKind.AGENT, a.id, known.agents.get(a.id, "")) for a in self.bundle.agents}
        reviewers = {
            p.id: await token(TokenKind.REVIEWER, p.id, known.reviewers.get(p.id, "")) for p in self.bundle.people
        }
        return Credentials(agents=agents, reviewers=reviewers, admin=await token(TokenKind.ADMIN, "admin", known.admin))

    @property
    def _credentials_file(self) -> Path:
        return self.home / "credentials.json"

    def _settings(self) -> dict[str, str]:
        settings = {
            "REMIT_DATABASE_URL": self.postgres.url("remit_app"),
            "REMIT_LEDGER_DATABASE_URL": self.postgres.url("remit_sequencer"),
            "REMIT_OWNER_DATABASE_URL": self.postgres.url("remit_owner"),
            "REMIT_TEMPORAL_ADDRESS": self.temporal.address,
            "REMIT_API_PORT": str(self.api_port),
            "REMIT_PUBLIC_URL": self.api_url,
            "REMIT_WORKER_METRICS_PORT": str(self.worker_metrics_port),
            "REMIT_LOG_JSON": "false",
        }
        if self.temporal.ui_url is not None:
            settings["REMIT_TEMPORAL_UI_URL"] = self.temporal.ui_url
        return {**settings, **self._environment}

    async def _ready(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
                answer = await http.get(f"{self.api_url}/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200
