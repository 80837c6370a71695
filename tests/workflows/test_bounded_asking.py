"""What one action takes from people and agents is bounded: requests, revisions, time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from domain.action import State
from domain.approval import ApprovalOutcome, Decision, Receipt
from domain.errors import RefusalCode
from tests.bundles import DOCUMENT, policy
from tests.workflows.world import World, world
from workflows.attempts import MAX_ATTEMPTS

HOUR = timedelta(hours=1)
GROUPS = [
    {"id": "finance", "members": ["ann", "bob", "olga"]},
    {"id": "on-call", "members": ["cem"]},
]
TYPES = [
    {**kind, "editable": ["amount_minor", "note"]} if kind["id"] == "refund.create" else kind
    for kind in DOCUMENT["action_types"]
]


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


def asks_by(here: World, **rule: Any) -> None:
    """Let every refund be asked about by one rule."""
    named = {"id": "one", "expire_after": "2d", **({} if "stages" in rule else {"group": "finance"}), **rule}
    rest = [{**named, "id": name} for name in ("two", "quick")]
    here.policies.policy = policy(approvals=[named, *rest], groups=GROUPS, action_types=TYPES)


def refused(receipt: Receipt | None) -> RefusalCode | None:
    assert receipt is not None
    return receipt.refusal.code if receipt.refusal else None


async def events(here: World, action: Any) -> int:
    """Count what stands in the history of an action."""
    return len((await here.handle(action).fetch_history()).events)


async def test_who_asks_too_often_is_turned_away_and_leaves_no_more_history(here: World) -> None:
    asks_by(here)
    action = await here.refund()
    for _ in range(MAX_ATTEMPTS):
        assert refused(await here.vote(action, "cem")) is RefusalCode.NOT_ELIGIBLE
    before = await events(here, action), len(here.actions.entries)

    for _ in range(5):
        assert refused(await here.vote(action, "cem")) is RefusalCode.TOO_MANY_REQUESTS
        assert refused(await here.revise(action, {"customer": "c-1", "amount_minor": 1}, "cem")) is (
            RefusalCode.TOO_MANY_REQUESTS
        )
        assert refused(await here.manage(action, "reassign", "cem", to="bob")) is RefusalCode.TOO_MANY_REQUESTS

    assert (await events(here, action), len(here.actions.entries)) == before
    assert refused(await here.vote(action, "ann")) is None, "the others are not in its way"
    assert await here.ended(action) is State.SUCCEEDED


async def test_strangers_from_slack_share_one_measure(here: World) -> None:
    asks_by(here)
    action = await here.refund()
    for number in range(MAX_ATTEMPTS):
        assert refused(await here.vote(action, f"slack:U{number:03}")) is RefusalCode.NOT_ELIGIBLE

    assert refused(await here.vote(action, "slack:UANOTHER")) is RefusalCode.TOO_MANY_REQUESTS
    assert refused(await here.vote(action, "ann")) is None
    assert await here.ended(action) is State.SUCCEEDED


async def test_an_agent_that_answers_and_revises_for_ever_is_turned_away(here: World) -> None:
    asks_by(here)
    action = await here.refund()
    for _ in range(MAX_ATTEMPTS):
        assert refused(await here.answer(action, "INV-1")) is RefusalCode.NOT_WAITING

    assert refused(await here.answer(action, "INV-1")) is RefusalCode.TOO_MANY_REQUESTS
    assert refused(await here.revise(action, {"customer": "c-1", "amount_minor": 1})) is RefusalCode.TOO_MANY_REQUESTS
    assert refused(await here.vote(action, "ann", Decision.REJECT, "no")) is None
    assert await here.ended(action) is State.REJECTED


async def test_an_edit_of_a_reviewer_does_not_answer_what_another_asked_the_agent(here: World) -> None:
    asks_by(here, edit_counts_as_approval=True)
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
    asks_by(here, edit_counts_as_approval=True, reason_required="always")
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
        edit_counts_as_approval=True,
        stages=[{"group": "finance"}, {"group": "on-call"}],
        escalation=[{"after": "2h", "clock": "business", "remind": True}],
    )
    groups = [GROUPS[0], {**GROUPS[1], "calendar": {"days": ["mon"], "opens": "03:00", "closes": "04:00"}}]
    here.policies.policy = policy(approvals=here.policies.policy.bundle.model_dump(mode="json")["approvals"], groups=groups, action_types=TYPES)
    action = await here.refund()

    await here.revise(action, {"customer": "c-1", "amount_minor": 4000}, "ann")

    approval = here.approval(action)
    assert approval.stage == 2
    (reminder,) = approval.plan.steps
    assert (reminder.at.weekday(), reminder.at.hour) == (0, 3), "by the calendar of the group that is asked now"
    assert refused(await here.vote(action, "cem", revision=approval.revision)) is None
    assert await here.ended(action) is State.SUCCEEDED
