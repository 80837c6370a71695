"""What was shown where: one row for each place that shows an action, so that it can be brought up to date."""

import asyncpg
from pydantic import BaseModel

from adapters.database.connection import database_errors


class Notice(BaseModel):
    """One place that shows an action: `reference` is the place's own name for it (a Slack time stamp)."""

    target: str
    reference: str
    shown: str


class Notices:
    """The store of notices."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def of_action(self, action_id: str, notifier: str) -> list[Notice]:
        """Return where a notifier shows an action."""
        with database_errors():
            rows = await self._pool.fetch(
                "SELECT target, reference, shown FROM notice WHERE action = $1 AND notifier = $2 ORDER BY target",
                action_id,
                notifier,
            )
        return [Notice.model_validate(dict(row)) for row in rows]

    async def put(self, action_id: str, notifier: str, notice: Notice) -> None:
        """Note where an action is shown and what is shown there."""
        with database_errors():
            await self._pool.execute(
                """INSERT INTO notice (action, notifier, target, reference, shown) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (action, notifier, target) DO UPDATE SET reference = $4, shown = $5""",
                action_id,
                notifier,
                notice.target,
                notice.reference,
                notice.shown,
            )
