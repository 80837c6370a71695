"""What a replay reads: judged actions on real PostgreSQL, newest first, a page at a time."""

from datetime import timedelta

import pytest

from adapters.database import actions as store
from adapters.database.actions import Actions
from domain.catalog import Guardrails
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, fresh_database
from tests.payments import action, judged, paying, submit


@pytest.mark.parametrize("page", [2, 3, 500])
async def test_judged_actions_come_newest_first_without_gaps_and_bounded(
    shared_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(store, "_PAGE", page)
    database = await fresh_database(shared_postgres)
    async with database.pool() as pool:
        actions = Actions(pool)
        made = [action(at=NOW + timedelta(minutes=minute // 2)) for minute in range(8)]
        for each in made:
            await submit(actions, each, Guardrails(), paying())
        for each in made[:7]:
            await judged(actions, each)
        since = NOW + timedelta(minutes=1)

        found = [record.action async for record in actions.judged_since(since)]
        some = [record.action.id async for record in actions.judged_since(since, limit=3)]

    wanted = sorted(made[2:7], key=lambda each: (each.created_at, each.id), reverse=True)
    assert [each.id for each in found] == [each.id for each in wanted]
    assert some == [each.id for each in wanted[:3]]
