"""While a hold is on, the action stands still; afterwards it goes on with exactly the time that was left."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.action import Action, State
from domain.approval import Approval, ApprovalOutcome, ask
from domain.errors import EffectNotSent, RefusalCode
from tests.workflows.world import PATIENCE, World, world
from workflows.agent_action import CancelRequest

NOTE = {"customer": "c-1", "text": "hello"}
HOUR = timedelta(hours=1)
SPELL = timedelta(minutes=50)
THREE_DAYS = timedelta(days=3, minutes=10)
# Neither is a multiple of the half hours after which an action looks again: the server that skips time hangs on a tie.
SOON = timedelta(minutes=1)
"""What the skipping of time may add to a timer."""


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


def approval_of(here: World, action: Action) -> Approval:
    """Return where the approval stands."""
    approval = here.actions.records[action.id].approval
    assert approval is not None
    return approval


async def now(here: World) -> datetime:
    """Return the time as the workflow has it."""
    return await here.environment.get_current_time()


async def until_kind(here: World, action: Action, kind: str, count: int = 1) -> None:
    """Wait until an entry of this kind is written, a little of the workflow's time at once."""
    while here.actions.kinds(action.id).count(kind) < count:
        await here.environment.sleep(timedelta(seconds=1))


async def held_by(here: World, action: Action) -> str | None:
    """Return the hold that the action says it is held by."""
    metadata = await here.handle(action).query("__temporal_workflow_metadata")
    first = str(metadata.current_details).partition("\n")[0]
    return first.removeprefix("**held** by ") if first.startswith("**held** by ") else None


async def test_frozen_for_three_days_it_reminds_after_exactly_the_time_that_was_left(here: World) -> None:
    action = await here.refund()
    before = approval_of(here, action).plan
    await here.environment.sleep(1.5 * HOUR)

    placed = await here.place_hold(action)
    await here.environment.sleep(THREE_DAYS)
    assert here.actions.kinds(action.id)[-1] == "approval.requested", "no timer fires while a hold is on"
    await here.lift_hold(action)
    await until_kind(here, action, "approval.postponed")

    approval = approval_of(here, action)
    lifted_at = here.actions.holds.holds[0].lifted_at
    assert lifted_at is not None
    assert approval.held_for == lifted_at - placed.placed_at
    assert approval.held_for >= THREE_DAYS
    assert approval.plan.steps[0].at - lifted_at == before.steps[0].at - placed.placed_at
    assert approval.plan.expires_at - lifted_at == before.expires_at - placed.placed_at

    assert await here.ended_after(action, timedelta(minutes=20)) is State.EXPIRED
    kinds = ["approval.postponed", "approval.reminded", "approval.escalated", "approval.expired"]
    assert here.actions.kinds(action.id)[-4:] == kinds
    ended = approval_of(here, action)
    for escalation, due in zip(ended.escalations, [step.at for step in ended.plan.steps], strict=True):
        assert due is not None
        assert timedelta(0) <= escalation.at - due < SOON
    assert ended.decided_at is not None
    assert timedelta(0) <= ended.decided_at - ended.plan.expires_at < SOON
    assert here.executor.runs == []


async def test_it_stands_still_although_nobody_told_it(here: World) -> None:
    """The reminder's timer fires while the hold is on; the action looks, and takes no step."""
    action = await here.refund()
    placed = await here.place_hold()

    await here.environment.sleep(THREE_DAYS)
    assert here.actions.kinds(action.id)[-1] == "approval.requested"
    await here.lift_hold()
    await until_kind(here, action, "approval.postponed")

    lifted_at = here.actions.holds.holds[0].lifted_at
    assert lifted_at is not None
    assert approval_of(here, action).held_for == lifted_at - placed.placed_at
    await here.vote(action, "ann")
    assert await here.ended(action) is State.SUCCEEDED


async def test_a_hold_that_came_and_went_unnoticed_is_made_up_for(here: World) -> None:
    action = await here.refund()
    await here.environment.sleep(HOUR)
    await here.place_hold()
    await here.environment.sleep(HOUR / 2)
    await here.lift_hold()

    assert await here.ended_after(action, timedelta(minutes=20)) is State.EXPIRED

    approval = approval_of(here, action)
    assert HOUR / 2 <= approval.held_for < HOUR / 2 + SOON
    assert timedelta(0) <= approval.escalations[0].at - approval.plan.steps[0].at < SOON


async def test_under_two_holds_at_once_each_second_counts_once(here: World) -> None:
    action = await here.refund()
    first = await here.place_hold(action)
    await here.environment.sleep(SPELL)
    await here.place_hold(action)
    await here.environment.sleep(SPELL)
    await here.lift_hold(action, number=0)
    await here.environment.sleep(SPELL)
    await here.lift_hold(action, number=1)
    await until_kind(here, action, "approval.postponed", 2)

    last = here.actions.holds.holds[1].lifted_at
    assert last is not None
    assert approval_of(here, action).held_for == last - first.placed_at
    await here.vote(action, "ann")
    await here.ended(action)


async def test_a_vote_while_a_hold_is_on_is_refused_and_counts_when_it_is_lifted(here: World) -> None:
    action = await here.refund()
    placed = await here.place_hold()

    early = await here.vote(action, "ann")

    assert early is not None
    assert early.refusal is not None
    assert early.refusal.code is RefusalCode.HELD
    assert placed.name in early.refusal.message
    assert placed.reason not in (await here.handle(action).fetch_history()).to_json()
    assert here.actions.kinds(action.id)[-1] == "vote.refused"
    assert approval_of(here, action).votes == []
    assert await held_by(here, action) == placed.name
    await here.lift_hold()

    later = await here.vote(action, "ann")

    assert later is not None
    assert later.outcome is ApprovalOutcome.APPROVED
    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.runs == [action.id]


