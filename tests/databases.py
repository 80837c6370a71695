"""Fresh databases on the shared PostgreSQL, for tests of what stands on it."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from pydantic import SecretStr

from adapters.database.connection import open_pool
from adapters.database.ledger import Sequencer, Verification, verify
from adapters.database.migrate import migrate
from domain.action import Action, Context, Submission
from domain.canonical import digest, revision_bytes
from domain.ledger import Actor, ActorKind, Entry, EntryKind, Head, Secret, entry
from domain.policy import Judgement
from local.postgres import EmbeddedPostgres
from tests.bundles import FACTS, policy

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = policy()
SILENT = Context()


@dataclass(frozen=True)
class Database:
    """One database with the schema of today and nothing in it."""

    postgres: EmbeddedPostgres
    name: str

    def url(self, role: str) -> str:
        """Return the URL for a role: `remit_app`, `remit_owner`, `remit_sequencer`, or the superuser `postgres`."""
        return self.postgres.url(role, self.name)

    @contextlib.asynccontextmanager
    async def pool(self, role: str = "remit_app", size: int = 4) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
        """Open a pool as a role."""
        pool = await open_pool(SecretStr(self.url(role)), size)
        try:
            yield pool
        finally:
            await pool.close()

    @contextlib.asynccontextmanager
    async def connection(self, role: str) -> AsyncIterator[Any]:
        """Open a connection as a role."""
        connection = await asyncpg.connect(self.url(role))
        try:
            yield connection
        finally:
            await connection.close()

    async def tamper(self, *statements: str) -> None:
        """Do as an attacker with the superuser's rights does: no trigger fires."""
        async with self.connection("postgres") as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)

    async def sequence(self) -> int:
        """Chain everything that waits and return how many entries that was."""
        done = 0
        async with self.pool("remit_sequencer", 2) as pool:
            sequencer = Sequencer(pool)
            while chained := await sequencer.run_once():
                done += chained
        return done

    async def verify(self, known: Head | None = None) -> Verification:
        """Check the ledger as the application's role can."""
        async with self.connection("remit_app") as connection:
            return await verify(connection, known)


async def fresh_database(postgres: EmbeddedPostgres) -> Database:
    """Make a database of its own for a test."""
    name = f"test_{secrets.token_hex(6)}"
    await postgres.create_database(name)
    database = Database(postgres, name)
    await migrate(SecretStr(database.url("remit_owner")))
    return database


def written(number: int, action: str = "a", *, kept: dict[str, str] | None = None, at: datetime = NOW) -> Entry:
    """Return an entry; `kept` are texts beside it that can be erased."""
    return entry(
        f"{action}/{number}",
        EntryKind.VOTE_ACCEPTED,
        at + timedelta(seconds=number),
        Actor(kind=ActorKind.PERSON, id="ann", door="api"),
        {"number": number},
        action=action,
        secrets=[
            Secret(name=name, salt=secrets.token_bytes(32), content=text.encode())
            for name, text in (kept or {}).items()
        ],
    )


def refund(amount: int = 5000, context: Context = SILENT) -> tuple[Action, Judgement]:
    """Return a new action with its judgement: 5000 is asked about."""
    arguments = {"customer": "c-1", "amount_minor": amount}
    return _judged("refund.create", arguments, context)


def note(text: str = "called back", context: Context = SILENT) -> tuple[Action, Judgement]:
    """Return a new action with its judgement: it is executed without asking."""
    return _judged("note.add", {"customer": "c-7", "text": text}, context)


def _judged(action_type: str, arguments: dict[str, Any], context: Context) -> tuple[Action, Judgement]:
    data = revision_bytes(arguments)
    action = Action(
        id=secrets.token_hex(16),
        agent="clerk",
        use_case="support",
        action_type=action_type,
        digest=digest(data),
        arguments_bytes=data,
        context=context,
        created_at=NOW,
    )
    submission = Submission(use_case="support", action_type=action_type, arguments=arguments, context=context)
    admitted = POLICY.admit("clerk", submission)
    return action, POLICY.judge(admitted, arguments, context, FACTS)
