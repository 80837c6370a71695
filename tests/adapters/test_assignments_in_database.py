"""Assignments on real PostgreSQL: loads, turns under their locks, what was seen, and decisions nobody can forget."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.database.actions import Actions
from adapters.database.assignments import Assignments, Choose, Standing
from domain.action import Action, Context, State
from domain.approval import Approval, ask
from domain.approval_plan import ApprovalPlan
from domain.attention import Later, Load, Turns, Waits
from domain.catalog import Stage
from domain.review_statistics import Review
from domain.votes import Decision, Door, Vote
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, Database, fresh_database, refund, written

HOUR = timedelta(hours=1)


@pytest.fixture
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Any]:
    async with database.pool(size=8) as pool:
        yield pool


@pytest.fixture
def assignments(pool: Any) -> Assignments:
    return Assignments(pool)


async def waiting(pool: Any, context: Context | None = None) -> Action:
    """Store an action that waits for people."""
    action, judgement = refund(context=context or Context())
    actions = Actions(pool)
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    assert await actions.record_judgement(action.id, judgement, asked(action), State.PENDING_APPROVAL, NOW, [])
    return action


def asked(action: Action, *votes: Vote) -> Approval:
    stages = [Stage(group="finance", quorum=2)]
    plan = ApprovalPlan(rule="one", stages=stages, expires_at=NOW + timedelta(days=2))
    return ask(plan, action.digest).model_copy(update={"votes": list(votes)})


def vote(person: str, decision: Decision = Decision.APPROVE, minutes: int = 5, stage: int = 1) -> Vote:
    return Vote(
        person=person,
        group="finance",
        stage=stage,
        decision=decision,
        revision="sha256:" + "0" * 64,
        reason="",
        door=Door.API,
        at=NOW + timedelta(minutes=minutes),
    )


async def stand(pool: Any, action: Action, approval: Approval, state: State = State.PENDING_APPROVAL) -> None:
    assert await Actions(pool).record_approval(action.id, approval, state, NOW, [])


def everybody(*names: str, later: timedelta | None = None) -> Choose:
    def choose(_loads: Mapping[str, Load], _before: Standing) -> Turns:
        if later is None:
            return Turns(now=list(names))
        return Turns(later=[Later(person=name, at=NOW + later, why=Waits.DIGEST) for name in names])

    return choose


async def rows(pool: Any, action: Action) -> list[tuple[Any, ...]]:
    """Return person, stage, decision and when it was decided, in minutes."""
    found = await pool.fetch("SELECT * FROM assignment WHERE action = $1 ORDER BY person, stage", action.id)
    return [
        (r["person"], r["stage"], r["decision"], r["decided_at"] and (r["decided_at"] - NOW).total_seconds() / 60)
        for r in found
    ]


async def reviews(assignments: Assignments) -> list[Review]:
    return [review async for review in assignments.reviews(NOW - HOUR, NOW + 100 * HOUR)]


async def test_whoever_got_a_turn_has_it_until_the_action_is_decided(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)

    standing = await assignments.assign(action.id, 1, ["ann", "bob"], NOW, everybody("ann"))

    assert standing == Standing(notified=["ann"])
    assert await assignments.loads(["ann", "bob"], NOW) == {"ann": Load(open=1, last_hour=1)}
    await stand(pool, action, asked(action), State.EXPIRED)
    assert await assignments.loads(["ann"], NOW) == {"ann": Load(open=0, last_hour=1)}


async def test_what_one_decided_no_longer_waits_for_them(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)
    await assignments.assign(action.id, 1, ["ann", "bob"], NOW, everybody("ann", "bob"))

    await stand(pool, action, asked(action, vote("ann")))

    loads = await assignments.loads(["ann", "bob"], NOW)
    assert (loads["ann"].open, loads["bob"].open) == (0, 1)
    assert await rows(pool, action) == [("ann", 1, "approve", 5), ("bob", 1, None, None)]


async def test_an_hour_later_notifications_count_no_more_for_the_hour(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)
    await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann"))

    almost = await assignments.loads(["ann"], NOW + HOUR - timedelta(seconds=1))
    over = await assignments.loads(["ann"], NOW + HOUR)

    assert (almost["ann"], over["ann"]) == (Load(open=1, last_hour=1), Load(open=1, last_hour=0))


async def test_a_digest_is_one_message_however_much_is_in_it(pool: Any, assignments: Assignments) -> None:
    made = [await waiting(pool) for _ in range(3)]
    for action in made:
        standing = await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann", later=HOUR))
        assert standing == Standing(deferred={"ann": NOW + HOUR})
    before = await assignments.loads(["ann"], NOW)
    due = await assignments.due("ann")

    await assignments.digested("ann", [each.action for each in due], NOW + HOUR, "ann/1")

    assert before == {"ann": Load(open=3, last_hour=0)}
    assert {each.action for each in due} == {action.id for action in made}
    assert await assignments.loads(["ann"], NOW + HOUR) == {"ann": Load(open=3, last_hour=1)}
    assert await assignments.due("ann") == []
    assert await assignments.last_digest("ann") == NOW + HOUR
    standing = await assignments.assign(made[0].id, 1, ["ann"], NOW + HOUR, everybody())
    assert standing == Standing(digested=["ann"])


async def test_what_was_decided_meanwhile_is_in_no_digest(pool: Any, assignments: Assignments) -> None:
    over, voted, waits = [await waiting(pool) for _ in range(3)]
    for action in (over, voted, waits):
        await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann", later=HOUR))
    await stand(pool, over, asked(over), State.CANCELLED)
    await stand(pool, voted, asked(voted, vote("ann")))

    assert [each.action for each in await assignments.due("ann")] == [waits.id]
    assert await assignments.last_digest("ann") is None


async def test_a_turn_can_come_sooner_and_never_twice(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)
    await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann", later=HOUR))

    sooner = await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann"))
    again = await assignments.assign(action.id, 1, ["ann"], NOW + HOUR, everybody("ann", later=3 * HOUR))

    assert sooner == again == Standing(notified=["ann"])
    assert await assignments.loads(["ann"], NOW + HOUR) == {"ann": Load(open=1, last_hour=0)}


async def test_the_earlier_stage_waits_for_nobody_any_more(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)
    await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann"))

    await stand(pool, action, asked(action).model_copy(update={"stage": 2}))

    assert (await assignments.loads(["ann"], NOW))["ann"].open == 0


async def test_a_cap_holds_however_many_requests_come_at_once(pool: Any, assignments: Assignments) -> None:
    made = [await waiting(pool) for _ in range(24)]

    def choose(loads: Mapping[str, Load], _before: Standing) -> Turns:
        """Give the turn to the first who has fewer than 3."""
        return Turns(now=[name for name in ("ann", "bob", "cem") if loads.get(name, Load()).open < 3][:1])

    await asyncio.gather(*(assignments.assign(a.id, 1, ["cem", "ann", "bob"], NOW, choose) for a in made))

    loads = await assignments.loads(["ann", "bob", "cem"], NOW)
    assert {name: load.open for name, load in loads.items()} == {"ann": 3, "bob": 3, "cem": 3}


async def test_seeing_counts_the_first_time_also_for_whoever_was_not_notified(
    pool: Any, assignments: Assignments
) -> None:
    action = await waiting(pool)
    await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann"))

    for minute, person in ((1, "ann"), (2, "ann"), (3, "bob"), (4, "bob")):
        await assignments.seen(action.id, person, NOW + timedelta(minutes=minute))
    await stand(pool, action, asked(action, vote("ann"), vote("bob", Decision.REJECT, 6)), State.REJECTED)
    for person in ("ann", "bob", "cem"):
        await assignments.seen(action.id, person, NOW + HOUR)

    ann, bob = await reviews(assignments)
    minutes = [(review.seen_at or NOW) - NOW for review in (ann, bob)]
    assert minutes == [timedelta(minutes=1), timedelta(minutes=3)]
    assert (ann.notified_at, bob.notified_at) == (NOW, None)
    assert (ann.decision, bob.decision) == ("approve", "reject")


async def test_seeing_it_after_the_decision_counts_for_nothing(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)
    await stand(pool, action, asked(action, vote("ann")))

    await assignments.seen(action.id, "ann", NOW + HOUR)

    (ann,) = await reviews(assignments)
    assert (ann.seen_at, ann.decision) == (None, "approve")


async def test_votes_that_an_edit_voided_stay_decided(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)
    await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann"))
    await stand(pool, action, asked(action, vote("ann")))

    await stand(pool, action, asked(action))
    await stand(pool, action, asked(action, vote("bob", minutes=9), vote("ann", minutes=10)))

    assert await rows(pool, action) == [("ann", 1, "approve", 5), ("bob", 1, "approve", 9)]


async def test_a_person_who_votes_in_two_stages_has_two_rows(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool)

    await stand(pool, action, asked(action, vote("ann"), vote("ann", minutes=7, stage=2)))

    assert sorted(await rows(pool, action)) == [("ann", 1, "approve", 5), ("ann", 2, "approve", 7)]


async def test_reviews_know_how_much_there_was_to_read(pool: Any, assignments: Assignments) -> None:
    action = await waiting(pool, Context(reasoning="they asked for it"))
    await assignments.assign(action.id, 1, ["ann"], NOW, everybody("ann"))

    (ann,) = await reviews(assignments)

    # amount_minor 5000 customer c-1, and four words of the claim
    assert (ann.person, ann.action, ann.words, ann.canary) == ("ann", action.id, 8, False)
    assert [review async for review in assignments.reviews(NOW + HOUR, NOW + 2 * HOUR)] == []
