"""Connections to PostgreSQL."""

import contextlib
from collections.abc import Iterator

import asyncpg
from pydantic import SecretStr

from domain.errors import DatabaseUnavailable

LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""What asyncpg raises when the server is away, restarting or full."""


async def open_pool(url: SecretStr, size: int) -> "asyncpg.Pool[asyncpg.Record]":
    """Open a pool of at most `size` connections. Raises DatabaseUnavailable when PostgreSQL does not answer."""
    with database_errors():
        return await asyncpg.create_pool(
            url.get_secret_value(),
            min_size=min(2, size),
            max_size=size,
            command_timeout=15,
            timeout=10,
            reset=_nothing_to_reset,
        )


async def _nothing_to_reset(_connection: object) -> None:
    """Spare the round trip that cleans a session: statements here leave no settings, locks, cursors or listeners."""


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Turn a lost database into DatabaseUnavailable; anything else is a bug and goes up as it is."""
    try:
        yield
    except LOST as problem:
        raise DatabaseUnavailable(f"the database does not answer ({type(problem).__name__}); try again") from problem
