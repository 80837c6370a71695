"""Intent, effect, outcome: in this order, each durable, and no effect twice without a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.execute import Execute, Executed, ExecuteRequest, SettleRequest
from activities.gather import Gather
from activities.judge import Judge
from domain.action import ExecutionResult, Outcome, State, Tier
from domain.approval import Approval, ApprovalOutcome, ask
from domain.canonical import digest
from domain.errors import EffectNotSent, EffectRefused, EffectUnknown, PolicyUnavailable, RateLimited
from domain.guardrails import Use
from domain.holds import Hold
from domain.ledger import Entry
from domain.policy import Policy
from domain.record import ActionRecord, Claim, Execution
from tests.approvals import planned
from tests.bundles import DOCUMENT, policy
from tests.databases import NOW, note
from tests.holds import RecordingHolds, hold
from tests.workflows.world import NoPast

OTHER = digest(b"other")


@dataclass
class Recorder:
    """A store of one action, an executor and a policy that write down what is done with them, in order."""

    record: ActionRecord
    done: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    uncertain: bool = False
    grants: bool = True
    hold: Hold | None = None
    holds: RecordingHolds = field(default_factory=RecordingHolds)
    limit: RateLimited | None = None
    uses: list[Use] = field(default_factory=list)
    idempotent: bool = True
    failure: BaseException | None = None
    answer: dict[str, Any] = field(default_factory=lambda: {"status": 201})
    ran: list[tuple[Mapping[str, Any], Mapping[str, Any], str]] = field(default_factory=list)
    result: ExecutionResult | None = None
    faster: Outcome | None = None
    active: Policy = field(default_factory=policy)

    async def get(self, action_id: str) -> ActionRecord:
        assert action_id == self.record.action.id
        return self.record

    async def claim(
        self, action_id: str, digest: str, execution: Execution, entry: Entry, uses: Sequence[Use] = ()
    ) -> Claim | Hold | None:
        """Grant it as the test says, as the store does: with the intent, durable."""
        self.uses = list(uses)
        if self.limit is not None:
            raise self.limit
        if self.hold is not None:
            return self.hold
        if not self.grants:
            return None
        assert (action_id, execution.key) == (self.record.action.id, action_id)
        self._note("intent", entry)
        self.record = self.record.model_copy(update={"state": State.EXECUTING, "execution": execution})
        return Claim(record=self.record, may_have_happened=self.uncertain, since=NOW)

    async def record_approval(
        self, action_id: str, approval: Approval, state: State, at: datetime, entries: Sequence[Entry]
    ) -> bool:
        """Record it, unless execution has begun."""
        assert (action_id, approval) == (self.record.action.id, self.record.approval)
        if not self.grants:
            return False
        for entry in entries:
            self._note(state.value, entry)
        self.record = self.record.model_copy(update={"state": state})
        return True

    async def attempt_ended(self, action_id: str, since: datetime, uncertain: bool) -> None:
        assert (action_id, since) == (self.record.action.id, NOW)
        self.done.append("ended, uncertain" if uncertain else "ended, nothing sent")

    async def record_outcome(self, action_id: str, result: ExecutionResult, at: datetime, entry: Entry) -> bool:
        """Record it, unless another attempt was faster."""
        assert action_id == self.record.action.id
        if self.faster is not None:
            self.record = self.record.model_copy(update={"state": self.faster.state})
            return False
        self._note(result.outcome.value, entry)
        self.result = result
        return True

    async def current(self) -> Policy:
        return self.active

    def is_idempotent(self, settings: Mapping[str, Any]) -> bool:
        return self.idempotent

    async def run(self, settings: Mapping[str, Any], arguments: Mapping[str, Any], key: str) -> dict[str, Any]:
        self.done.append("effect")
        self.ran.append((settings, arguments, key))
        if self.failure is not None:
            raise self.failure
        return self.answer

    def _note(self, what: str, entry: Entry) -> None:
        self.done.append(what)
        self.entries.append(entry)

    @property
    def activity(self) -> Execute:
        return Execute(self, self, {"http.request": self}, self.holds, Judge(Gather(NoPast(), {})))

    async def execute(self, wanted: str | None = None, ages: bool = False) -> State:
        """Run the activity on the action's digest, or on another."""
        action = self.record.action
        request = ExecuteRequest(action_id=action.id, digest=wanted or action.digest, ages=ages)
        return (await self.activity.execute(request)).state


