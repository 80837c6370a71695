"""What people may do with a question besides voting, and what time does: questions, edits, escalation by steps."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from domain.action import State
from domain.approval import ApprovalOutcome, Decision
from domain.errors import RefusalCode
from tests.bundles import DOCUMENT, policy
from tests.workflows.refunds import asks_by, refused
from tests.workflows.world import World, world

HOUR = timedelta(hours=1)
SOON = timedelta(seconds=20)
GROUPS: list[dict[str, Any]] = [
    {"id": "finance", "members": ["ann", "bob", "olga"]},
    {"id": "on-call", "members": ["cem"]},
    {"id": "legal", "members": ["out", "bob"]},
    {"id": "nobody", "members": []},
]


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def test_a_returned_action_waits_for_its_agent_and_then_goes_on_where_it_was(here: World) -> None:
    asks_by(here, GROUPS, remind_after="2h")
    action = await here.refund()
    await here.environment.sleep(HOUR)

    assert refused(await here.vote(action, "ann", Decision.RETURN)) is RefusalCode.REASON_REQUIRED
    assert refused(await here.vote(action, "ann", Decision.RETURN, "which invoice?")) is None
    assert refused(await here.vote(action, "bob")) is RefusalCode.QUESTIONS_OPEN
    await here.environment.sleep(5 * HOUR)
    assert here.approval(action).escalations == [], "nobody is reminded of what waits for the agent"
    assert refused(await here.answer(action, "INV-1")) is None
    assert refused(await here.answer(action, "INV-1")) is RefusalCode.NOT_WAITING
    await here.environment.sleep(HOUR / 2)
    assert here.approval(action).escalations == []
    await here.environment.sleep(HOUR / 2 + SOON)
    assert [each.kind for each in here.approval(action).escalations] == ["remind"]
    assert refused(await here.vote(action, "ann")) is None, "who asked may still vote"

    assert await here.ended(action) is State.SUCCEEDED
    (asked,) = here.approval(action).questions
    assert (asked.person, asked.text, asked.answer) == ("ann", "which invoice?", "INV-1")
    kinds = here.actions.kinds(action.id)
    assert kinds.index("approval.returned") < kinds.index("approval.answered") < kinds.index("approval.approved")


async def test_what_is_returned_can_be_rejected_and_still_expires(here: World) -> None:
    asks_by(here, GROUPS)
    rejected, silent = await here.refund(), await here.refund()
    for action in (rejected, silent):
        await here.vote(action, "ann", Decision.RETURN, "why?")

    assert refused(await here.vote(rejected, "bob", Decision.REJECT, "never")) is None
    assert await here.ended(rejected) is State.REJECTED
    assert await here.ended_after(silent, 6 * HOUR) is State.EXPIRED
    assert here.executor.runs == []


async def test_the_agent_revises_what_was_returned_and_all_votes_on_it_are_void(here: World) -> None:
    asks_by(here, GROUPS, quorum=2)
    action = await here.refund()
    await here.vote(action, "bob")
    await here.vote(action, "ann", Decision.RETURN, "too much?")

    revised = await here.revise(action, {"customer": "c-1", "amount_minor": 4000})

    assert refused(revised) is None
    approval = here.approval(action)
    assert approval.returned is None
    assert (approval.approvals, approval.revisions) == (0, 2)
    for person in ("bob", "olga"):
        assert refused(await here.vote(action, person, revision=approval.revision)) is None
    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.arguments == [{"customer": "c-1", "amount_minor": 4000}]


async def test_a_reviewer_changes_only_what_the_action_type_allows(here: World) -> None:
    asks_by(here, GROUPS)
    action = await here.refund()

    outside = await here.revise(action, {"customer": "c-2", "amount_minor": 5000}, "ann")
    stranger = await here.revise(action, {"customer": "c-1", "amount_minor": 1}, "cem")
    unfit = await here.revise(action, {"customer": "c-1", "amount_minor": -1}, "ann")
    denied = await here.revise(action, {"customer": "c-1", "amount_minor": 10_000_001}, "ann")
    stale = await here.revise(action, {"customer": "c-1", "amount_minor": 2}, "ann", base="sha256:" + "0" * 64)

    assert [refused(each) for each in (outside, unfit, denied)] == [RefusalCode.EDIT_REFUSED] * 3
    assert outside is not None and outside.refusal is not None
    assert outside.refusal.message == ("a reviewer may not change customer of 'refund.create': only amount_minor, note")
    assert refused(stranger) is RefusalCode.NOT_ELIGIBLE
    assert refused(stale) is RefusalCode.SUPERSEDED
    assert here.approval(action).revision == action.digest
    assert here.actions.kinds(action.id).count("revision.refused") == 5


async def test_who_wrote_a_revision_does_not_approve_it_nor_the_next_one(here: World) -> None:
    asks_by(here, GROUPS)
    action = await here.refund()
    await here.revise(action, {"customer": "c-1", "amount_minor": 4000}, "ann")

    own = await here.vote(action, "ann", revision=here.approval(action).revision)
    await here.revise(action, {"customer": "c-1", "amount_minor": 4000, "note": "n"}, "bob")
    earlier = await here.vote(action, "ann", revision=here.approval(action).revision)
    third = await here.vote(action, "olga", revision=here.approval(action).revision)

    assert (refused(own), refused(earlier)) == (RefusalCode.SELF_APPROVAL, RefusalCode.SELF_APPROVAL)
    assert third is not None and third.outcome is ApprovalOutcome.APPROVED
    assert await here.ended(action) is State.SUCCEEDED


async def test_who_wrote_a_revision_may_still_reject_it(here: World) -> None:
    asks_by(here, GROUPS)
    action = await here.refund()
    await here.revise(action, {"customer": "c-1", "amount_minor": 4000}, "ann")

    rejected = await here.vote(action, "ann", Decision.REJECT, "better not", revision=here.approval(action).revision)

    assert rejected is not None and rejected.outcome is ApprovalOutcome.REJECTED
    assert await here.ended(action) is State.REJECTED


async def test_time_that_a_hold_and_open_questions_took_together_counts_once(here: World) -> None:
    asks_by(here, GROUPS, remind_after="4h")
    action = await here.refund()
    start = here.approval(action).asked_at
    assert start is not None
    await here.at(start + HOUR)
    await here.vote(action, "ann", Decision.RETURN, "why?")
    await here.place_hold(action)
    assert refused(await here.answer(action, "so")) is RefusalCode.HELD
    await here.at(start + 3 * HOUR)
    await here.lift_hold(action)
    assert refused(await here.answer(action, "so")) is None

    (reminder,) = here.approval(action).plan.steps
    assert abs(reminder.at - start - 6 * HOUR) < SOON
    await here.vote(action, "ann")
    assert await here.ended(action) is State.SUCCEEDED


async def test_an_edit_is_its_editors_approval_where_the_policy_says_so(here: World) -> None:
    asks_by(here, GROUPS, edit_counts_as_approval=True)
    action = await here.refund()

    edited = await here.revise(action, {"customer": "c-1", "amount_minor": 4000}, "ann")

    assert edited is not None and edited.outcome is ApprovalOutcome.APPROVED
    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.arguments == [{"customer": "c-1", "amount_minor": 4000}]
    kinds = ["revision.made", "action.assessed", "approval.requested", "vote.accepted", "approval.approved"]
    assert here.actions.kinds(action.id)[-7:-2] == kinds


async def test_an_edit_that_would_run_by_itself_is_still_asked_about(here: World) -> None:
    asks_by(here, GROUPS)
    action = await here.submit("mail.send", {"to": "a@b.example", "subject": "s", "body": "guaranteed"})
    await here.asked(action)
    agent = await here.revise(action, {"to": "a@b.example", "subject": "s", "body": "no promise"})

    assert refused(agent) is None
    assert here.executor.runs == []
    assert refused(await here.vote(action, "ann", revision=here.approval(action).revision)) is None
    assert await here.ended(action) is State.SUCCEEDED


async def test_stages_alongside_each_other_are_asked_together_and_all_have_to_approve(here: World) -> None:
    asks_by(here, GROUPS, stages=[{"group": "finance"}, {"group": "legal", "alongside": True}, {"group": "on-call"}])
    action = await here.refund()

    assert here.approval(action).groups == ["finance", "legal"]
    assert refused(await here.vote(action, "cem")) is RefusalCode.NOT_ELIGIBLE
    assert refused(await here.vote(action, "ann")) is None
    # bob is of both: finance has its approval, so his counts for legal
    assert refused(await here.vote(action, "bob")) is None
    assert [vote.stage for vote in here.approval(action).votes] == [1, 2]
    last = await here.vote(action, "cem")
    assert last is not None and last.outcome is ApprovalOutcome.APPROVED
    assert await here.ended(action) is State.SUCCEEDED


async def test_each_stage_has_its_own_reminders(here: World) -> None:
    asks_by(
        here, GROUPS, stages=[{"group": "finance"}, {"group": "on-call"}], escalation=[{"after": "2h", "remind": True}]
    )
    action = await here.refund()
    await here.environment.sleep(2 * HOUR + SOON)
    await here.vote(action, "ann")
    second_asked_at = here.approval(action).votes[0].at
    await here.environment.sleep(HOUR)
    assert len(here.approval(action).escalations) == 1
    await here.environment.sleep(HOUR + SOON)

    first, second = here.approval(action).escalations
    assert (first.group, second.group) == ("finance", "on-call")
    assert timedelta(0) <= second.at - second_asked_at - 2 * HOUR < SOON
    await here.vote(action, "cem")
    assert await here.ended(action) is State.SUCCEEDED
    assert here.actions.kinds(action.id).count("approval.reminded") == 2


async def test_a_step_that_reaches_nobody_is_skipped_at_once_and_recorded(here: World) -> None:
    asks_by(
        here,
        GROUPS,
        exclude_agent_owner=True,
        escalation=[
            {"after": "1h", "ask_group": "nobody"},
            {"after": "3h", "ask_owner": "agent"},
            {"after": "9h", "ask_person": "cem"},
        ],
    )
    action = await here.refund()
    asked_at = here.approval(action).asked_at
    assert asked_at is not None
    await here.environment.sleep(HOUR + SOON)

    empty, owner, reached = here.approval(action).escalations
    assert empty.skipped is not None and "nobody of 'nobody' can vote now" in empty.skipped
    assert owner.skipped is not None and "'olga' may not vote here: they own the agent 'clerk'" in owner.skipped
    assert (reached.person, reached.skipped) == ("cem", None)
    assert timedelta(0) <= reached.at - asked_at - HOUR < SOON
    assert refused(await here.vote(action, "cem")) is None
    assert await here.ended(action) is State.SUCCEEDED
    assert here.actions.kinds(action.id).count("approval.escalation_skipped") == 2


async def test_whoever_is_on_call_is_asked_when_the_step_comes(here: World) -> None:
    start = (await here.environment.get_current_time()).date()
    rotation = {
        "id": "payments",
        "members": ["out", "cem"],
        "starts_on": start.isoformat(),
        "turn_days": 1,
        "hands_over": "00:00",
    }
    rule = {
        "id": "one",
        "group": "finance",
        "expire_after": "5d",
        "escalation": [{"after": "1d", "ask_rotation": "payments"}],
    }
    here.policies.policy = policy(approvals=[rule, *DOCUMENT["approvals"][1:]], groups=GROUPS, rotations=[rotation])
    action = await here.refund()
    await here.environment.sleep(timedelta(days=1) + SOON)

    assert [each.person for each in here.approval(action).escalations] == ["cem"]
    assert refused(await here.vote(action, "out")) is RefusalCode.NOT_ELIGIBLE
    assert refused(await here.vote(action, "cem")) is None
    assert await here.ended(action) is State.SUCCEEDED


async def test_the_deadline_moves_once_and_by_no_more_than_the_policy_allows(here: World) -> None:
    asks_by(here, GROUPS, extension="1d")
    action = await here.refund()
    deadline = here.approval(action).plan.expires_at

    far = await here.manage(action, "extend", "ann", until=(deadline + 25 * HOUR).isoformat())
    stranger = await here.manage(action, "extend", "cem", until=(deadline + HOUR).isoformat())
    once = await here.manage(action, "extend", "ann", until=(deadline + 20 * HOUR).isoformat())
    twice = await here.manage(action, "extend", "bob", until=(deadline + 21 * HOUR).isoformat())

    assert (refused(far), refused(stranger)) == (RefusalCode.NOT_OFFERED, RefusalCode.NOT_ELIGIBLE)
    assert (refused(once), refused(twice)) == (None, RefusalCode.NOT_OFFERED)
    await here.at(deadline + 19 * HOUR)
    assert here.approval(action).outcome is None
    assert await here.ended_after(action, HOUR) is State.EXPIRED
    decided_at = here.approval(action).decided_at
    assert decided_at is not None and timedelta(0) <= decided_at - deadline - 20 * HOUR < SOON
    assert here.actions.kinds(action.id).count("request.refused") == 3


async def test_a_reminder_is_put_off_and_the_question_handed_on(here: World) -> None:
    asks_by(here, GROUPS, remind_after="2h")
    action = await here.refund()
    start = await here.environment.get_current_time()

    assert refused(await here.manage(action, "reassign", "ann", to="cem")) is RefusalCode.NOT_ELIGIBLE
    assert refused(await here.manage(action, "reassign", "ann", to="bob")) is None
    assert refused(await here.manage(action, "reassign", "ann")) is RefusalCode.NOT_OFFERED
    assert refused(await here.manage(action, "snooze", "bob", until=(start + 7 * HOUR).isoformat())) is None
    await here.at(start + 6 * HOUR)
    assert here.approval(action).escalations == []
    await here.at(start + 7 * HOUR + SOON)
    assert len(here.approval(action).escalations) == 1
    assert refused(await here.manage(action, "snooze", "bob", until=(start + 9 * HOUR).isoformat())) is (
        RefusalCode.NOT_OFFERED
    )
    assert here.approval(action).assigned == ["bob"]
    assert refused(await here.vote(action, "ann")) is None, "who may vote stays as it was"
    assert await here.ended(action) is State.SUCCEEDED


async def test_nothing_of_it_goes_on_while_a_hold_is_on_or_after_the_decision(here: World) -> None:
    asks_by(here, GROUPS, extension="1d")
    action = await here.refund()
    until = (here.approval(action).plan.expires_at + HOUR).isoformat()
    await here.place_hold(action)

    assert refused(await here.revise(action, {"customer": "c-1", "amount_minor": 1}, "ann")) is RefusalCode.HELD
    assert refused(await here.manage(action, "extend", "ann", until=until)) is RefusalCode.HELD
    await here.lift_hold(action)
    await here.vote(action, "ann", Decision.REJECT, "no")
    await here.ended(action)

    assert await here.revise(action, {"customer": "c-1", "amount_minor": 1}, "ann") is None
    assert await here.manage(action, "extend", "ann", until=until) is None
    assert await here.answer(action, "?") is None


async def test_a_tier_that_wants_a_new_sign_in_takes_no_approval_without_one(here: World) -> None:
    asks_by(here, GROUPS, step_up=["medium"])
    action = await here.refund()

    assert refused(await here.vote(action, "ann")) is RefusalCode.STEP_UP_REQUIRED
    assert here.approval(action).votes == []
    assert refused(await here.vote(action, "bob", stepped_up=True)) is None
    assert await here.ended(action) is State.SUCCEEDED
