"""The workflow's story, timers of days included, in seconds. Each test's history is replayed in the sandbox."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.action import Context, State
from domain.approval import ApprovalOutcome, Decision
from domain.errors import EffectNotSent, EffectRefused, EffectUnknown, RefusalCode
from domain.policy import Policy
from domain.record import ActionRecord
from tests.bundles import DOCUMENT, policy
from tests.workflows.world import PATIENCE, World, world
from workflows.agent_action import CancelRequest

NOTE = {"customer": "c-1", "text": "hello"}


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def test_a_low_tier_action_runs_in_one_workflow_task(here: World) -> None:
    action = await here.submit("note.add", NOTE)

    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.runs == [action.id]
    history = await here.handle(action).fetch_history()
    kinds = [event.WhichOneof("attributes") for event in history.events]
    assert kinds.count("workflow_task_completed_event_attributes") == 1
    assert here.notifier.shown == []


async def test_a_long_executor_runs_as_a_regular_activity(here: World) -> None:
    here.executor.short = False
    action = await here.submit("note.add", NOTE)

    assert await here.ended(action) is State.SUCCEEDED
    history = await here.handle(action).fetch_history()
    scheduled = [event for event in history.events if event.HasField("activity_task_scheduled_event_attributes")]
    assert len(scheduled) == 1


async def test_an_approved_action_runs_once_and_people_are_shown_the_end(here: World) -> None:
    action = await here.refund()

    receipt = await here.vote(action, "ann")

    assert receipt is not None
    assert (receipt.accepted, receipt.outcome) == (True, ApprovalOutcome.APPROVED)
    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.runs == [action.id]
    assert here.notifier.shown[0] == (State.PENDING_APPROVAL, ["asked"])
    assert here.notifier.shown[-1] == (State.SUCCEEDED, [])
    assert here.actions.kinds(action.id)[-4:] == [
        "vote.accepted",
        "approval.approved",
        "execution.intended",
        "execution.succeeded",
    ]


async def test_a_quorum_of_two_needs_two_people(here: World) -> None:
    action = await here.refund(200_000)

    first = await here.vote(action, "ann")
    again = await here.vote(action, "ann")
    assert first is not None and first.accepted and first.outcome is None
    assert again is not None and again.refusal is not None
    assert again.refusal.code is RefusalCode.DUPLICATE_VOTE
    assert here.executor.runs == []
    second = await here.vote(action, "bob")

    assert second is not None and second.outcome is ApprovalOutcome.APPROVED
    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.runs == [action.id]


async def test_one_rejection_ends_it_and_nothing_runs(here: World) -> None:
    action = await here.refund(200_000)
    await here.vote(action, "ann")

    receipt = await here.vote(action, "bob", Decision.REJECT, "the customer was refunded yesterday")

    assert receipt is not None and receipt.outcome is ApprovalOutcome.REJECTED
    assert await here.ended(action) is State.REJECTED
    assert here.executor.runs == []


async def test_a_rejection_without_a_reason_never_reaches_the_history(here: World) -> None:
    action = await here.refund()

    receipt = await here.vote(action, "ann", Decision.REJECT, "  ")

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is RefusalCode.REASON_REQUIRED
    history = await here.handle(action).fetch_history()
    assert not any(e.HasField("workflow_execution_update_accepted_event_attributes") for e in history.events)
    await here.vote(action, "ann")
    await here.ended(action)


async def test_a_ballot_that_cannot_be_parsed_is_turned_away(here: World) -> None:
    action = await here.refund()

    with pytest.raises(WorkflowUpdateFailedError):
        await here.handle(action).execute_update("vote", {"decision": "perhaps"})

    await here.vote(action, "ann")
    assert await here.ended(action) is State.SUCCEEDED


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ("out", RefusalCode.NOT_ELIGIBLE),
        ("nobody", RefusalCode.NOT_ELIGIBLE),
        ("cem", RefusalCode.NOT_ELIGIBLE),
        ("bob", RefusalCode.SELF_APPROVAL),
    ],
)
async def test_who_may_not_vote_is_refused_and_recorded(here: World, person: str, code: RefusalCode) -> None:
    action = await here.refund(context=Context(on_behalf_of="BOB@test.example"))

    receipt = await here.vote(action, person)

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is code
    assert here.actions.kinds(action.id)[-1] == "vote.refused"
    assert here.executor.runs == []
    await here.vote(action, "ann")
    await here.ended(action)


async def test_the_agents_owner_is_excluded_where_the_policy_says_so(here: World) -> None:
    action = await here.refund(200_000)

    receipt = await here.vote(action, "olga")

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is RefusalCode.SELF_APPROVAL
    await here.vote(action, "ann", Decision.REJECT, "no")
    await here.ended(action)


async def test_a_vote_on_another_revision_is_superseded(here: World) -> None:
    action = await here.refund()

    receipt = await here.vote(action, "ann", revision="sha256:" + "0" * 64)

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is RefusalCode.SUPERSEDED
    await here.vote(action, "ann")
    await here.ended(action)


async def test_the_same_ballot_twice_gets_the_same_receipt(here: World) -> None:
    action = await here.refund(200_000)

    first = await here.vote(action, "ann", id="click-1")
    second = await here.vote(action, "ann", id="click-1")

    assert first == second
    assert first is not None and first.accepted
    await here.vote(action, "bob")
    await here.ended(action)


async def test_silence_reminds_then_escalates_then_expires_and_never_executes(here: World) -> None:
    action = await here.refund()
    began = await here.environment.get_current_time()

    assert await here.ended_after(action, timedelta(minutes=20)) is State.EXPIRED

    assert here.executor.runs == []
    taken = await here.environment.get_current_time() - began
    assert timedelta(days=2) <= taken < timedelta(days=2, minutes=30)
    occasions = [occasions for _, occasions in here.notifier.shown]
    assert occasions == [["asked"], ["reminded"], ["escalated"], []]
    assert here.actions.kinds(action.id)[-3:] == ["approval.reminded", "approval.escalated", "approval.expired"]
    history = await here.handle(action).fetch_history()
    timers = [e for e in history.events if e.HasField("timer_started_event_attributes")]
    summaries = [event.user_metadata.summary.data.decode() for event in timers]
    assert summaries == ['"remind finance"', '"escalate to on-call"', '"expire: no decision by the deadline"']


async def test_after_the_escalation_the_second_group_may_decide_too(here: World) -> None:
    action = await here.refund()
    early = await here.vote(action, "cem")
    assert early is not None and early.refusal is not None

    await here.environment.sleep(timedelta(hours=4, minutes=1))
    while len(here.notifier.shown) < 3:
        await here.environment.sleep(timedelta(seconds=1))
    receipt = await here.vote(action, "cem")

    assert receipt is not None and receipt.outcome is ApprovalOutcome.APPROVED
    assert await here.ended(action) is State.SUCCEEDED


async def test_a_late_vote_finds_the_action_over(here: World) -> None:
    action = await here.refund()
    assert await here.ended_after(action, timedelta(hours=1)) is State.EXPIRED

    assert await here.vote(action, "ann") is None


async def test_the_agent_can_withdraw_while_it_waits_and_not_afterwards(here: World) -> None:
    action = await here.refund()

    receipt = await here.workflows.cancel(action.id, CancelRequest(id="1", agent="clerk"), PATIENCE)

    assert receipt is not None and receipt.outcome is ApprovalOutcome.CANCELLED
    assert await here.ended(action) is State.CANCELLED
    assert here.executor.runs == []
    assert await here.workflows.cancel(action.id, CancelRequest(id="2", agent="clerk"), PATIENCE) is None


async def test_the_agent_can_withdraw_after_an_escalation(here: World) -> None:
    action = await here.refund()
    await here.environment.sleep(timedelta(hours=5))

    receipt = await here.workflows.cancel(action.id, CancelRequest(id="1", agent="clerk"), PATIENCE)

    assert receipt is not None and receipt.accepted
    assert await here.ended(action) is State.CANCELLED


async def test_cancelling_the_workflow_in_temporal_withdraws_the_action(here: World) -> None:
    action = await here.refund()

    await here.handle(action).cancel()

    assert await here.ended(action) is State.CANCELLED
    assert here.actions.kinds(action.id)[-1] == "approval.cancelled"
    assert here.executor.runs == []


@pytest.mark.parametrize(("use_case", "state"), [("ideas", State.SUGGESTED), ("frozen", State.DENIED)])
async def test_suggestions_and_denials_never_run(here: World, use_case: str, state: State) -> None:
    action = await here.submit("note.add", NOTE, use_case=use_case)

    assert await here.ended(action) is state
    assert here.executor.runs == []


async def test_a_rule_that_fails_makes_the_tier_high_and_asks(here: World) -> None:
    action = await here.submit("note.add", {"customer": "c-1", "text": "break it"})
    await here.asked(action)

    record = here.actions.records[action.id]
    assert record.tier == "high"
    assert record.approval is not None
    assert here.executor.runs == []
    await here.vote(action, "ann", Decision.REJECT, "mend the rule first")
    await here.ended(action)


async def test_an_action_the_catalog_no_longer_admits_is_denied(here: World) -> None:
    here.policies.policy = policy(agents=[{**agent, "status": "suspended"} for agent in DOCUMENT["agents"]])

    action = await here.submit("note.add", NOTE)

    assert await here.ended(action) is State.DENIED
    assert here.executor.runs == []


async def test_an_effect_that_was_not_sent_is_tried_again(here: World) -> None:
    here.executor.failures = [EffectNotSent("away"), EffectNotSent("away")]
    action = await here.submit("note.add", NOTE)

    assert await here.ended_after(action, timedelta(seconds=1)) is State.SUCCEEDED
    assert here.executor.runs == [action.id] * 3


async def test_an_effect_that_is_refused_fails_the_action_at_once(here: World) -> None:
    here.executor.failures = [EffectRefused("422: no such customer")]
    action = await here.submit("note.add", NOTE)

    assert await here.ended(action) is State.FAILED
    assert here.executor.runs == [action.id]


async def test_an_effect_that_stays_unknown_ends_in_doubt(here: World) -> None:
    here.executor.failures = [EffectUnknown("cut off")] * 20
    action = await here.submit("note.add", NOTE)

    assert await here.ended_after(action, timedelta(seconds=5)) is State.IN_DOUBT
    assert here.actions.kinds(action.id)[-1] == "execution.in_doubt"


async def test_an_unknown_effect_of_an_executor_that_cannot_tell_repeats_is_not_tried_again(here: World) -> None:
    here.executor.idempotent = False
    here.executor.failures = [EffectUnknown("cut off")]
    action = await here.submit("note.add", NOTE)

    assert await here.ended(action) is State.IN_DOUBT
    assert here.executor.runs == [action.id]


async def test_what_the_other_side_answered_never_reaches_the_history(here: World) -> None:
    unknown = EffectUnknown("cut off")
    unknown.__cause__ = OSError("answered: mallory@private.example")
    here.executor.failures = [unknown]
    action = await here.submit("note.add", NOTE)

    assert await here.ended_after(action, timedelta(seconds=1)) is State.SUCCEEDED
    assert "mallory" not in (await here.handle(action).fetch_history()).to_json()


async def test_an_admin_reads_a_waiting_action_without_opening_a_payload(here: World) -> None:
    action = await here.refund(context=Context(prompt="secret words of the user"))

    description = await here.handle(action).describe()
    assert await description.static_summary() == "refund.create by clerk"
    attributes = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert attributes["RemitTier"] == "medium"
    assert attributes["RemitState"] == "pending_approval"
    assert attributes["RemitOwner"] == "olga"
    history = (await here.handle(action).fetch_history()).to_json()
    assert "secret words" not in history
    assert "5000" not in history
    await here.vote(action, "ann")
    await here.ended(action)
    closed = await here.handle(action).describe()
    assert {pair.key.name: pair.value for pair in closed.typed_search_attributes}["RemitState"] == "succeeded"


def asked_by(**rule: Any) -> Policy:
    """Return the tests' policy with another way to ask about refunds of medium tier."""
    approvals = [{"id": "one", "expire_after": "2d", **rule}, *DOCUMENT["approvals"][1:]]
    legal = {"id": "legal", "members": ["cem", "ann"], "slack_channel": "C01LEGAL"}
    return policy(approvals=approvals, groups=[*DOCUMENT["groups"], legal])


