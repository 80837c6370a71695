"""Actions on real PostgreSQL: who may run what, and one action for one key however many ask."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.database.actions import Actions
from domain.action import Action, Context, ExecutionResult, Outcome, Route, State
from domain.approval import Approval, ApprovalOutcome, ApprovalPlan, Ballot, Decision, Door, ask, cancel, cast
from domain.authority import Eligibility
from domain.canonical import digest
from domain.errors import NotFound
from domain.holds import Hold
from domain.ledger import SYSTEM, EntryKind, entry
from domain.policy import Judgement
from domain.record import Claim, Execution
from local.postgres import EmbeddedPostgres
from tests.approvals import planned
from tests.databases import NOW, Database, fresh_database, note, refund, written

OTHER_DIGEST = digest(b"{}")


@pytest.fixture(scope="module")
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def actions(database: Database) -> AsyncIterator[Actions]:
    async with database.pool(size=8) as pool:
        yield Actions(pool)


def plan(quorum: int = 1) -> ApprovalPlan:
    return planned(quorum=quorum, expires_at=NOW + timedelta(days=2))


def voted(approval: Approval, decision: Decision = Decision.APPROVE, reason: str = "fine") -> Approval:
    ballot = Ballot(id="1", person="ann", decision=decision, revision=approval.revision, reason=reason, door=Door.API)
    after, receipt = cast(approval, ballot, Eligibility(person="ann", group="finance"), NOW)
    assert receipt.accepted
    return after


async def submitted(actions: Actions, made: tuple[Action, Judgement]) -> Action:
    """Store an action and its judgement; what is asked about waits."""
    action, judgement = made
    assert await actions.submit(action, "olga", action.id, "r", written(1, action.id)) == (action.id, "r")
    if judgement.route is Route.ASK:
        approval, state = ask(plan(), action.digest), State.PENDING_APPROVAL
        assert await actions.record_judgement(action.id, judgement, approval, state, NOW, [])
    else:
        assert await actions.record_judgement(action.id, judgement, None, State.ASSESSING, NOW, [])
    return action


async def stand(actions: Actions, action: Action, approval: Approval) -> None:
    """Record where an approval stands, as the workflow does."""
    outcome = approval.outcome
    state = (outcome.state if outcome else None) or State.PENDING_APPROVAL
    assert await actions.record_approval(action.id, approval, state, NOW, [])


async def claim(actions: Actions, action: Action, of: str | None = None) -> Claim | None:
    data = {"digest": of or action.digest}
    intent = entry(f"{action.id}/intended", EntryKind.EXECUTION_INTENDED, NOW, SYSTEM, data, action=action.id)
    made = await actions.claim(action.id, of or action.digest, Execution(key=action.id, intent_at=NOW), intent)
    assert not isinstance(made, Hold)
    return made


async def end(actions: Actions, action: Action, outcome: Outcome, **result: Any) -> bool:
    kind = EntryKind(f"execution.{outcome.value}")
    ended = entry(f"{action.id}/{kind.value}", kind, NOW, SYSTEM, {}, action=action.id)
    return await actions.record_outcome(action.id, ExecutionResult(outcome=outcome, result=result), NOW, ended)


async def test_an_action_reads_back_as_it_was_submitted(actions: Actions) -> None:
    action, _ = refund(context=Context(prompt="refund them", region="EU"))

    await actions.submit(action, "olga", "read-back", "r", written(1, action.id))

    record = await actions.get(action.id)
    assert record.action == action
    assert (record.owner, record.state, record.judgement, record.approval) == ("olga", State.ASSESSING, None, None)


async def test_an_action_that_is_not_there_is_not_found(actions: Actions) -> None:
    with pytest.raises(NotFound):
        await actions.get("f" * 32)


async def test_one_key_makes_one_action_however_many_ask_at_once(actions: Actions, database: Database) -> None:
    made = [refund(amount)[0] for amount in range(1, 21)]

    answers = await asyncio.gather(
        *(actions.submit(action, "olga", "race", action.digest, written(1, action.id)) for action in made)
    )

    assert len(set(answers)) == 1
    winner, request = answers[0]
    assert next(action.digest for action in made if action.id == winner) == request
    async with database.connection("remit_app") as connection:
        rows = await connection.fetch("SELECT id FROM action WHERE idempotency_key = 'race'")
        ids = [action.id for action in made]
        entries = await connection.fetch("SELECT action FROM ledger_entry WHERE action = ANY($1)", ids)
    assert [row["id"] for row in rows] == [winner]
    assert [row["action"] for row in entries] == [winner]


async def test_two_agents_may_use_the_same_key(actions: Actions) -> None:
    one, other = refund()[0], refund()[0].model_copy(update={"agent": "other"})

    answers = [await actions.submit(action, "olga", "shared", "r", written(1, action.id)) for action in (one, other)]

    assert [stands for stands, _ in answers] == [one.id, other.id]


async def test_a_judgement_is_recorded_once(actions: Actions) -> None:
    action = await submitted(actions, refund())
    _, judgement = refund(200_000)

    assert not await actions.record_judgement(action.id, judgement, None, State.DENIED, NOW, [])

    record = await actions.get(action.id)
    assert (record.state, record.route) == (State.PENDING_APPROVAL, Route.ASK)


async def test_the_route_execute_may_run(actions: Actions) -> None:
    action = await submitted(actions, note())

    claimed = await claim(actions, action)

    assert claimed is not None
    record = claimed.record
    assert not claimed.may_have_happened
    assert (record.state, record.action) == (State.EXECUTING, action)
    assert record.execution == Execution(key=action.id, intent_at=NOW, uncertain=True)


async def test_an_approved_revision_may_run(actions: Actions) -> None:
    action = await submitted(actions, refund())
    await stand(actions, action, voted(ask(plan(), action.digest)))

    claimed = await claim(actions, action)

    assert claimed is not None
    assert not claimed.may_have_happened


async def test_before_it_is_judged_nothing_may_run(actions: Actions) -> None:
    action, _ = note()
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))

    assert await claim(actions, action) is None


APPROVALS = {
    "waiting": lambda of: ask(plan(), of),
    "one of two approvals": lambda of: voted(ask(plan(2), of)),
    "rejected": lambda of: voted(ask(plan(), of), Decision.REJECT),
    "cancelled": lambda of: cancel(ask(plan(), of), NOW)[0],
    "expired": lambda of: ask(plan(), of).model_copy(update={"outcome": ApprovalOutcome.EXPIRED}),
}


@pytest.mark.parametrize("approval", APPROVALS.values(), ids=APPROVALS.keys())
async def test_what_is_not_approved_may_not_run(actions: Actions, database: Database, approval: Any) -> None:
    action = await submitted(actions, refund())
    await stand(actions, action, approval(action.digest))
    before = await actions.get(action.id)

    assert await claim(actions, action) is None

    assert await actions.get(action.id) == before
    assert await kinds(database, action) == []


async def test_an_approval_of_another_revision_is_not_recorded(actions: Actions) -> None:
    action = await submitted(actions, refund())
    await stand(actions, action, ask(plan(), action.digest))
    before = await actions.get(action.id)

    approved = voted(ask(plan(), OTHER_DIGEST))
    assert not await actions.record_approval(action.id, approved, State.PENDING_APPROVAL, NOW, [])

    assert await actions.get(action.id) == before


async def kinds(database: Database, action: Action) -> list[str]:
    """Return the kinds of the entries of executions."""
    async with database.connection("remit_app") as connection:
        rows = await connection.fetch(
            "SELECT kind FROM ledger_entry WHERE action = $1 AND kind LIKE 'execution.%' ORDER BY id", action.id
        )
    return [row["kind"] for row in rows]


@pytest.mark.parametrize("state", [State.DENIED, State.SUGGESTED])
async def test_what_was_denied_or_only_suggested_may_not_run(actions: Actions, state: State) -> None:
    action, judgement = note()
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    way = judgement.model_copy(update={"route": Route.DENY if state is State.DENIED else Route.SUGGEST})
    await actions.record_judgement(action.id, way, None, state, NOW, [])

    assert await claim(actions, action) is None


@pytest.mark.parametrize("made", [note, refund])
async def test_another_digest_may_not_run(actions: Actions, made: Any) -> None:
    action = await submitted(actions, made())
    if made is refund:
        await stand(actions, action, voted(ask(plan(), action.digest)))

    assert await claim(actions, action, OTHER_DIGEST) is None
    assert await claim(actions, action) is not None


@pytest.mark.parametrize("outcome", Outcome)
async def test_what_has_ended_may_not_run_again(actions: Actions, database: Database, outcome: Outcome) -> None:
    action = await submitted(actions, note())
    await claim(actions, action)
    assert await end(actions, action, outcome, answer="as it was")

    assert await claim(actions, action) is None
    assert not await end(actions, action, Outcome.SUCCEEDED)

    record = await actions.get(action.id)
    assert record.state is outcome.state
    assert record.execution is not None
    assert (record.execution.outcome, record.execution.uncertain) == (outcome, False)
    assert (record.execution.result, record.execution.intent_at) == ({"answer": "as it was"}, NOW)
    assert await kinds(database, action) == ["execution.intended", f"execution.{outcome.value}"]


async def test_a_second_claim_is_uncertain_until_an_attempt_says_that_nothing_was_sent(
    actions: Actions, database: Database
) -> None:
    action = await submitted(actions, note())

    granted: list[bool] = []
    attempt = NOW
    for nothing_was_sent in (False, False, True, False):
        if nothing_was_sent:
            await actions.attempt_ended(action.id, attempt, uncertain=False)
        claimed = await claim(actions, action)
        assert claimed is not None
        attempt = claimed.since
        granted.append(claimed.may_have_happened)

    assert granted == [False, True, False, True]
    assert await kinds(database, action) == ["execution.intended"]


async def test_of_claims_at_the_same_time_one_is_fresh(actions: Actions, database: Database) -> None:
    action = await submitted(actions, note())

    claims = await asyncio.gather(*(claim(actions, action) for _ in range(8)))

    assert sorted(claimed.may_have_happened for claimed in claims if claimed) == [False] + [True] * 7
    assert await kinds(database, action) == ["execution.intended"]


async def test_an_attempt_that_another_took_over_from_says_nothing_of_it(actions: Actions) -> None:
    action = await submitted(actions, note())
    first, second = await claim(actions, action), await claim(actions, action)
    assert first is not None
    assert second is not None

    await actions.attempt_ended(action.id, first.since, uncertain=False)

    execution = (await actions.get(action.id)).execution
    assert execution is not None
    assert execution.uncertain


async def test_the_end_of_an_attempt_does_not_touch_what_has_an_outcome(actions: Actions) -> None:
    action = await submitted(actions, note())
    claimed = await claim(actions, action)
    assert claimed is not None
    await end(actions, action, Outcome.IN_DOUBT)
    before = await actions.get(action.id)

    await actions.attempt_ended(action.id, claimed.since, uncertain=False)

    assert await actions.get(action.id) == before


async def test_what_could_not_be_claimed_can_only_be_recorded_as_failed(actions: Actions) -> None:
    action = await submitted(actions, refund())

    assert not await end(actions, action, Outcome.SUCCEEDED)
    assert not await end(actions, action, Outcome.IN_DOUBT)
    assert await end(actions, action, Outcome.FAILED)

    record = await actions.get(action.id)
    assert record.execution is not None
    assert (record.state, record.execution.intent_at) == (State.FAILED, None)


async def test_an_approval_does_not_change_once_it_has_ended(actions: Actions) -> None:
    action = await submitted(actions, refund())
    await stand(actions, action, voted(ask(plan(), action.digest), Decision.REJECT))

    approved = voted(ask(plan(), action.digest))
    assert not await actions.record_approval(action.id, approved, State.PENDING_APPROVAL, NOW, [])
    assert await claim(actions, action) is None


async def test_a_nul_from_outside_never_keeps_anything_from_being_recorded(
    actions: Actions, database: Database
) -> None:
    action, judgement = refund(context=Context(prompt="before\0after", output="\\u0000 is written \\\0 so"))
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    said = judgement.model_copy(update={"because": "\0"})
    await actions.record_judgement(
        action.id,
        said,
        ask(plan(), action.digest),
        State.PENDING_APPROVAL,
        NOW,
        [written(2, action.id, kept={"x": "\0"})],
    )
    await stand(actions, action, voted(ask(plan(), action.digest), reason="a\0b"))
    await claim(actions, action)
    assert await end(actions, action, Outcome.SUCCEEDED, **{"an\0swer": ["\0", "\\u0000"]})

    record = await actions.get(action.id)
    assert record.action.context.prompt == "before\ufffdafter"
    assert record.action.context.output == "\\u0000 is written \\\ufffd so"
    assert record.judgement is not None and record.judgement.because == "\ufffd"
    assert record.approval is not None and record.approval.votes[0].reason == "a\ufffdb"
    assert record.execution is not None
    assert record.execution.result == {"an\ufffdswer": ["\ufffd", "\\u0000"]}
    async with database.connection("remit_app") as connection:
        kept = await connection.fetchval("SELECT content FROM ledger_secret WHERE entry_key = $1", f"{action.id}/2")
    assert kept == b"\0", "the ledger keeps the exact bytes"


async def test_a_list_is_newest_first_and_pages_without_gaps(shared_postgres: EmbeddedPostgres) -> None:
    database = await fresh_database(shared_postgres)
    async with database.pool() as pool:
        actions = Actions(pool)
        made = []
        for number in range(7):
            action = refund()[0].model_copy(update={"created_at": NOW + timedelta(seconds=number // 2)})
            made.append(action)
            await actions.submit(action, "olga", action.id, "r", written(1, action.id))

        seen: list[str] = []
        before = None
        while page := await actions.newest({"agent": "clerk"}, before, 2):
            seen += [record.action.id for record in page]
            before = (page[-1].action.created_at, page[-1].action.id)

        assert seen == [a.id for a in sorted(made, key=lambda a: (a.created_at, a.id), reverse=True)]
        assert await actions.newest({"agent": "other"}, None, 10) == []
        with pytest.raises(ValueError, match="no filter 'true; DROP TABLE action'"):
            await actions.newest({"true; DROP TABLE action": "x"}, None, 10)


async def test_only_actions_never_assessed_count_as_not_started(shared_postgres: EmbeddedPostgres) -> None:
    database = await fresh_database(shared_postgres)
    async with database.pool() as pool:
        actions = Actions(pool)
        waiting, _ = refund()
        await actions.submit(waiting, "olga", "w", "r", written(1, waiting.id))
        await submitted(actions, refund())

        assert [r.action.id for r in await actions.unstarted(NOW + timedelta(seconds=1))] == [waiting.id]
        assert await actions.unstarted(NOW) == []
