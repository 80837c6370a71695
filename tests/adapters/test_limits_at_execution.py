"""Limits once more before an action runs, on real PostgreSQL, and what an action counts for when it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from adapters.database.actions import Actions
from domain.action import Action, ExecutionResult, Outcome, Route, State
from domain.approval import ApprovalOutcome, Decision, ask, cancel
from domain.errors import RateLimited
from domain.ledger import SYSTEM, EntryKind, entry
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, Database, fresh_database
from tests.payments import (
    action,
    budget,
    claim,
    decided,
    emptied,
    guardrails,
    judged,
    measures,
    paid,
    paying,
    plan,
    rate_limit,
    submit,
    voted,
    waiting,
)

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


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


async def test_an_action_that_waited_counts_from_when_it_runs(actions: Actions, database: Database) -> None:
    limits = rate_limit(1)
    new = await waiting(actions, limits)
    later = NOW + timedelta(hours=5)

    await claim(actions, new, limits, later, asked=True)

    assert [row[2] for row in await measures(database, new)] == [later]
    assert not await paid(actions, limits, at=later + HOUR - TICK)
    assert await paid(actions, limits, at=later + HOUR)


async def test_what_would_go_over_a_limit_now_does_not_run_even_if_people_approved_it(
    actions: Actions, database: Database
) -> None:
    limits = budget(10)
    new = await waiting(actions, limits, amount=6)
    later = NOW + timedelta(hours=5)
    assert await paid(actions, limits, 5, at=later)

    with pytest.raises(RateLimited, match="nothing was run, submit it anew"):
        await claim(actions, new, limits, later, asked=True, meaning=paying(6))

    record = await actions.get(new.id)
    assert (record.state, record.execution) == (State.PENDING_APPROVAL, None)
    assert [row[2] for row in await measures(database, new)] == [NOW]
    await claim(actions, new, limits, later + HOUR, asked=True, meaning=paying(6))


async def test_its_own_place_does_not_stand_in_the_way_of_an_action(actions: Actions) -> None:
    limits = budget(10)
    new = action()
    await submit(actions, new, limits, paying(10))
    await judged(actions, new)

    assert (await claim(actions, new, limits, NOW + TICK, meaning=paying(10))).record.state is State.EXECUTING


async def test_a_worker_whose_clock_is_behind_does_not_count_what_had_left_the_window(actions: Actions) -> None:
    limits = rate_limit(1, window="1m")
    assert await paid(actions, limits)
    new = action(NOW + timedelta(minutes=1))
    await submit(actions, new, limits, paying())
    await judged(actions, new)

    assert await claim(actions, new, limits, NOW + timedelta(seconds=59))


async def test_the_live_limits_stop_what_was_let_in_under_other_ones(actions: Actions) -> None:
    new = action()
    await submit(actions, new, rate_limit(5), paying())
    await judged(actions, new)

    with pytest.raises(RateLimited, match="guardrail 'rate' allows at most 0 actions"):
        await claim(actions, new, rate_limit(0))


async def test_a_raising_limit_stops_only_what_nobody_was_asked_about(actions: Actions) -> None:
    raising = rate_limit(1, on_exceed="medium")
    alone, approved = action(), await waiting(actions, guardrails())
    await submit(actions, alone, guardrails(), paying())
    await judged(actions, alone)

    with pytest.raises(RateLimited, match="above that people are asked, and nobody was"):
        await claim(actions, alone, raising)
    assert await claim(actions, approved, raising, asked=True)


async def test_what_was_judged_with_the_raised_tier_runs(actions: Actions) -> None:
    raising = rate_limit(0, on_exceed="medium")
    new = action()
    await submit(actions, new, raising, paying())
    await judged(actions, new)

    assert await claim(actions, new, raising)


async def test_a_retry_of_an_execution_takes_nothing_again(actions: Actions, database: Database) -> None:
    limits = rate_limit(1)
    new = action()
    await submit(actions, new, limits, paying())
    await judged(actions, new)
    await claim(actions, new, limits)
    assert await paid(actions, guardrails(), at=NOW)  # now the limit is more than reached

    again = await claim(actions, new, rate_limit(0), NOW + HOUR)

    assert again.may_have_happened
    assert [row[2] for row in await measures(database, new)] == [NOW]


async def test_a_claim_is_exact_too(actions: Actions) -> None:
    """Thirty wait since yesterday and are approved all at once, where ten an hour may run."""
    limits = rate_limit(10)
    waiting_long = [await waiting(actions, guardrails(), NOW - timedelta(days=1)) for _ in range(30)]

    async def ran(new: Action) -> bool:
        try:
            await claim(actions, new, limits, asked=True)
        except RateLimited:
            return False
        return True

    assert sum(await asyncio.gather(*map(ran, waiting_long))) == 10


ENDS: dict[str, tuple[Callable[[Actions, Action], Any], bool]] = {}


def ends(counts: bool) -> Callable[[Any], Any]:
    """Register a way in which an action goes on."""

    def register(way: Any) -> Any:
        ENDS[way.__name__] = (way, counts)
        return way

    return register


@ends(counts=True)
async def waits_to_be_judged(actions: Actions, new: Action) -> None:
    assert (await actions.get(new.id)).state is State.ASSESSING


@ends(counts=True)
async def waits_for_people(actions: Actions, new: Action) -> None:
    await judged(actions, new, Route.ASK)


@ends(counts=True)
async def runs(actions: Actions, new: Action) -> None:
    await judged(actions, new)
    await claim(actions, new, guardrails())


async def end(actions: Actions, new: Action, outcome: Outcome) -> None:
    ended = entry(f"{new.id}/{outcome.value}", EntryKind.EXECUTION_FAILED, NOW, SYSTEM, {}, action=new.id)
    assert await actions.record_outcome(new.id, ExecutionResult(outcome=outcome), NOW, ended)


@ends(counts=True)
async def succeeded(actions: Actions, new: Action) -> None:
    await runs(actions, new)
    await end(actions, new, Outcome.SUCCEEDED)


@ends(counts=True)
async def in_doubt(actions: Actions, new: Action) -> None:
    await runs(actions, new)
    await end(actions, new, Outcome.IN_DOUBT)


@ends(counts=False)
async def failed(actions: Actions, new: Action) -> None:
    await runs(actions, new)
    await end(actions, new, Outcome.FAILED)


@ends(counts=False)
async def denied(actions: Actions, new: Action) -> None:
    await judged(actions, new, Route.DENY)


@ends(counts=False)
async def suggested(actions: Actions, new: Action) -> None:
    await judged(actions, new, Route.SUGGEST)


@ends(counts=False)
async def rejected(actions: Actions, new: Action) -> None:
    await decided(actions, new, voted(new, Decision.REJECT))


@ends(counts=False)
async def expired(actions: Actions, new: Action) -> None:
    await decided(actions, new, ask(plan(), new.digest, NOW).model_copy(update={"outcome": ApprovalOutcome.EXPIRED}))


@ends(counts=False)
async def cancelled(actions: Actions, new: Action) -> None:
    await decided(actions, new, cancel(ask(plan(), new.digest, NOW), NOW)[0])


@pytest.mark.parametrize(("way", "counts"), ENDS.values(), ids=ENDS.keys())
async def test_what_ended_without_an_effect_counts_no_longer(actions: Actions, way: Any, counts: bool) -> None:
    new = action()
    await submit(actions, new, guardrails(), paying(7))

    await way(actions, new)

    assert await paid(actions, rate_limit(1)) is not counts


async def test_every_final_state_is_one_that_is_tested_here() -> None:
    assert {state.value for state in State if state.final} <= ENDS.keys()
