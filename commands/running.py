"""What every command needs: the settings, a connection, and errors as messages that say what to do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import asyncpg
import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console

from adapters.database.connection import open_pool
from domain.errors import BundleInvalid, LedgerBroken, RemitError
from settings import Settings

T = TypeVar("T")
# Without markup: what is printed holds names from files and from people, and "[draft]" is not a style.
out = Console(highlight=False, soft_wrap=True, markup=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def settings_or_fail() -> Settings:
    """Return the settings; ends the command where they cannot be used."""
    try:
        return Settings()
    except ValidationError as problem:
        # Without the values: a setting may be a secret.
        lines = (f"  REMIT_{'__'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in problem.errors())
        fail("these settings cannot be used:\n" + "\n".join(lines))


def owner_url(settings: Settings) -> SecretStr:
    """Return the URL of the schema's owner; ends the command where it is not set."""
    if settings.owner_database_url is None:
        fail("this needs the owner of the schema: set REMIT_OWNER_DATABASE_URL")
    return settings.owner_database_url


def with_pool(url: SecretStr, work: Callable[["asyncpg.Pool[asyncpg.Record]"], Awaitable[T]]) -> T:
    """Do some work with a few connections, and return what came of it."""

    async def worked() -> T:
        pool = await open_pool(url, 2)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return run(worked())


def run(work: Awaitable[T]) -> T:
    """Await some work, with errors as messages."""

    async def awaited() -> T:
        return await work

    return guarded(lambda: asyncio.run(awaited()))


def guarded(work: Callable[[], T]) -> T:
    """Turn Remit's errors into a message and an exit status."""
    try:
        return work()
    except LedgerBroken as problem:
        fail(f"THE LEDGER IS BROKEN: {problem}")
    except BundleInvalid as problem:
        fail("the bundle is not usable:\n" + "\n".join(f"  {line}" for line in problem.problems))
    except RemitError as problem:
        fail(str(problem))
    except asyncpg.PostgresError as problem:
        fail(f"the database refused: {problem}; is the schema up to date? (remit migrate)")


def fail(message: str) -> NoReturn:
    """End the command with a message and the exit status 1."""
    err.print(message)
    raise typer.Exit(1)