async def test_a_vote_after_the_old_deadline_counts_when_a_hold_moved_it(here: World) -> None:
    action = await here.refund()
    await here.place_hold(action)
    await here.environment.sleep(2 * THREE_DAYS)
    await here.lift_hold()

    receipt = await here.vote(action, "ann")

    assert receipt is not None
    assert receipt.outcome is ApprovalOutcome.APPROVED
    assert here.actions.kinds(action.id).count("approval.postponed") == 1
    assert await here.ended(action) is State.SUCCEEDED


async def test_a_late_vote_is_told_the_decision_and_not_the_hold(here: World) -> None:
    here.executor.failures = [EffectNotSent("away")] * 3
    action = await here.refund()
    await here.vote(action, "ann")
    await here.place_hold()

    late = await here.vote(action, "bob")

    assert late is not None
    assert late.refusal is not None
    assert late.refusal.code is RefusalCode.ALREADY_DECIDED
    await here.lift_hold(action)
    assert await here.ended_after(action, timedelta(seconds=5)) is State.SUCCEEDED


async def test_the_agent_can_withdraw_what_is_held(here: World) -> None:
    action = await here.refund()
    await here.place_hold(action)
    await here.environment.sleep(SPELL)

    receipt = await here.workflows.cancel(action.id, CancelRequest(id="1", agent="clerk"), PATIENCE)

    assert receipt is not None
    assert receipt.accepted
    assert await here.ended(action) is State.CANCELLED


def hold_when_approved(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Place a hold in the moment between the approval and the claim."""
    record = here.actions.record_approval

    async def recorded(action_id: str, approval: Approval, *rest: Any) -> bool:
        if approval.outcome is ApprovalOutcome.APPROVED:
            here.actions.holds.place(await now(here))
        return await record(action_id, approval, *rest)

    monkeypatch.setattr(here.actions, "record_approval", recorded)


@pytest.mark.parametrize("is_told", [True, False], ids=["told of the release", "looks again by itself"])
async def test_approved_and_held_before_it_ran_it_runs_once_when_released(
    here: World, monkeypatch: pytest.MonkeyPatch, is_told: bool
) -> None:
    hold_when_approved(here, monkeypatch)
    action = await here.refund()
    await here.vote(action, "ann")
    await here.environment.sleep(THREE_DAYS)
    assert here.executor.runs == []
    assert here.actions.records[action.id].state is State.PENDING_APPROVAL
    assert await held_by(here, action) is not None

    await here.lift_hold(*([action] if is_told else []))

    assert await here.ended_after(action, timedelta(minutes=1)) is State.SUCCEEDED
    assert here.executor.runs == [action.id]
    assert await held_by(here, action) is None


async def test_held_before_it_ran_and_cancelled_in_temporal_it_has_failed(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_when_approved(here, monkeypatch)
    action = await here.refund()
    await here.vote(action, "ann")
    while await held_by(here, action) is None:
        await here.environment.sleep(timedelta(seconds=1))

    await here.handle(action).cancel()

    assert await here.ended(action) is State.FAILED
    assert here.executor.runs == []


@pytest.mark.parametrize("short", [True, False], ids=["short executor", "long executor"])
async def test_what_needs_nobody_waits_for_the_release_and_runs_once(here: World, short: bool) -> None:
    here.executor.short = short
    placed = await here.place_hold()
    action = await here.submit("note.add", NOTE)
    while await held_by(here, action) != placed.name:
        await here.environment.sleep(timedelta(seconds=1))
    await here.environment.sleep(THREE_DAYS)
    assert here.executor.runs == []

    await here.lift_hold(action)

    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.runs == [action.id]


async def test_an_effect_that_is_tried_again_is_held_between_its_attempts(here: World) -> None:
    here.executor.failures = [EffectNotSent("away")] * 3
    action = await here.submit("note.add", NOTE)
    while len(here.executor.runs) < 2:
        await here.environment.sleep(timedelta(milliseconds=100))
    await here.place_hold(action)
    while await held_by(here, action) is None:
        await here.environment.sleep(timedelta(seconds=1))
    begun = len(here.executor.runs)
    await here.environment.sleep(THREE_DAYS)
    assert len(here.executor.runs) == begun

    await here.lift_hold(action)

    assert await here.ended_after(action, timedelta(seconds=1)) is State.SUCCEEDED
    assert len(here.executor.runs) == 4


async def test_being_held_for_weeks_leaves_a_short_history(here: World) -> None:
    action = await here.refund()
    await here.place_hold(action)

    await here.environment.sleep(2 * THREE_DAYS)

    history = await here.handle(action).fetch_history()
    assert len(history.events) < 6 * 48 * 8, "a look every half an hour"
    await here.lift_hold(action)
    await here.vote(action, "ann")
    await here.ended(action)


async def test_an_action_asked_by_a_version_without_holds_stands_still_once_it_is_told(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.assess.ask", lambda plan, revision, _asked_at: ask(plan, revision))
    action = await here.refund()
    assert approval_of(here, action).asked_at is None
    await here.environment.sleep(HOUR)

    placed = await here.place_hold(action)
    await here.environment.sleep(THREE_DAYS)
    assert here.actions.kinds(action.id)[-1] == "approval.requested"
    await here.lift_hold(action)
    await until_kind(here, action, "approval.postponed")

    lifted_at = here.actions.holds.holds[0].lifted_at
    assert lifted_at is not None
    assert approval_of(here, action).held_for == lifted_at - placed.placed_at
    await here.vote(action, "ann")
    await here.ended(action)
