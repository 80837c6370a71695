"""The servers that tests share: started once, on loopback, in a home of their own; and how laws are tried out."""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.installation import Installation, installed

# `make test` tries the same examples everywhere, so that it says the same of the same code; `make soak` explores.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("exploring", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


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
