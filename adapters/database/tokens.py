"""Bearer tokens, one-time sign-in links and review sessions. Only SHA-256 hashes of them are stored.

A fast hash is right here: the secrets are 256 random bits of ours, which cannot be guessed from a hash, unlike
passwords. Looking a hash up by equality tells an attacker nothing about the secret behind another hash.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import asyncpg
from pydantic import BaseModel

from adapters.database.connection import database_errors
from adapters.database.ledger import ENTRY_INSERTS, entry_parameters
from domain.ledger import Entry


class TokenKind(StrEnum):
    """What a token lets its holder be."""

    AGENT = "agent"
    REVIEWER = "reviewer"
    ADMIN = "admin"


class Caller(BaseModel):
    """Who a token belongs to: an agent id, a person id, or the name of an admin."""

    kind: TokenKind
    subject: str
    token_id: str


class IssuedToken(Caller):
    """A token in force, as an operator sees it."""

    created_at: datetime


class Session(BaseModel):
    """A signed-in reviewer on the page. `form_token` guards the page's forms against forged posts.

    `stepped_up_at` is when the sign-in provider asked them to sign in anew; None when it was not asked to.
    """

    person: str
    form_token: str
    stepped_up_at: datetime | None = None


REMEMBERED_SECONDS = 1.0
REMEMBERED_TOKENS = 1000

_CREATE = f"""
WITH changed AS (
    INSERT INTO token (id, kind, subject, secret_hash, created_at) VALUES ($10, $11, $12, $13, $14) RETURNING id
), {ENTRY_INSERTS}
SELECT id FROM changed"""
_REVOKE = f"""
WITH changed AS (
    UPDATE token SET revoked_at = $11 WHERE id = $10 AND revoked_at IS NULL RETURNING id, kind, subject
), closed AS (
    DELETE FROM review_session USING changed WHERE changed.kind = 'reviewer' AND person = changed.subject
), {ENTRY_INSERTS}
SELECT id FROM changed"""


def new_secret(kind: str) -> str:
    """Return a new secret of 256 random bits, with a prefix that secret scanners can look for."""
    return f"remit_{kind}_{secrets.token_urlsafe(32)}"


def hashed(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


class Tokens:
    """The store of bearer tokens."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def caller(self, secret: str) -> Caller | None:
        """Return whose token this is; None for one that is unknown or revoked."""
        with database_errors():
            row = await self._pool.fetchrow(
                "SELECT id AS token_id, kind, subject FROM token WHERE secret_hash = $1 AND revoked_at IS NULL",
                hashed(secret),
            )
        return Caller.model_validate(dict(row)) if row else None

    async def in_force(self) -> list[IssuedToken]:
        """Return every token that is not revoked, oldest first."""
        with database_errors():
            rows = await self._pool.fetch(
                """SELECT id AS token_id, kind, subject, created_at
                   FROM token WHERE revoked_at IS NULL ORDER BY created_at"""
            )
        return [IssuedToken.model_validate(dict(row)) for row in rows]

    async def create(self, token_id: str, kind: TokenKind, subject: str, at: datetime, entry: Entry) -> str:
        """Make a token, with its ledger entry, and return its secret: the only time it can be seen."""
        secret = new_secret(kind.value)
        with database_errors():
            await self._pool.execute(
                _CREATE, *entry_parameters([entry]), token_id, kind.value, subject, hashed(secret), at
            )
        return secret

    async def revoke(self, token_id: str, at: datetime, entry: Entry) -> bool:
        """Revoke a token and end its person's sessions, at once. False when there is no such token in force."""
        with database_errors():
            return await self._pool.fetchval(_REVOKE, *entry_parameters([entry]), token_id, at) is not None


class RecentCallers:
    """Whose token a token is, remembered for a second: agents send many requests, and revoking may take that long."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def find(self, secret: str) -> Caller | None:
        """Return whose token this is; None for one that is unknown or was revoked more than a second ago."""
        name, now = hashed(secret), self._clock()
        until, known = self._known.get(name, (now, None))
        if known is not None and now < until:
            return known
        found = await self._tokens.caller(secret)
        if len(self._known) >= REMEMBERED_TOKENS:
            self._known.clear()
        self._known.pop(name, None)
        if found is not None:
            self._known[name] = (now + REMEMBERED_SECONDS, found)
        return found


class Sessions:
    """The store of one-time sign-in links and of the sessions they open."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def create_link(self, person: str, expires_at: datetime) -> str:
        """Make a one-time link for a person and return its secret."""
        secret = new_secret("link")
        with database_errors():
            await self._pool.execute(
                "INSERT INTO review_link (secret_hash, person, expires_at) VALUES ($1, $2, $3)",
                hashed(secret),
                person,
                expires_at,
            )
        return secret

    async def use_link(self, secret: str, now: datetime) -> str | None:
        """Use a link up and return its person; None when it is unknown, used or too old."""
        with database_errors():
            person: str | None = await self._pool.fetchval(
                """UPDATE review_link SET used_at = $2
                   WHERE secret_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING person""",
                hashed(secret),
                now,
            )
        return person

    async def open(
        self, person: str, now: datetime, expires_at: datetime, stepped_up_at: datetime | None = None
    ) -> str:
        """Open a session for a person and return its secret, for the cookie."""
        secret = new_secret("session")
        with database_errors():
            await self._pool.execute("DELETE FROM review_session WHERE expires_at < $1", now)
            await self._pool.execute("DELETE FROM review_link WHERE expires_at < $1", now)
            await self._pool.execute(
                """INSERT INTO review_session (secret_hash, person, form_token, expires_at, stepped_up_at)
                   VALUES ($1, $2, $3, $4, $5)""",
                hashed(secret),
                person,
                secrets.token_urlsafe(24),
                expires_at,
                stepped_up_at,
            )
        return secret

    async def find(self, secret: str, now: datetime) -> Session | None:
        """Return the session behind a cookie; None when it is unknown or over."""
        with database_errors():
            row = await self._pool.fetchrow(
                """SELECT person, form_token, stepped_up_at FROM review_session
                   WHERE secret_hash = $1 AND expires_at > $2""",
                hashed(secret),
                now,
            )
        return Session.model_validate(dict(row)) if row else None

    async def close(self, secret: str) -> None:
        """End a session."""
        with database_errors():
            await self._pool.execute("DELETE FROM review_session WHERE secret_hash = $1", hashed(secret))
