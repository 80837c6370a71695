"""Canaries on real PostgreSQL: whatever people or a workflow made of one, it never runs, and it counts for nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from activities.execute import Execute, ExecuteRequest, SettleRequest
from activities.gather import Gather
from activities.judge import Judge
from adapters.database.actions import Actions
from adapters.database.canaries import Canaries
from adapters.database.measures import History
from adapters.database.revisions import Revisions
from domain.action import Action, Route, State
from domain.approval import Approval, ApprovalOutcome, ask
from domain.approval_plan import ApprovalPlan
from domain.canary import TOLD, Canary, CanaryResult, ended_entry, planted_entry, result_of
from domain.canonical import digest, revision_bytes
from domain.catalog import Stage
from domain.guardrails import AggregateQuery, Measure
from domain.ledger import SYSTEM, Actor, ActorKind, EntryKind, entry
from domain.policy import Judgement
from domain.record import Execution
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, POLICY, Database, fresh_database, note, refund, written
from tests.holds import RecordingHolds
from tests.workflows.world import FixedPolicy, OneExecutor


@pytest.fixture(scope="module")
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Any]:
    async with database.pool(size=8) as pool:
        yield pool


def approval(action: Action, outcome: ApprovalOutcome | None = ApprovalOutcome.APPROVED) -> Approval:
    plan = ApprovalPlan(rule="one", stages=[Stage(group="finance")], expires_at=NOW + timedelta(days=2))
    return ask(plan, action.digest).model_copy(update={"outcome": outcome, "decided_at": NOW if outcome else None})


async def planted(
    pool: Any, made: tuple[Action, Judgement] | None = None, outcome: ApprovalOutcome | None = None
) -> Action:
    """Plant a canary that waits, or that people decided."""
    action, judgement = made or refund()
    canary = Canary(action=action.id, planted_by="rita", planted_at=NOW)
    await Canaries(pool).mark(canary, planted_entry(canary, action))
    actions = Actions(pool)
    nothing = Measure(recipients=[])
    await actions.submit(action, "olga", action.id, "r", written(1, action.id), nothing)
    asking = judgement.route is Route.ASK
    state = State.PENDING_APPROVAL if asking else State.ASSESSING
    await actions.record_judgement(action.id, judgement, approval(action, None) if asking else None, state, NOW, [])
    if outcome is not None:
        after = outcome.state or State.PENDING_APPROVAL
        assert await actions.record_approval(action.id, approval(action, outcome), after, NOW, [])
    return action


def intent(action: Action) -> Any:
    data = {"digest": action.digest}
    return entry(f"{action.id}/intended", EntryKind.EXECUTION_INTENDED, NOW, SYSTEM, data, action=action.id)


async def claim(pool: Any, action: Action) -> Any:
    return await Actions(pool).claim(action.id, action.digest, Execution(key=action.id, intent_at=NOW), intent(action))


def execute(pool: Any, executor: OneExecutor) -> Execute:
    policies = FixedPolicy(POLICY)
    judge = Judge(Gather(History(pool), {}))
    return Execute(Actions(pool), policies, {"http.request": executor}, RecordingHolds(), judge)


async def test_an_approved_canary_is_not_claimed(pool: Any) -> None:
    action = await planted(pool, outcome=ApprovalOutcome.APPROVED)

    assert await claim(pool, action) is None

    record = await Actions(pool).get(action.id)
    assert (record.state, record.execution) == (State.PENDING_APPROVAL, None)


async def test_the_same_approval_without_the_mark_is_claimed(pool: Any) -> None:
    action, judgement = refund()
    actions = Actions(pool)
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    await actions.record_judgement(action.id, judgement, approval(action), State.PENDING_APPROVAL, NOW, [])

    assert await claim(pool, action) is not None


async def test_a_canary_that_a_changed_policy_would_execute_is_not_claimed(pool: Any) -> None:
    action = await planted(pool, note())

    assert (await Actions(pool).get(action.id)).route is Route.EXECUTE
    assert await claim(pool, action) is None


async def test_a_canary_whose_state_was_forged_is_not_claimed(pool: Any, database: Database) -> None:
    action = await planted(pool, outcome=ApprovalOutcome.APPROVED)
    await pool.execute("UPDATE action SET state = 'executing', execution = '{\"key\": \"x\"}' WHERE id = $1", action.id)

    assert await claim(pool, action) is None


async def test_a_hundred_attempts_of_a_forged_workflow_run_nothing(pool: Any) -> None:
    action, executor = await planted(pool, outcome=ApprovalOutcome.APPROVED), OneExecutor()
    forged = execute(pool, executor)

    ended = await asyncio.gather(
        *(forged.attempt(ExecuteRequest(action_id=action.id, digest=action.digest)) for _ in range(100))
    )
    await forged.settle(SettleRequest(action_id=action.id, reason="forged"))

    assert executor.runs == []
    assert {each.state for each in ended} == {State.FAILED}
    record = await Actions(pool).get(action.id)
    assert record.execution is not None
    assert record.execution.intent_at is None
    assert record.execution.result == {"problem": TOLD}


async def test_the_application_cannot_take_the_mark_away(pool: Any) -> None:
    action = await planted(pool, outcome=ApprovalOutcome.APPROVED)
    for statement in (
        "DELETE FROM canary WHERE action = $1",
        "UPDATE canary SET action = 'x' WHERE action = $1",
        "TRUNCATE canary",
    ):
        with pytest.raises(Exception, match="permission denied"):
            await pool.execute(statement, *([action.id] if "$1" in statement else []))


async def test_a_canary_is_none_to_people_before_they_decided(pool: Any) -> None:
    action = await planted(pool)
    before = await Actions(pool).get(action.id)
    await Actions(pool).record_approval(action.id, approval(action, ApprovalOutcome.REJECTED), State.REJECTED, NOW, [])
    after = await Actions(pool).get(action.id)

    assert (before.canary, before.was_canary, result_of(before)) == (True, False, None)
    assert (after.canary, after.was_canary, result_of(after)) == (True, True, CanaryResult.CAUGHT)


RESULTS = {
    ApprovalOutcome.APPROVED: CanaryResult.MISSED,
    ApprovalOutcome.REJECTED: CanaryResult.CAUGHT,
    ApprovalOutcome.EXPIRED: None,
    ApprovalOutcome.CANCELLED: None,
}


@pytest.mark.parametrize(("outcome", "result"), RESULTS.items())
async def test_what_people_made_of_it(pool: Any, outcome: ApprovalOutcome, result: CanaryResult | None) -> None:
    action = await planted(pool, outcome=outcome)
    assert result_of(await Actions(pool).get(action.id)) is result


async def test_the_result_is_recorded_once_in_the_ledger(pool: Any) -> None:
    action = await planted(pool, outcome=ApprovalOutcome.REJECTED)
    record = await Actions(pool).get(action.id)
    ended = ended_entry(record, CanaryResult.CAUGHT, NOW)

    first = await Canaries(pool).end(action.id, CanaryResult.CAUGHT, NOW, ended)
    second = await Canaries(pool).end(action.id, CanaryResult.CAUGHT, NOW + timedelta(hours=1), ended)

    assert (first, second) == (True, False)
    kinds = await pool.fetch(
        "SELECT kind, action FROM ledger_entry WHERE key LIKE $1 ORDER BY id", f"canary/{action.id}%"
    )
    assert [tuple(row) for row in kinds] == [("canary.planted", None), ("canary.caught", action.id)]
    newest = await Canaries(pool).newest(1000)
    assert next(each for each in newest if each.action == action.id).result is CanaryResult.CAUGHT


async def test_a_canary_counts_for_no_limit_and_no_history(pool: Any) -> None:
    action = await planted(pool)
    every = AggregateQuery(id="all", of="count", agents=["clerk"], window=timedelta(days=9000), weight=0)

    counted = await pool.fetchval("SELECT count(*) FROM action_measure WHERE action = $1", action.id)
    past = await History(pool).history("another", [every], NOW + timedelta(days=1))

    assert counted == 0
    real = await pool.fetchval("SELECT count(DISTINCT action) FROM action_measure WHERE agent = 'clerk' AND once")
    assert past == {"all": real}


async def test_an_edited_canary_counts_for_no_limit_and_no_history_either(pool: Any) -> None:
    made = refund()
    action = await planted(pool, made)
    record = await Actions(pool).get(action.id)
    data = revision_bytes({"customer": "c-1", "amount_minor": 1})
    ann = Actor(kind=ActorKind.PERSON, id="ann", door="page")
    await Revisions(pool).propose(action.id, digest(data), data, ann, NOW)
    edited = action.model_copy(update={"digest": digest(data), "arguments_bytes": data})
    asked = approval(edited, None).model_copy(update={"revisions": 2})
    measure = Measure(amount=1, currency="EUR", recipients=["c-1"])

    assert await Revisions(pool).make_revision(record, edited, ann, made[1], asked, measure, NOW, [])

    assert (await Actions(pool).get(action.id)).action.digest == digest(data)
    assert await pool.fetchval("SELECT count(*) FROM action_measure WHERE action = $1", action.id) == 0


async def test_canaries_are_in_no_simulation_and_in_no_list_of_their_agent(pool: Any) -> None:
    action = await planted(pool, outcome=ApprovalOutcome.REJECTED)
    actions = Actions(pool)

    judged = [record.action.id async for record in actions.judged_since(NOW - timedelta(days=1))]
    own = await actions.newest({"agent": "clerk"}, None, 200, canaries=False)
    everybody = await actions.newest({"agent": "clerk"}, None, 200)

    assert action.id not in judged
    assert action.id not in [record.action.id for record in own]
    assert action.id in [record.action.id for record in everybody]
