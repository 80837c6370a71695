"""The recent past as rules ask for it, on real PostgreSQL: splitting a payment does not help."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.database.actions import Actions
from adapters.database.measures import History
from domain.action import Action, Route
from domain.guardrails import aggregates_of
from domain.roles import Meaning
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, Database, fresh_database
from tests.payments import action, emptied, guardrails, judged, paying, submit


@pytest.fixture(scope="module")
async def made(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def database(made: Database) -> Database:
    return await emptied(made)


@pytest.fixture
async def actions(database: Database) -> AsyncIterator[Actions]:
    async with database.pool(size=8) as pool:
        yield Actions(pool)


@pytest.fixture
async def history(database: Database) -> AsyncIterator[History]:
    async with database.pool(size=2) as pool:
        yield History(pool)


async def test_ten_payments_of_900_are_more_than_5000_however_they_are_split(
    actions: Actions, history: History
) -> None:
    limits = guardrails(
        aggregates=[{"id": "paid", "of": "amount", "per": ["agent", "recipient"], "window": "1d"}],
    )
    seen = []
    for number in range(10):
        new, meaning = action(NOW + timedelta(minutes=number)), paying(900, [" Bob"])
        await submit(actions, new, limits, meaning)
        await judged(actions, new, Route.ASK)  # nobody has decided about any of them
        wanted = aggregates_of(limits, new, meaning)
        seen.append((await history.history(new.id, wanted, new.created_at))["paid"])

    assert seen == [900 * (number + 1) for number in range(10)]
    assert sum(total > 5000 for total in seen) == 5


async def test_payments_at_the_same_time_do_not_miss_each_other(actions: Actions, history: History) -> None:
    """Whatever the order in which they are accepted and judged, each sees all that were accepted before it."""
    limits = guardrails(aggregates=[{"id": "paid", "of": "amount", "per": ["agent"], "window": "1d"}])

    async def seen(new: Action) -> int:
        await submit(actions, new, limits, paying(900))
        return (await history.history(new.id, aggregates_of(limits, new, paying(900)), NOW))["paid"]

    totals = sorted(await asyncio.gather(*(seen(action()) for _ in range(10))))

    assert all(total >= 900 * (number + 1) for number, total in enumerate(totals))


async def test_the_action_itself_counts_even_if_it_waited_longer_than_the_window(
    actions: Actions, history: History
) -> None:
    limits = guardrails(aggregates=[{"id": "paid", "of": "amount", "window": "1h"}])
    new = action()
    await submit(actions, new, limits, paying(5))

    later = await history.history(new.id, aggregates_of(limits, new, paying(5)), NOW + timedelta(days=3))

    assert later == {"paid": 5}


async def test_no_aggregates_are_no_query(history: History) -> None:
    assert await history.history("any", [], NOW) == {}


async def test_sums_beyond_what_the_database_counts_in_stay_there(database: Database, history: History) -> None:
    limits = guardrails(aggregates=[{"id": "paid", "of": "amount", "window": "1h"}])
    new = action()
    await database.tamper(
        """INSERT INTO action_measure SELECT 'a' || n, '', true, '2026-03-02 09:00Z', 'clerk', 'support', 'pay', 1e15,
               'EUR' FROM generate_series(1, 10000) n"""
    )

    total = await history.history(new.id, aggregates_of(limits, new, paying(1)), NOW)

    assert total == {"paid": 9 * 10**18 + 1}


async def test_the_database_adds_up_what_anybody_would(actions: Actions, history: History) -> None:
    """Three hundred questions about sixty actions, answered by the database and by counting on one's fingers."""
    tossed = random.Random(11)  # noqa: S311

    def one_of(*names: str) -> str:
        return tossed.choice(names)

    def who() -> dict[str, Any]:
        return {"agent": one_of("a", "b"), "use_case": one_of("u", "v"), "action_type": one_of("p", "q")}

    def meant() -> Meaning:
        to = tossed.sample(["x", "y", "z"], tossed.randrange(3))
        return paying(tossed.randrange(100), to, one_of("EUR", "USD", ""))

    done = [(action(NOW - timedelta(minutes=tossed.randrange(120)), **who()), meant()) for _ in range(60)]
    for new, meaning in done:
        await submit(actions, new, guardrails(), meaning)

    for _ in range(300):
        asked = {
            "id": "n",
            "of": one_of("count", "amount"),
            "per": tossed.sample(["agent", "use_case", "action_type", "recipient"], tossed.randrange(5)),
            "window": one_of("10m", "1h", "2h"),
            "actions": {
                "agents": tossed.sample(["a", "b"], tossed.randrange(3)),
                "action_types": ["p"][: one_of("", "1") > ""],
            },
        }
        limits = guardrails(aggregates=[asked])
        at_hand, meaning = action(**who()), meant()
        answer = await history.history("another", aggregates_of(limits, at_hand, meaning), NOW)
        assert answer == {"n": by_hand(limits.aggregates[0], at_hand, meaning, done)}, asked


def by_hand(asked: Any, at_hand: Action, meaning: Meaning, done: list[tuple[Action, Meaning]]) -> int:
    """Add up what an aggregate is about, the plain way."""

    def weight(new: Action, meant: Meaning) -> int:
        if not asked.actions.selects(new.agent, new.use_case, new.action_type):
            return 0
        if asked.of == "count":
            return 1
        return meant.amount if not {meant.currency, meaning.currency} >= {"EUR", "USD"} else 0

    alike = [
        (new, meant)
        for new, meant in done
        if new.created_at > NOW - asked.window
        and all(getattr(new, each) == getattr(at_hand, each) for each in asked.per if each != "recipient")
    ]
    if "recipient" not in asked.per:
        past = sum(weight(new, meant) for new, meant in alike)
    else:
        past = max(
            sum(weight(new, meant) for new, meant in alike if to in (meant.counterparties or [""]))
            for to in meaning.counterparties or [""]
        )
    return past + weight(at_hand, meaning)
