"""Runs migrations as the owner of the schema. The database URL comes from the caller, never from a file."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.database.migrate import URL_ATTRIBUTE


def run(connection: Connection) -> None:
    """Apply the migrations in one transaction."""
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


async def migrate() -> None:
    """Open one connection for the migrations and close it again."""
    engine = create_async_engine(context.config.attributes[URL_ATTRIBUTE], poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(migrate())