IN_STAGES = {"stages": [{"group": "finance", "quorum": 2}, {"group": "legal"}]}


async def test_stages_are_asked_one_after_the_other_and_the_last_one_runs_it(here: World) -> None:
    here.policies.policy = asked_by(**IN_STAGES)
    action = await here.refund()

    early = await here.vote(action, "cem")
    assert early is not None and early.refusal is not None and early.refusal.code is RefusalCode.NOT_ELIGIBLE
    await here.vote(action, "ann")
    receipt = await here.vote(action, "bob")
    assert receipt is not None and receipt.accepted
    assert (receipt.stage, receipt.stages, receipt.approvals, receipt.quorum) == (2, 2, 0, 1)
    again = await here.vote(action, "ann")
    assert again is not None and again.refusal is not None and again.refusal.code is RefusalCode.DUPLICATE_VOTE
    assert here.executor.runs == []
    await here.vote(action, "cem")

    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.runs == [action.id]
    assert [occasions for _, occasions in here.notifier.shown if occasions] == [["asked"], ["asked"]]
    votes = [json.loads(entry.body) for entry in here.actions.entries if entry.kind == "vote.accepted"]
    assert [(vote["actor"]["id"], vote["data"]["group"], vote["data"]["stage"]) for vote in votes] == [
        ("ann", "finance", 1),
        ("bob", "finance", 1),
        ("cem", "legal", 2),
    ]


