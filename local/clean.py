"""`python -m local.clean`: end what an earlier run left running and delete its data."""

import asyncio
import shutil
import sys
from pathlib import Path

from local.postgres import EmbeddedPostgres
from local.processes import StackError, end_leftover
from settings import HOME


async def clean(home: Path) -> None:
    """End every recorded process of the home, and delete the database, wherever it stands."""
    # The servers last, so that what uses them does not see them go first.
    names = sorted(path.stem for path in (home / "run").glob("*.json"))
    for name in sorted(names, key=lambda name: name in ("postgres", "temporal")):
        if name != "postgres" and await end_leftover(home, name):
            print(f"stopped {name}, which an earlier run left running")
    await EmbeddedPostgres(home / "postgres").remove()


def main() -> None:
    """Clean the home that `REMIT_HOME` names."""
    home = HOME.resolve()
    # A slip in REMIT_HOME must not delete somebody's files.
    ours = {"log", "run", "postgres", "temporal.db", "slack.json", "remit.env"}
    if home.exists() and any(home.iterdir()) and not any((home / name).exists() for name in ours):
        sys.exit(f"clean: {home} does not look like Remit's; nothing was deleted")
    try:
        asyncio.run(clean(home))
    except StackError as error:
        sys.exit(f"clean: {error}")
    if home.exists():
        shutil.rmtree(home)
        print(f"removed {home}")


if __name__ == "__main__":
    main()
