"""Brings the schema up to date."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from pydantic import SecretStr

from adapters.database.connection import database_errors

URL_ATTRIBUTE = "remit_url"


async def migrate(owner_url: SecretStr) -> None:
    """Apply every migration that is missing, as the owner of the schema. Running it twice changes nothing."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes[URL_ATTRIBUTE] = owner_url.get_secret_value().replace("postgresql://", "postgresql+asyncpg://", 1)
    with database_errors():
        # Alembic's environment runs an event loop of its own, so it needs a thread without one.
        await asyncio.to_thread(command.upgrade, config, "head")