async def test_a_rejection_in_a_later_stage_ends_it(here: World) -> None:
    here.policies.policy = asked_by(**IN_STAGES)
    action = await here.refund()
    await here.vote(action, "ann")
    await here.vote(action, "bob")

    await here.vote(action, "cem", Decision.REJECT, "not with this customer")

    assert await here.ended(action) is State.REJECTED
    assert here.executor.runs == []


async def test_a_delegate_decides_in_the_place_of_who_is_away_and_the_ledger_says_for_whom(here: World) -> None:
    today = await here.environment.get_current_time()
    absence = {"first_day": f"{today:%Y-%m-%d}", "last_day": "2099-12-31", "delegate": "out"}
    people = [{**p, "absences": [absence]} if p["id"] == "ann" else p for p in DOCUMENT["people"]]
    here.policies.policy = policy(people=people)
    action = await here.refund()

    await here.vote(action, "out")

    assert await here.ended(action) is State.SUCCEEDED
    (vote,) = [json.loads(entry.body) for entry in here.actions.entries if entry.kind == "vote.accepted"]
    assert (vote["actor"]["id"], vote["data"]["in_place_of"]) == ("out", "ann")


async def test_who_has_no_training_for_the_tier_may_only_reject(here: World) -> None:
    trainings = [{"tier": "low", "expires": "2099-12-31"}]
    people = [{**p, "trainings": trainings} if p["id"] == "ann" else p for p in DOCUMENT["people"]]
    here.policies.policy = policy(people=people)
    action = await here.refund()

    receipt = await here.vote(action, "ann")

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is RefusalCode.TRAINING_REQUIRED
    assert "no training of 'ann' is for tier medium" in receipt.refusal.message
    await here.vote(action, "ann", Decision.REJECT, "looks wrong")
    assert await here.ended(action) is State.REJECTED


