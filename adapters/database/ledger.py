"""The ledger in PostgreSQL: writing entries beside a state change, chaining them, checking them.

Entries are written by the statement that changes the state (`ENTRY_INSERTS`), so that neither exists without
the other. The sequencer alone, under its own role, appends to the chain.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from pydantic import BaseModel, ValidationError

from adapters.database.connection import database_errors
from domain.errors import LedgerBroken
from domain.ledger import EMPTY, Entry, Head, Link, Secret, check_link, extend

# Parameters $1 to $9 of every statement that ends in these inserts are `entry_parameters(entries)`.
ENTRY_INSERTS = """
written AS (
    INSERT INTO ledger_entry (key, kind, action, at, body)
    SELECT key, kind, action, at, body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[]) AS e(key, kind, action, at, body)
    WHERE EXISTS (SELECT 1 FROM changed)
    ON CONFLICT (key) DO NOTHING
    RETURNING key
), kept AS (
    INSERT INTO ledger_secret (entry_key, name, salt, content)
    SELECT entry_key, name, salt, content
    FROM unnest($6::text[], $7::text[], $8::bytea[], $9::bytea[]) AS s(entry_key, name, salt, content)
    WHERE entry_key IN (SELECT key FROM written)
)
"""

BATCH = 2000
_LOCK = 0x52656D6974  # "Remit": one sequencer at a time, whoever holds this advisory lock


def entry_parameters(entries: Sequence[Entry]) -> tuple[Any, ...]:
    """Return the nine arrays that `ENTRY_INSERTS` takes."""
    secrets = [(entry.key, secret) for entry in entries for secret in entry.secrets]
    return (
        [entry.key for entry in entries],
        [entry.kind.value for entry in entries],
        [entry.action for entry in entries],
        [entry.at for entry in entries],
        [entry.body for entry in entries],
        [key for key, _ in secrets],
        [secret.name for _, secret in secrets],
        [secret.salt for _, secret in secrets],
        [secret.content for _, secret in secrets],
    )


class StoredEntry(BaseModel):
    """An entry as a reader gets it: its bytes, and its place in the chain once it has one."""

    number: int | None
    body: bytes
    chain_hash: bytes | None


class Ledger:
    """Adds entries that go with no state change, and reads."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def append(self, entries: Sequence[Entry]) -> None:
        """Write entries on their own: a refusal, a token, an activation."""
        with database_errors():
            await self._pool.execute(
                f"WITH changed AS (SELECT 1), {ENTRY_INSERTS} SELECT 1", *entry_parameters(entries)
            )

    async def of_action(self, action_id: str) -> list[StoredEntry]:
        """Return the entries of one action in the order they were written."""
        statement = """
            SELECT c.number, e.body, c.chain_hash
            FROM ledger_entry e LEFT JOIN ledger_chain c ON c.entry_id = e.id
            WHERE e.action = $1 ORDER BY e.at, e.id LIMIT 1000"""
        with database_errors():
            rows = await self._pool.fetch(statement, action_id)
        return [StoredEntry.model_validate(dict(row)) for row in rows]


