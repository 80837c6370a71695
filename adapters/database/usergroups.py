"""Members of Slack user groups in PostgreSQL, with when Slack said so. Ages are told by the database's clock alone."""

from collections.abc import Collection, Mapping
from datetime import timedelta

import asyncpg

from adapters.database.connection import database_errors


class Usergroups:
    """The store of memberships. What is older than `max_age` does not count."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", max_age: timedelta) -> None:
        self._pool = pool
        self.max_age = max_age

    async def confirmed(self) -> Mapping[str, Collection[str]]:
        """Return the Slack users of each user group whose members count."""
        return await self.confirmed_within(self.max_age)

    async def confirmed_within(self, age: timedelta) -> Mapping[str, Collection[str]]:
        """Return the Slack users of each user group that Slack confirmed within `age`."""
        statement = "SELECT id, members FROM slack_usergroup WHERE confirmed_at > now() - $1::interval"
        with database_errors():
            rows = await self._pool.fetch(statement, age)
        return {row["id"]: row["members"] for row in rows}

    async def confirm(self, usergroup: str, members: Collection[str]) -> None:
        """Note who belongs to a user group now."""
        with database_errors():
            await self._pool.execute(
                """INSERT INTO slack_usergroup (id, members, confirmed_at) VALUES ($1, $2, now())
                   ON CONFLICT (id) DO UPDATE SET members = $2, confirmed_at = now()""",
                usergroup,
                sorted(members),
            )

    async def keep_only(self, usergroups: Collection[str]) -> None:
        """Forget every other user group: the policy names it no longer, so nobody needs to know who is in it."""
        with database_errors():
            await self._pool.execute("DELETE FROM slack_usergroup WHERE id <> ALL ($1::text[])", list(usergroups))