@pytest.fixture
def here() -> Recorder:
    action, judgement = note()
    return Recorder(
        ActionRecord(action=action, owner="olga", state=State.ASSESSING, judgement=judgement, updated_at=NOW)
    )


def problem(here: Recorder) -> str:
    """Return why the execution ended as it did."""
    assert here.result is not None
    return str(here.result.result["problem"])


async def test_the_intent_is_durable_before_the_effect_and_the_outcome_comes_after_it(here: Recorder) -> None:
    assert await here.execute() is State.SUCCEEDED

    assert here.done == ["intent", "effect", "succeeded"]
    action = here.record.action
    settings, arguments, key = here.ran[0]
    assert settings == DOCUMENT["action_types"][0]["settings"]
    assert arguments == {"customer": "c-7", "text": "called back"}
    assert key == action.id
    intent, outcome = here.entries
    assert f'"data":{{"digest":"{action.digest}","idempotency_key":"{action.id}"}}'.encode() in intent.body
    assert (intent.kind, outcome.kind) == ("execution.intended", "execution.succeeded")
    assert {intent.action, outcome.action} == {action.id}


async def test_the_answer_is_kept_beside_the_entry_and_only_committed_to_in_it(here: Recorder) -> None:
    here.answer = {"customer": "Ann Example"}

    await here.execute()

    (kept,) = here.entries[-1].secrets
    assert (kept.name, kept.content) == ("result", b'{"customer":"Ann Example"}')
    assert b"Ann" not in here.entries[-1].body
    assert kept.commitment.encode() in here.entries[-1].body


async def test_entries_have_the_same_key_in_every_attempt(here: Recorder) -> None:
    await here.execute()
    await here.execute()

    assert here.entries[0].key == here.entries[2].key
    assert here.entries[1].key == here.entries[3].key


async def test_what_the_store_does_not_grant_does_not_run(here: Recorder) -> None:
    here.grants = False

    with pytest.raises(ApplicationError, match=r"is not approved to run as sha256:.*; nothing was run") as failure:
        await here.execute()

    assert (failure.value.type, failure.value.non_retryable) == ("effect_refused", True)
    assert here.done == []


@pytest.mark.parametrize("outcome", Outcome)
async def test_what_has_run_is_not_run_again_and_its_end_is_returned(here: Recorder, outcome: Outcome) -> None:
    here.grants = False
    ended = Execution(key="a", outcome=outcome)
    here.record = here.record.model_copy(update={"state": outcome.state, "execution": ended})

    assert await here.execute() is outcome.state
    assert here.done == []


async def test_stored_arguments_that_are_not_the_revision_are_never_run(here: Recorder) -> None:
    changed = here.record.action.model_copy(update={"arguments_bytes": b'{"customer":"c-8","text":"called back"}'})
    here.record = here.record.model_copy(update={"action": changed})

    assert await here.execute() is State.FAILED

    assert here.done == ["intent", "failed"]
    assert problem(here).startswith("digest_mismatch: ")


async def test_a_digest_of_another_revision_is_never_run(here: Recorder) -> None:
    assert await here.execute(OTHER) is State.FAILED

    assert here.done == ["intent", "failed"]
    assert problem(here).startswith("digest_mismatch: ")


async def test_after_a_crash_an_idempotent_executor_goes_again_with_the_same_key(here: Recorder) -> None:
    here.uncertain = True

    assert await here.execute() is State.SUCCEEDED

    assert here.done == ["intent", "effect", "succeeded"]
    assert here.ran[0][2] == here.record.action.id


async def test_after_a_crash_any_other_executor_is_not_run_and_a_person_must_look(here: Recorder) -> None:
    here.uncertain, here.idempotent = True, False

    assert await here.execute() is State.IN_DOUBT

    assert here.done == ["intent", "in_doubt"]
    assert problem(here).startswith("an earlier attempt was cut off and may have happened")


async def test_while_a_hold_is_on_nothing_begins_and_the_action_does_not_fail(here: Recorder) -> None:
    here.hold = hold()
    request = ExecuteRequest(action_id=here.record.action.id, digest=here.record.action.digest)

    done = await here.activity.execute(request)

    assert done == Executed(state=State.ASSESSING, held=here.hold.name)
    assert here.done == []