class Sequencer:
    """Gives entries their place: the only writer of the chain, one at a time however many are started."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def run_once(self) -> int:
        """Chain what waits, at most one batch, and return how many entries that was."""
        with database_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                    return 0
                waiting = await connection.fetch(
                    """SELECT e.id, e.body FROM ledger_pending p JOIN ledger_entry e ON e.id = p.entry_id
                       ORDER BY e.id LIMIT $1""",
                    BATCH,
                )
                if not waiting:
                    return 0
                head = await read_head(connection)
                links = list(extend(head, (row["body"] for row in waiting)))
                ids = [row["id"] for row in waiting]
                await connection.copy_records_to_table(
                    "ledger_chain",
                    records=[
                        (after.size, entry_id, hashed, after.hash)
                        for entry_id, (after, hashed) in zip(ids, links, strict=True)
                    ],
                )
                await connection.execute("DELETE FROM ledger_pending WHERE entry_id = ANY($1::bigint[])", ids)
                return len(ids)


class Verification(BaseModel):
    """What a check of the whole ledger found."""

    head: Head
    waiting: int
    erased: int


async def read_head(connection: Any) -> Head:
    """Return where the chain ends."""
    row = await connection.fetchrow("SELECT number, chain_hash FROM ledger_chain ORDER BY number DESC LIMIT 1")
    return Head(size=row["number"], hash=row["chain_hash"]) if row else EMPTY


async def verify(connection: "asyncpg.Connection[asyncpg.Record]", known: Head | None = None) -> Verification:
    """Check every entry and every link, and that the chain still contains `known`, a head noted down earlier.

    Raises LedgerBroken naming the first entry that is missing, changed or out of place. Without a head kept
    elsewhere, entries cut off the very end, with their links, cannot be missed.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head = EMPTY
        async for link, columns in _links(connection):
            head = check_link(head, link)
            _check_columns(link, columns)
            if known is not None and head.size == known.size and head.hash != known.hash:
                raise LedgerBroken(f"entry {link.number} ({link.key}) differs from the head noted earlier: {known}")
        if known is not None and head.size < known.size:
            raise LedgerBroken(f"the chain ends at {head.size}, before the head noted earlier: {known}")
        await _check_none_left_out(connection)
        waiting = await connection.fetchval("SELECT count(*) FROM ledger_pending")
        erased = await _check_secrets(connection)
    return Verification(head=head, waiting=waiting, erased=erased)


async def _links(connection: Any) -> AsyncIterator[tuple[Link, dict[str, Any]]]:
    statement = """
        SELECT c.number, c.entry_hash, c.chain_hash, e.key, e.body, e.kind, e.action, e.at
        FROM ledger_chain c LEFT JOIN ledger_entry e ON e.id = c.entry_id ORDER BY c.number"""
    async for row in connection.cursor(statement, prefetch=1000):
        link = Link(
            number=row["number"],
            key=row["key"] or "deleted",
            body=row["body"],
            entry_hash=row["entry_hash"],
            chain_hash=row["chain_hash"],
        )
        yield link, dict(row)


class _Body(BaseModel):
    key: str
    kind: str
    action: str | None
    at: datetime
    commitments: dict[str, str] = {}


def _body(where: str, data: bytes) -> _Body:
    try:
        return _Body.model_validate_json(data)
    except ValidationError as problem:
        raise LedgerBroken(f"entry {where} does not hold what an entry holds") from problem


def _check_columns(link: Link, columns: dict[str, Any]) -> None:
    """The columns that queries use must say what the hashed bytes say."""
    body = _body(f"{link.number} ({link.key})", link.body or b"")
    if (body.key, body.kind, body.action, body.at) != tuple(columns[name] for name in ("key", "kind", "action", "at")):
        raise LedgerBroken(f"entry {link.number} ({link.key}) has columns that differ from its bytes")


async def _check_none_left_out(connection: Any) -> None:
    key = await connection.fetchval(
        """SELECT e.key FROM ledger_entry e
           LEFT JOIN ledger_chain c ON c.entry_id = e.id LEFT JOIN ledger_pending p ON p.entry_id = e.id
           WHERE c.number IS NULL AND p.entry_id IS NULL ORDER BY e.id LIMIT 1"""
    )
    if key is not None:
        raise LedgerBroken(f"entry {key} is neither in the chain nor waiting for it")


async def _check_secrets(connection: Any) -> int:
    """Check every text that is still there against its commitment; return how many were erased."""
    committed = kept = 0
    last = None
    statement = """
        SELECT coalesce(e.key, s.entry_key) AS key, e.body, s.name, s.salt, s.content
        FROM ledger_entry e FULL JOIN ledger_secret s ON s.entry_key = e.key
        WHERE s.name IS NOT NULL OR position('"commitments"'::bytea IN e.body) > 0 ORDER BY e.id"""
    async for row in connection.cursor(statement, prefetch=500):
        key = row["key"]
        commitments = _body(key, row["body"]).commitments if row["body"] is not None else {}
        committed += len(commitments) if key != last else 0
        last = key
        if row["name"] is None:
            continue
        kept += 1
        secret = Secret(name=row["name"], salt=row["salt"], content=row["content"])
        if commitments.get(secret.name) != secret.commitment:
            raise LedgerBroken(f"entry {key}: the text '{secret.name}' beside it was changed")
    return committed - kept