async def test_where_approvals_need_a_reason_one_without_never_reaches_the_history(here: World) -> None:
    here.policies.policy = asked_by(group="finance", reason_required="always")
    action = await here.refund()

    receipt = await here.vote(action, "ann")

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is RefusalCode.REASON_REQUIRED
    history = await here.handle(action).fetch_history()
    assert not any(e.HasField("workflow_execution_update_accepted_event_attributes") for e in history.events)
    await here.vote(action, "ann", reason="I called the customer.")
    assert await here.ended(action) is State.SUCCEEDED


@pytest.mark.parametrize(("wanted", "amount", "needed"), [("high", 5000, False), ("high", 200_000, True)])
async def test_a_reason_may_be_needed_for_high_tiers_alone(here: World, wanted: str, amount: int, needed: bool) -> None:
    rules = [{**rule, "reason_required": wanted} for rule in DOCUMENT["approvals"]]
    here.policies.policy = policy(approvals=rules)
    action = await here.refund(amount)

    receipt = await here.vote(action, "ann")

    assert receipt is not None and (receipt.refusal is not None) is needed
    await here.vote(action, "bob", Decision.REJECT, "enough")
    await here.ended(action)


async def test_an_approval_that_became_too_old_while_nothing_could_run_is_void(here: World) -> None:
    here.policies.policy = asked_by(group="finance", approval_lifetime="1h")
    action = await here.refund()
    get = here.actions.get

    async def later(action_id: str) -> ActionRecord:
        """Return the record as it reads two hours after the decision."""
        record = await get(action_id)
        if record.approval is None or record.approval.decided_at is None:
            return record
        decided_at = record.approval.decided_at - timedelta(hours=2)
        return record.model_copy(update={"approval": record.approval.model_copy(update={"decided_at": decided_at})})

    here.actions.get = later  # type: ignore[method-assign]

    await here.vote(action, "ann")

    assert await here.ended(action) is State.EXPIRED
    assert here.executor.runs == []
    assert here.actions.kinds(action.id)[-2:] == ["approval.approved", "approval.void"]
    assert here.notifier.shown[-1] == (State.EXPIRED, [])