async def test_what_would_go_over_a_limit_now_has_failed_and_says_which(here: Recorder) -> None:
    here.limit = RateLimited("guardrail 'hourly' allows at most 3 actions in 1h; nothing was run, submit it anew")

    assert await here.execute() is State.FAILED

    assert here.done == ["failed"]
    assert problem(here).startswith("rate_limited: guardrail 'hourly' allows at most 3 actions in 1h; ")


async def test_the_claim_takes_of_the_limits_that_are_live_now(here: Recorder) -> None:
    action_types = [{**DOCUMENT["action_types"][0], "roles": {"recipients": ["customer"]}}]
    hourly = {"id": "hourly", "limit": 3, "window": "1h", "per": ["recipient"], "on_exceed": "high"}
    use_cases = [{**DOCUMENT["use_cases"][0], "action_types": ["note.add"]}]
    here.active = policy(
        action_types=action_types,
        use_cases=use_cases,
        routes=[{"do": "deny"}],
        guardrails={"rate_limits": [hourly, {**hourly, "id": "other", "actions": {"agents": ["other"]}}]},
    )

    await here.execute()
    assert [(use.id, use.recipients, use.stops) for use in here.uses] == [("hourly", ["c-7"], True)]

    here.record = here.record.model_copy(update={"exceeded": {"hourly": Tier.HIGH}})
    await here.execute()
    assert [use.stops for use in here.uses] == [False], "it was judged as such"


async def test_without_limits_the_claim_takes_of_none(here: Recorder) -> None:
    await here.execute()

    assert here.uses == []


