"""The servers that tests share: started once, on loopback, in a home of their own."""

import gc
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.installation import Installation, installed


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    """A folder that PostgreSQL's system user can reach too."""
    folder = Path(tempfile.mkdtemp(prefix="remit-tests-"))
    folder.chmod(0o755)
    yield folder
    gc.collect()  # Temporal's clients let go of their threads before the interpreter ends
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def shared_postgres(servers_home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL server for the whole session."""
    server = EmbeddedPostgres(servers_home / "postgres")
    await server.start()
    yield server
    await server.remove()


@pytest.fixture(scope="session")
async def shared_temporal(servers_home: Path) -> AsyncIterator[TemporalServer]:
    """A Temporal dev server for the whole session."""
    server = TemporalServer(servers_home, headless=True)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    """A whole installation, used as its callers use it."""
    async with installed(shared_postgres, shared_temporal, "session") as installation:
        yield installation
