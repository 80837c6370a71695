"""What one action takes from people and agents is bounded: requests, revisions, time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from domain.action import Action, State
from domain.approval import ApprovalOutcome, Decision, revised
from domain.canonical import revision_bytes
from domain.errors import RefusalCode
from domain.guardrails import Measure
from domain.ledger import Actor, ActorKind
from tests.workflows.refunds import asks_by, refused
from tests.workflows.world import World, world
from workflows.attempts import MAX_ATTEMPTS

HOUR = timedelta(hours=1)
GROUPS: list[dict[str, Any]] = [
    {"id": "finance", "members": ["ann", "bob", "olga"]},
    {"id": "on-call", "members": ["cem"], "calendar": {"days": ["mon"], "opens": "03:00", "closes": "04:00"}},
]


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def accepted(here: World, action: Any) -> int:
    """Count the requests that stand in the history of an action."""
    history = await here.handle(action).fetch_history()
    return sum(each.HasField("workflow_execution_update_accepted_event_attributes") for each in history.events)


async def test_who_asks_too_often_is_turned_away_and_leaves_nothing_more_in_history(here: World) -> None:
    asks_by(here, GROUPS)
    action = await here.refund()
    for _ in range(MAX_ATTEMPTS):
        assert refused(await here.vote(action, "cem")) is RefusalCode.NOT_ELIGIBLE
    before = await accepted(here, action), len(here.actions.entries)

    for _ in range(5):
        assert refused(await here.vote(action, "cem")) is RefusalCode.TOO_MANY_REQUESTS
        assert refused(await here.revise(action, {"customer": "c-1", "amount_minor": 1}, "cem")) is (
            RefusalCode.TOO_MANY_REQUESTS
        )
        assert refused(await here.manage(action, "reassign", "cem", to="bob")) is RefusalCode.TOO_MANY_REQUESTS

    assert (await accepted(here, action), len(here.actions.entries)) == before
    assert refused(await here.vote(action, "ann")) is None, "the others are not in its way"
    assert await here.ended(action) is State.SUCCEEDED


async def test_strangers_from_slack_share_one_measure(here: World) -> None:
    asks_by(here, GROUPS)
    action = await here.refund()
    for number in range(MAX_ATTEMPTS):
        assert refused(await here.vote(action, f"slack:U{number:03}")) is RefusalCode.NOT_ELIGIBLE

    assert refused(await here.vote(action, "slack:UANOTHER")) is RefusalCode.TOO_MANY_REQUESTS
    assert refused(await here.vote(action, "ann")) is None
    assert await here.ended(action) is State.SUCCEEDED


async def test_an_agent_that_answers_and_revises_for_ever_is_turned_away(here: World) -> None:
    asks_by(here, GROUPS)
    action = await here.refund()
    for _ in range(MAX_ATTEMPTS):
        assert refused(await here.answer(action, "INV-1")) is RefusalCode.NOT_WAITING

    assert refused(await here.answer(action, "INV-1")) is RefusalCode.TOO_MANY_REQUESTS
    assert refused(await here.revise(action, {"customer": "c-1", "amount_minor": 1})) is RefusalCode.TOO_MANY_REQUESTS
    assert refused(await here.vote(action, "ann", Decision.REJECT, "no")) is None
    assert await here.ended(action) is State.REJECTED


async def test_an_edit_of_a_reviewer_does_not_answer_what_another_asked_the_agent(here: World) -> None:
    asks_by(here, GROUPS, edit_counts_as_approval=True)
    action = await here.refund()
    await here.vote(action, "ann", Decision.RETURN, "which invoice?")

    edited = await here.revise(action, {"customer": "c-1", "amount_minor": 4999}, "bob")

    assert refused(edited) is None
    assert edited is not None and edited.outcome is None
    approval = here.approval(action)
    assert approval.returned is not None and approval.returned.text == "which invoice?"
    assert refused(await here.vote(action, "bob", revision=approval.revision)) is RefusalCode.QUESTIONS_OPEN
    assert refused(await here.answer(action, "INV-1")) is None
    assert refused(await here.vote(action, "olga", revision=approval.revision)) is None
    assert await here.ended(action) is State.SUCCEEDED


async def test_an_edit_without_a_reason_is_no_approval_where_approvals_need_one(here: World) -> None:
    asks_by(here, GROUPS, edit_counts_as_approval=True, reason_required="always")
    action = await here.refund()

    silent = await here.revise(action, {"customer": "c-1", "amount_minor": 4000}, "ann")
    assert refused(silent) is None
    assert silent is not None and silent.outcome is None
    assert here.approval(action).votes == []
    said = await here.revise(action, {"customer": "c-1", "amount_minor": 3000}, "ann", reason="checked the invoice")

    assert said is not None and said.outcome is ApprovalOutcome.APPROVED
    assert await here.ended(action) is State.SUCCEEDED
    assert [vote.reason for vote in here.approval(action).votes] == ["checked the invoice"]


async def test_the_stage_after_an_edit_that_counts_has_its_own_steps(here: World) -> None:
    asks_by(
        here,
        GROUPS,
        edit_counts_as_approval=True,
        stages=[{"group": "finance"}, {"group": "on-call"}],
        escalation=[{"after": "2h", "clock": "business", "remind": True}],
    )
    action = await here.refund()

    await here.revise(action, {"customer": "c-1", "amount_minor": 4000}, "ann")

    approval = here.approval(action)
    assert approval.stage == 2
    (reminder,) = approval.plan.steps
    assert (reminder.at.weekday(), reminder.at.hour) == (0, 3), "by the calendar of the group that is asked now"
    assert refused(await here.vote(action, "cem", revision=approval.revision)) is None
    assert await here.ended(action) is State.SUCCEEDED


async def test_a_revision_that_was_made_and_that_the_workflow_never_heard_of_is_caught_up_with(here: World) -> None:
    """Temporal died after the database had it and before the workflow did; nobody sent it again."""
    asks_by(here, GROUPS)
    voted_on, edited_again = await here.refund(), await here.refund()
    for action in (voted_on, edited_again):
        await made_unheard(here, action, {"customer": "c-1", "amount_minor": 4000})

    unknown = await here.vote(voted_on, "bob", revision="sha256:" + "0" * 64)
    vote = await here.vote(voted_on, "bob", revision=here.approval(voted_on).revision)
    edit = await here.revise(edited_again, {"customer": "c-1", "amount_minor": 3000}, "ann")
    await here.vote(edited_again, "bob", revision=here.approval(edited_again).revision)

    assert refused(unknown) is RefusalCode.SUPERSEDED
    assert (refused(vote), refused(edit)) == (None, None)
    assert [await here.ended(each) for each in (voted_on, edited_again)] == [State.SUCCEEDED] * 2
    assert [each["amount_minor"] for each in here.executor.arguments] == [4000, 3000]


async def made_unheard(here: World, action: Action, arguments: dict[str, Any]) -> None:
    """Make a revision in the store alone."""
    agent = Actor(kind=ActorKind.AGENT, id=action.agent, door="api")
    named = await here.actions.propose(action.id, arguments, agent)
    record = here.actions.records[action.id]
    assert record.judgement is not None
    made = action.model_copy(update={"digest": named, "arguments_bytes": revision_bytes(arguments)})
    before, now = here.approval(action), await here.environment.get_current_time()
    anew = revised(before, before.plan, named, now)
    assert await here.actions.make_revision(record, made, agent, record.judgement, anew, Measure(), now, [])