async def test_a_process_that_was_stopped_after_its_claim_sends_nothing(
    here: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.execute.BEGIN_WITHIN_SECONDS", -1.0)  # it is too late when the claim is there

    with pytest.raises(ApplicationError, match="stopped between its claim and the effect") as failure:
        await here.execute()

    assert (failure.value.type, failure.value.non_retryable) == ("effect_not_sent", False)
    assert here.done == ["intent", "ended, nothing sent"]


@pytest.mark.parametrize("idempotent", [True, False])
async def test_what_was_not_sent_is_released_and_may_be_tried_again(here: Recorder, idempotent: bool) -> None:
    here.failure, here.idempotent = EffectNotSent("nobody listens"), idempotent

    with pytest.raises(ApplicationError, match="nobody listens") as failure:
        await here.execute()

    assert (failure.value.type, failure.value.non_retryable) == ("effect_not_sent", False)
    assert here.done == ["intent", "effect", "ended, nothing sent"]


async def test_not_sent_this_time_does_not_release_an_earlier_attempt(here: Recorder) -> None:
    here.failure, here.uncertain = EffectNotSent("nobody listens"), True

    with pytest.raises(ApplicationError):
        await here.execute()

    assert here.done == ["intent", "effect", "ended, uncertain"]


async def test_an_unknown_effect_of_an_idempotent_executor_may_be_tried_again(here: Recorder) -> None:
    here.failure = EffectUnknown("timed out")

    with pytest.raises(ApplicationError, match="timed out") as failure:
        await here.execute()

    assert (failure.value.type, failure.value.non_retryable) == ("effect_unknown", False)
    assert here.done == ["intent", "effect", "ended, uncertain"]


async def test_an_unknown_effect_of_any_other_executor_is_in_doubt(here: Recorder) -> None:
    here.failure, here.idempotent = EffectUnknown("timed out"), False

    assert await here.execute() is State.IN_DOUBT

    assert here.done == ["intent", "effect", "in_doubt"]
    assert problem(here) == "timed out"


async def test_a_refused_effect_has_failed(here: Recorder) -> None:
    here.failure = EffectRefused("404: no such customer")

    assert await here.execute() is State.FAILED

    assert here.done == ["intent", "effect", "failed"]
    assert problem(here) == "404: no such customer"


async def test_a_refused_repeat_says_nothing_of_the_attempt_before_it(here: Recorder) -> None:
    here.failure, here.uncertain = EffectRefused("401: the token has run out"), True

    assert await here.execute() is State.IN_DOUBT

    assert problem(here) == "401: the token has run out"


async def test_a_bug_of_an_executor_leaves_the_intent_as_it_is(here: Recorder) -> None:
    here.failure = ZeroDivisionError()

    with pytest.raises(ZeroDivisionError):
        await here.execute()

    assert here.done == ["intent", "effect"], "neither released nor ended: the next attempt finds it uncertain"


@pytest.mark.parametrize(
    "without",
    [
        {"action_types": [{**kind, "executor": "other.thing"} for kind in DOCUMENT["action_types"]]},
        {
            "action_types": [kind for kind in DOCUMENT["action_types"] if kind["id"] == "refund.create"],
            "use_cases": [{**DOCUMENT["use_cases"][0], "action_types": ["refund.create"]}],
            "routes": [{"do": "deny"}],
        },
    ],
    ids=["no such executor here", "no such action type any more"],
)
async def test_without_an_executor_it_has_failed_and_nothing_was_run(here: Recorder, without: dict[str, Any]) -> None:
    here.active = policy(**without)

    assert await here.execute() is State.FAILED

    assert here.done == ["intent", "failed"]
    assert problem(here) == "no executor for action type 'note.add' here; nothing was run"


async def test_without_a_policy_nothing_is_begun_and_it_is_tried_again(here: Recorder) -> None:
    class NoPolicy:
        async def current(self) -> Policy:
            raise PolicyUnavailable("no policy bundle is active")

    activity = Execute(here, NoPolicy(), {"http.request": here}, here.holds, Judge(Gather(NoPast(), {})))
    request = ExecuteRequest(action_id=here.record.action.id, digest=here.record.action.digest)

    with pytest.raises(ApplicationError) as failure:
        await activity.execute(request)

    assert not failure.value.non_retryable
    assert here.done == []


async def test_where_another_attempt_was_faster_its_outcome_is_the_one_returned(here: Recorder) -> None:
    here.faster = Outcome.IN_DOUBT

    assert await here.execute() is State.IN_DOUBT


SETTLED = {
    "never claimed": (None, State.PENDING_APPROVAL, State.FAILED),
    "nothing was sent": (Execution(key="a", uncertain=False), State.EXECUTING, State.FAILED),
    "it may have happened": (Execution(key="a", uncertain=True), State.EXECUTING, State.IN_DOUBT),
}


@pytest.mark.parametrize(("execution", "before", "after"), SETTLED.values(), ids=SETTLED.keys())
async def test_what_is_not_tried_again_is_settled(
    here: Recorder, execution: Execution | None, before: State, after: State
) -> None:
    here.record = here.record.model_copy(update={"state": before, "execution": execution})
    request = SettleRequest(action_id=here.record.action.id, reason="gave up after 8 attempts")

    assert (await here.activity.settle(request)).state is after

    assert here.done == [after.value]
    assert problem(here) == "gave up after 8 attempts"


@pytest.mark.parametrize("state", [state for state in State if state.final])
async def test_what_has_ended_is_not_settled_again(here: Recorder, state: State) -> None:
    here.record = here.record.model_copy(update={"state": state})

    assert (await here.activity.settle(SettleRequest(action_id=here.record.action.id, reason="x"))).state is state
    assert here.done == []


async def test_settling_what_another_attempt_ends_at_the_same_time_returns_its_end(here: Recorder) -> None:
    here.record = here.record.model_copy(update={"state": State.EXECUTING, "execution": Execution(key="a")})
    here.faster = Outcome.SUCCEEDED

    request = SettleRequest(action_id=here.record.action.id, reason="timed out")

    assert (await here.activity.settle(request)).state is State.SUCCEEDED


def approved(here: Recorder, ago: timedelta, lifetime: timedelta | None = timedelta(hours=1)) -> None:
    """Make the action one that people approved so long ago."""
    decided = datetime.now(UTC) - ago
    plan = planned(expires_at=decided, approval_lifetime=lifetime)
    waiting = ask(plan, here.record.action.digest)
    approval = waiting.model_copy(update={"outcome": ApprovalOutcome.APPROVED, "decided_at": decided})
    here.record = here.record.model_copy(update={"state": State.PENDING_APPROVAL, "approval": approval})


@pytest.mark.parametrize(
    ("ago", "lifetime"),
    [(timedelta(minutes=59), timedelta(hours=1)), (timedelta(days=29), None)],
    ids=["young enough", "for ever"],
)
async def test_an_approval_that_is_good_is_executed(here: Recorder, ago: timedelta, lifetime: timedelta | None) -> None:
    approved(here, ago, lifetime)

    assert await here.execute(ages=True) is State.SUCCEEDED
    assert here.done == ["intent", "effect", "succeeded"]


async def test_an_approval_that_became_too_old_is_void_and_the_action_expires_without_an_intent(here: Recorder) -> None:
    approved(here, timedelta(minutes=61))

    assert await here.execute(ages=True) is State.EXPIRED

    assert here.done == ["expired"]
    (entry,) = here.entries
    assert entry.kind == "approval.void"
    assert here.record.approval is not None and here.record.approval.void_at is not None
    until = here.record.approval.void_at.isoformat(timespec="seconds")
    assert f'"data":{{"digest":"{here.record.action.digest}","void_at":"{until}"}}'.encode() in entry.body


async def test_an_approval_does_not_become_void_while_a_hold_is_on(here: Recorder) -> None:
    approved(here, timedelta(days=3))
    here.hold = here.holds.place(datetime.now(UTC) - timedelta(days=3))

    assert await here.execute(ages=True) is State.PENDING_APPROVAL
    assert here.done == []


@pytest.mark.parametrize(("held", "ended"), [(61, State.SUCCEEDED), (59, State.EXPIRED)], ids=["in time", "too old"])
async def test_the_time_it_was_held_does_not_make_an_approval_older(here: Recorder, held: int, ended: State) -> None:
    approved(here, timedelta(minutes=120))
    lifted_at = datetime.now(UTC) - timedelta(minutes=10)
    here.holds.place(lifted_at - timedelta(minutes=held))
    here.holds.lift(lifted_at)

    assert await here.execute(ages=True) is ended


async def test_an_approval_that_another_attempt_begins_to_execute_is_not_called_void(here: Recorder) -> None:
    approved(here, timedelta(minutes=61))
    here.grants = False

    with pytest.raises(ApplicationError, match="another attempt to execute began") as failure:
        await here.execute(ages=True)

    assert failure.value.type == "effect_not_sent"
    assert here.done == []


@pytest.mark.parametrize(("uncertain", "ended"), [(False, State.FAILED), (True, State.IN_DOUBT)])
async def test_an_execution_that_began_is_not_taken_up_again_with_an_approval_that_is_too_old(
    here: Recorder, uncertain: bool, ended: State
) -> None:
    approved(here, timedelta(minutes=61))
    execution = Execution(key=here.record.action.id, intent_at=NOW, uncertain=uncertain)
    here.record = here.record.model_copy(update={"state": State.EXECUTING, "execution": execution})

    assert await here.execute(ages=True) is ended

    assert here.ran == []
    assert "the approval was good until" in problem(here) and "nothing was run after that" in problem(here)


async def test_how_an_action_ended_is_not_changed_by_an_approval_that_became_too_old(here: Recorder) -> None:
    approved(here, timedelta(minutes=61))
    done = Execution(key=here.record.action.id, intent_at=NOW, uncertain=False, outcome=Outcome.SUCCEEDED)
    here.record = here.record.model_copy(update={"state": State.SUCCEEDED, "execution": done})
    here.grants = False

    assert await here.execute(ages=True) is State.SUCCEEDED
    assert here.done == []


async def test_a_tightened_policy_reaches_an_action_that_another_one_let_run(here: Recorder) -> None:
    careful = [{"do": "deny", "because": "nothing runs today"}]
    here.active = policy(routes=careful)
    request = ExecuteRequest(
        action_id=here.record.action.id, digest=here.record.action.digest, judged_by="sha256:" + "a" * 64
    )

    assert (await here.activity.execute(request)).state is State.FAILED

    assert here.ran == []
    assert here.result is not None
    assert here.result.result["problem"] == (
        "policy_denied: the policy that is active now denies it: nothing runs today; nothing was run, submit it anew"
    )


async def test_the_policy_that_judged_an_action_is_not_asked_again(here: Recorder) -> None:
    here.active = policy(routes=[{"do": "deny"}])
    judged_by = here.active.ref.digest

    request = ExecuteRequest(action_id=here.record.action.id, digest=here.record.action.digest, judged_by=judged_by)

    assert (await here.activity.execute(request)).state is State.SUCCEEDED
