"""Sign-ins that people have begun at the sign-in provider and not finished. Each can be finished once."""

from datetime import datetime

import asyncpg
from pydantic import BaseModel

from adapters.database.connection import database_errors
from adapters.database.tokens import hashed


class SignIn(BaseModel):
    """What has to fit when the provider sends the person back, and where they wanted to go.

    `nonce` stands in the ID token, `verifier` proves to the provider who began this. `fresh` asks for a new sign-in.
    """

    nonce: str
    verifier: str
    wanted: str
    fresh: bool


class SignIns:
    """The store of sign-ins under way. `browser` and `state` are secrets, of which only the hash is stored."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def begin(self, browser: str, state: str, sign_in: SignIn, now: datetime, expires_at: datetime) -> None:
        """Keep a sign-in until it is finished or too old; those that are too old go."""
        with database_errors():
            await self._pool.execute("DELETE FROM oidc_sign_in WHERE expires_at < $1", now)
            await self._pool.execute(
                """INSERT INTO oidc_sign_in (state_hash, browser_hash, nonce, verifier, wanted, fresh, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)""",
                hashed(state),
                hashed(browser),
                sign_in.nonce,
                sign_in.verifier,
                sign_in.wanted,
                sign_in.fresh,
                expires_at,
            )

    async def finish(self, browser: str, state: str, now: datetime) -> SignIn | None:
        """Take a sign-in out; None when this browser began none of that state, or it was finished, or is too old."""
        with database_errors():
            row = await self._pool.fetchrow(
                """DELETE FROM oidc_sign_in WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3
                   RETURNING nonce, verifier, wanted, fresh""",
                hashed(state),
                hashed(browser),
                now,
            )
        return SignIn.model_validate(dict(row)) if row else None
