import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from local.postgres import EmbeddedPostgres


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that, unlike `tmp_path`, the system user of PostgreSQL can reach, with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="remit-"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
async def at_end(home: Path) -> AsyncIterator[AsyncExitStack]:
    """Where a test puts how to stop what it started, so that it is stopped when the test fails, too."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def postgres(home: Path, at_end: AsyncExitStack) -> EmbeddedPostgres:
    server = EmbeddedPostgres(home / "postgres")
    at_end.push_async_callback(server.remove)
    await server.start()
    return server