async def test_an_agent_on_behalf_of_nobody_known_is_asked_about_and_the_plan_says_so(here: World) -> None:
    action = await here.refund(context=Context(on_behalf_of="someone@elsewhere.example"))

    approval = here.actions.records[action.id].approval
    assert approval is not None
    assert (approval.plan.requester_unknown, approval.plan.excluded) == (True, {})
    assert "elsewhere" not in (await here.handle(action).fetch_history()).to_json()
    await here.vote(action, "ann")
    await here.ended(action)


@pytest.mark.parametrize(
    ("requester", "because"),
    [
        ("someone@elsewhere.example", "whom the agent names is not in it"),
        (None, "the agent names nobody"),
    ],
)
async def test_where_the_policy_needs_a_known_requester_anything_else_is_denied(
    here: World, requester: str | None, because: str
) -> None:
    here.policies.policy = asked_by(group="finance", require_known_requester=True)

    denied = await here.submit(
        "refund.create", {"customer": "c-1", "amount_minor": 5000}, context=Context(on_behalf_of=requester)
    )

    assert await here.ended(denied) is State.DENIED
    judgement = here.actions.records[denied.id].judgement
    assert judgement is not None
    assert judgement.because == (
        f"the approval 'one' is only for actions on behalf of a person of the catalog, and {because}"
    )
    known = await here.refund(context=Context(on_behalf_of="out@test.example"))
    await here.vote(known, "ann")
    assert await here.ended(known) is State.SUCCEEDED
