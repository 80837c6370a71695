"""Limits on real PostgreSQL: exact however many ask at once, in windows that slide."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from adapters.database.actions import Actions
from domain.action import Tier
from domain.errors import RateLimited
from local.postgres import EmbeddedPostgres
from tests.adapters.race import BUDGET
from tests.databases import NOW, Database, fresh_database
from tests.pages_of_docs import CHECKOUT
from tests.payments import (
    action,
    budget,
    emptied,
    guardrails,
    is_let_in,
    measures,
    paid,
    paying,
    rate_limit,
    submit,
)

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
DAILY = {"id": "sum", "window": "1d"}


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


async def test_a_limit_lets_in_as_much_as_it_says_and_no_more(actions: Actions) -> None:
    assert [await paid(actions, rate_limit(3)) for _ in range(5)] == [True, True, True, False, False]


async def test_a_budget_adds_up_amounts_and_lets_in_what_still_fits(actions: Actions) -> None:
    answers = [await paid(actions, budget(1000), amount) for amount in (600, 500, 300, 101, 100, 1)]

    assert answers == [True, False, True, False, True, False]


async def test_nothing_is_stored_of_what_is_refused(actions: Actions, database: Database) -> None:
    new = action()

    with pytest.raises(RateLimited, match=r"^guardrail 'sum' allows at most 10 minor units of EUR in 1h"):
        await submit(actions, new, budget(10), paying(11))

    assert await actions.under_key(new.agent, new.id) is None
    assert await measures(database, new) == []
    async with database.connection("remit_app") as connection:
        assert await connection.fetchval("SELECT count(*) FROM ledger_entry") == 0


async def test_a_window_slides_and_ends_where_it_says(actions: Actions) -> None:
    limits = rate_limit(2, window="1h")
    for at in (NOW, NOW + timedelta(minutes=20)):
        assert await paid(actions, limits, at=at)

    assert not await paid(actions, limits, at=NOW + HOUR - TICK)
    assert await paid(actions, limits, at=NOW + HOUR), "the first has left the window"
    assert not await paid(actions, limits, at=NOW + timedelta(minutes=80) - TICK)
    assert await paid(actions, limits, at=NOW + timedelta(minutes=80))


async def test_no_window_of_the_length_holds_more_than_the_limit(actions: Actions, database: Database) -> None:
    """Submitted in no order, from hosts whose clocks differ."""
    limits, tossed = budget(40, per=["agent"]), random.Random(7)  # noqa: S311
    for _ in range(250):
        at = NOW + timedelta(seconds=tossed.randrange(4 * 3600))
        await paid(actions, limits, tossed.randrange(1, 20), at=at, agent=tossed.choice(["clerk", "other"]))

    async with database.connection("remit_app") as connection:
        rows = await connection.fetch("SELECT agent, at, amount FROM action_measure")
    for agent in ("clerk", "other"):
        own = [row for row in rows if row["agent"] == agent]
        fullest = max(sum(b["amount"] for b in own if a["at"] - HOUR < b["at"] <= a["at"]) for a in own)
        assert 30 < fullest <= 40


async def test_the_refusal_says_when_enough_will_have_left_the_window(actions: Actions) -> None:
    limits = budget(10)
    for minutes, amount in ((0, 2), (10, 3), (20, 5)):
        assert await paid(actions, limits, amount, at=NOW + timedelta(minutes=minutes))
    now = NOW + timedelta(minutes=30)

    for amount, minutes in ((1, 60), (2, 60), (3, 70), (5, 70), (6, 80), (10, 80)):
        with pytest.raises(RateLimited) as refusal:
            await submit(actions, action(now), limits, paying(amount))
        assert refusal.value.retry_after == (minutes - 30) * 60, amount

    with pytest.raises(RateLimited, match="waiting does not help") as refusal:
        await submit(actions, action(now), limits, paying(11))
    assert refusal.value.retry_after is None


async def test_of_several_limits_the_one_that_has_room_last_is_named(actions: Actions) -> None:
    limits = guardrails(
        rate_limits=[
            {"id": "hourly", "limit": 1, "window": "1h"},
            {"id": "daily", "limit": 1, "window": "1d"},
            {"id": "quick", "limit": 1, "window": "1m"},
        ]
    )
    assert await paid(actions, limits)

    with pytest.raises(RateLimited) as refusal:
        await submit(actions, action(), limits, paying())

    assert (refusal.value.guardrail, refusal.value.retry_after) == ("daily", 86400)
    never = guardrails(rate_limits=limits.model_dump()["rate_limits"], budgets=[{**DAILY, "limit": 0}])
    with pytest.raises(RateLimited) as refusal:
        await submit(actions, action(), never, paying())
    assert (refusal.value.guardrail, refusal.value.retry_after) == ("sum", None)


async def test_there_is_room_when_there_is_for_each_recipient(actions: Actions) -> None:
    limits = rate_limit(1, per=["recipient"])
    assert await paid(actions, limits, to="bob")
    assert await paid(actions, limits, to="ann", at=NOW + timedelta(minutes=20))

    with pytest.raises(RateLimited) as refusal:
        await submit(actions, action(NOW + timedelta(minutes=30)), limits, paying(1, ["ann", "bob", "cem"]))

    assert refusal.value.retry_after == 50 * 60


APART: dict[str, tuple[list[str], dict[str, str], bool]] = {
    "together": ([], {"agent": "other", "use_case": "chat", "action_type": "note", "to": "ann"}, False),
    "another agent": (["agent"], {"agent": "other"}, True),
    "the same agent elsewhere": (["agent"], {"use_case": "chat", "action_type": "note", "to": "ann"}, False),
    "another use case": (["use_case"], {"use_case": "chat"}, True),
    "another action type": (["action_type"], {"action_type": "note"}, True),
    "another recipient": (["recipient"], {"to": "ann"}, True),
    "the same recipient, written otherwise": (["recipient"], {"to": " BOB", "agent": "other"}, False),
    "no recipient": (["recipient"], {"to": ""}, True),
    "one of two differs": (["agent", "recipient"], {"agent": "other"}, True),
}


@pytest.mark.parametrize(("per", "other", "is_apart"), APART.values(), ids=APART.keys())
async def test_what_is_counted_apart_does_not_use_up_the_same_limit(
    actions: Actions, database: Database, per: list[str], other: dict[str, Any], is_apart: bool
) -> None:
    for limits in (rate_limit(1, per=per), budget(1, per=per)):
        assert await paid(actions, limits, at=NOW)
        assert await paid(actions, limits, at=NOW, **other) is is_apart
        assert not await paid(actions, limits, at=NOW)
        await database.tamper("UPDATE action_measure SET at = at - interval '2 hours'")


async def test_an_action_to_several_counts_with_its_whole_amount_for_each(actions: Actions, database: Database) -> None:
    limits = budget(10, per=["recipient"])
    new = action()
    await submit(actions, new, limits, paying(6, ["ann", "bob", "cem"]))

    assert [row[:2] for row in await measures(database, new)] == [("ann", True), ("bob", False), ("cem", False)]
    assert not await is_let_in(actions, action(), limits, paying(6, ["dan", "cem"]))
    assert await is_let_in(actions, action(), limits, paying(6, ["dan"]))
    assert await paid(actions, budget(18), 6), "it counts once where recipients do not matter"
    assert not await paid(actions, budget(18), 1)


async def test_a_thousand_recipients_are_looked_at_at_once(actions: Actions) -> None:
    limits = rate_limit(1, per=["recipient"])
    many = [f"r{n}" for n in range(1000)]

    assert await is_let_in(actions, action(), limits, paying(1, many))
    assert not await is_let_in(actions, action(), limits, paying(1, ["new", "r999"]))


async def test_each_currency_is_added_up_apart_and_one_that_is_not_named_with_all(actions: Actions) -> None:
    limits = budget(10)
    assert await paid(actions, limits, 10, currency="EUR")
    assert await paid(actions, limits, 7, currency="USD")

    assert not await paid(actions, limits, 1, currency="EUR")
    assert not await paid(actions, limits, 1, currency=""), "it could be EUR"
    assert await paid(actions, limits, 3, currency="USD")
    assert await paid(actions, budget(10, currency="GBP"), 10, currency="EUR"), "not of that budget"


async def test_text_that_the_database_cannot_hold_counts_all_the_same(actions: Actions) -> None:
    limits = rate_limit(1, per=["recipient"])

    assert await paid(actions, limits, to="a\0b", currency="\0")
    assert not await paid(actions, limits, to="a\0b")


async def test_sent_again_with_its_key_an_action_takes_nothing_twice_and_is_found_when_nothing_is_left(
    actions: Actions,
) -> None:
    limits, first = budget(10), action()
    await submit(actions, first, limits, paying(10), key="same")

    for _ in range(3):
        assert await submit(actions, action(), limits, paying(10), key="same") == first.id
    assert not await paid(actions, limits, 1)
    assert await submit(actions, action(), budget(0), paying(10), key="same") == first.id


async def test_one_key_at_once_takes_its_part_once_and_nobody_is_refused(actions: Actions) -> None:
    limits = budget(10)

    stands = await asyncio.gather(*(submit(actions, action(), limits, paying(10), key="race") for _ in range(20)))

    assert len(set(stands)) == 1


async def test_a_limit_that_is_new_or_was_changed_counts_the_past(actions: Actions) -> None:
    for _ in range(4):
        assert await paid(actions, guardrails())

    assert not await paid(actions, rate_limit(4, id="new", per=["agent", "recipient"]))
    assert await paid(actions, rate_limit(5, id="new", per=["agent"]))


async def test_what_goes_over_a_raising_limit_is_accepted_and_says_so(actions: Actions) -> None:
    limits = guardrails(
        rate_limits=[
            {"id": "some", "limit": 1, "window": "1h", "on_exceed": "medium"},
            {"id": "many", "limit": 2, "window": "1h", "on_exceed": "high"},
        ]
    )
    made = [action() for _ in range(3)]
    for new in made:
        await submit(actions, new, limits, paying())

    assert [(await actions.get(new.id)).exceeded for new in made] == [
        {},
        {"some": Tier.MEDIUM},
        {"some": Tier.MEDIUM, "many": Tier.HIGH},
    ]


@pytest.mark.parametrize("tiers", [("medium", "high"), ("high", "medium")])
async def test_of_limits_with_one_name_the_stricter_raises(actions: Actions, tiers: tuple[str, str]) -> None:
    rate, amount = ({"id": "same", "limit": 0, "window": "1h", "on_exceed": tier} for tier in tiers)
    new = action()
    await submit(actions, new, guardrails(rate_limits=[rate], budgets=[amount]), paying())

    assert (await actions.get(new.id)).exceeded == {"same": Tier.HIGH}


async def test_a_refusing_limit_refuses_whatever_else_would_be_raised(actions: Actions) -> None:
    raising = {"id": "raising", "limit": 0, "window": "1h", "on_exceed": "high"}
    limits = guardrails(rate_limits=[raising, *rate_limit(0).model_dump(mode="json")["rate_limits"]])

    with pytest.raises(RateLimited) as refusal:
        await submit(actions, action(), limits, paying())

    assert refusal.value.guardrail == "rate"


async def test_two_processes_that_race_for_a_budget_let_exactly_so_much_through(database: Database) -> None:
    """A thousand submissions at once, five hundred in each process."""
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.adapters.race", database.url("remit_app"), "500"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=CHECKOUT,
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert await racer.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(racer.communicate(b"\n") for racer in racers))

    assert [racer.returncode for racer in racers] == [0, 0]
    assert sum(int(out) for out, _ in answers) == BUDGET
    async with database.connection("remit_app") as connection:
        assert await connection.fetchval("SELECT sum(amount) FROM action_measure WHERE once") == BUDGET
        assert await connection.fetchval("SELECT count(*) FROM action") == BUDGET


async def test_crossing_limits_never_wait_for_each_other(actions: Actions) -> None:
    """Two hundred pairs at once, each taking the same two limits from opposite ends, at every door."""
    one, other = ({"id": name, "limit": 1_000_000, "window": "1h", "per": ["recipient"]} for name in ("a", "b"))
    there, back = guardrails(rate_limits=[one, other]), guardrails(rate_limits=[other, one])
    pairs = [(there, ["ann", "bob"]), (back, ["bob", "ann"])] * 200

    answers = await asyncio.gather(*(is_let_in(actions, action(), limits, paying(1, to)) for limits, to in pairs))

    assert all(answers)


async def test_where_snapshots_would_be_stale_no_limit_is_looked_at(database: Database) -> None:
    async with database.connection("remit_app") as connection, connection.transaction(isolation="repeatable_read"):
        with pytest.raises(asyncpg.RaiseError, match="exact in READ COMMITTED only; this is repeatable read"):
            await connection.fetch("SELECT * FROM over_limit('[]', now(), '')")


async def test_who_may_add_to_the_counts_cannot_take_from_them(database: Database) -> None:
    """The application's role moves an action in time and no more; ending the action is the only way out."""
    async with database.connection("remit_app") as connection:
        for statement in ("DELETE FROM action_measure", "UPDATE action_measure SET amount = 0"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
