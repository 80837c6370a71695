"""The command line as tests use it: as processes, or in this one, which is faster."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from typer.testing import CliRunner

from cli import app
from tests.bundles import DOCUMENT
from tests.databases import Database

ROOT = Path(__file__).parents[1]
WIDTH = "240"  # so that no message is wrapped


@dataclass(frozen=True)
class Done:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """Runs commands with the settings of one database."""

    database: Database
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the commands, and none of this machine's."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("REMIT_")},
            "COLUMNS": WIDTH,
            "REMIT_HOME": str(self.home),
            "REMIT_DATABASE_URL": self.database.url("remit_app"),
            "REMIT_LEDGER_DATABASE_URL": self.database.url("remit_sequencer"),
            "REMIT_OWNER_DATABASE_URL": self.database.url("remit_owner"),
            "REMIT_PUBLIC_URL": "https://remit.test.example/",
        }

    async def run(self, *arguments: str, **changes: str | None) -> Done:
        """Run `remit` with arguments in this process; `changes` are settings to replace, or to take away."""
        unset = dict.fromkeys((name for name in os.environ if name.startswith("REMIT_")), None)
        # In a thread, because each command runs an event loop of its own.
        result = await asyncio.to_thread(
            CliRunner().invoke, app, arguments, env={**unset, **self.environment, **changes}
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    async def spawn(self, *arguments: str, **changes: str | None) -> Done:
        """Run `remit` as a process."""
        environment = {**self.environment, **changes}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "cli", *arguments),
            cwd=ROOT,
            env={name: value for name, value in environment.items() if value is not None},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return Done(process.returncode or 0, out.decode(), err.decode())


def bundle_folder(folder: Path, **changes: object) -> str:
    """Write the small company's bundle to a folder."""
    folder.mkdir()
    (folder / "bundle.yaml").write_text(yaml.safe_dump({**DOCUMENT, **changes}))
    return str(folder)
