"""The vote state machine under any sequence of ballots, timers and withdrawals."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.approval import (
    Approval,
    ApprovalOutcome,
    ApprovalPlan,
    Ballot,
    Decision,
    Door,
    StepKind,
    ask,
    cancel,
    cast,
    next_step,
    take,
)
from domain.authority import may_vote
from tests.bundles import policy

REVISIONS = ["sha256:" + digit * 64 for digit in "ab"]
START = datetime(2026, 3, 2, tzinfo=UTC)
POLICY = policy()
PEOPLE = [*sorted(POLICY.people), "nobody"]


class Asking(RuleBasedStateMachine):
    """Plays one approval while it keeps its own account of what was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.outcome: ApprovalOutcome | None = None
        self.approved_by: set[str] = set()
        self.rejected = False
        self.ballots = 0

    @initialize(
        quorum=st.integers(1, 3),
        excluded=st.sets(st.sampled_from(PEOPLE)),
        hours=st.lists(st.integers(1, 20), min_size=3, max_size=3),
    )
    def begin(self, quorum: int, excluded: set[str], hours: list[int]) -> None:
        remind, escalate, expire = (START + timedelta(hours=hour) for hour in sorted(hours))
        self.approval: Approval = ask(
            ApprovalPlan(
                rule="one",
                group="finance",
                quorum=quorum,
                excluded=dict.fromkeys(excluded, "for this test"),
                remind_at=remind,
                escalate_at=escalate,
                escalate_to="on-call",
                expires_at=expire,
            ),
            REVISIONS[0],
        )

    @rule(minutes=st.integers(1, 300))
    def time_passes(self, minutes: int) -> None:
        """Time goes on, and every timer that is due may or may not have fired yet."""
        self.now += timedelta(minutes=minutes)

    @rule()
    def a_timer_fires(self) -> None:
        step = next_step(self.approval)
        if step.at > self.now:
            return
        self.approval = take(self.approval, step, self.now)
        if self.outcome is None and step.kind is StepKind.EXPIRE:
            self.outcome = ApprovalOutcome.EXPIRED

    @rule(
        person=st.sampled_from(PEOPLE),
        decision=st.sampled_from(Decision),
        revision=st.sampled_from(REVISIONS),
        reason=st.sampled_from(["", " ", "because"]),
    )
    def somebody_votes(self, person: str, decision: Decision, revision: str, reason: str) -> None:
        self.ballots += 1
        ballot = Ballot(
            id=str(self.ballots), person=person, decision=decision, revision=revision, reason=reason, door=Door.API
        )
        plan, before = self.approval.plan, self.approval
        eligibility = may_vote(person, POLICY.people, POLICY.groups, before.groups, plan.excluded)
        self.approval, receipt = cast(before, ballot, eligibility, self.now)
        assert receipt.accepted is (receipt.refusal is None)
        if not receipt.accepted:
            assert self.approval == before, "a refused ballot changes nothing"
            return
        assert self.outcome is None, "nothing counts after the decision"
        assert self.now < plan.expires_at, "nothing counts at or after the deadline"
        assert revision == REVISIONS[0], "only votes on this revision count"
        assert person not in plan.excluded
        assert any(person in POLICY.groups[group].members for group in before.groups)
        assert person not in self.approved_by, "one person counts once"
        if decision is Decision.REJECT:
            assert reason.strip()
            self.rejected, self.outcome = True, ApprovalOutcome.REJECTED
            return
        self.approved_by.add(person)
        if len(self.approved_by) >= plan.quorum:
            self.outcome = ApprovalOutcome.APPROVED

    @rule()
    def the_agent_withdraws(self) -> None:
        self.approval, receipt = cancel(self.approval, self.now)
        assert receipt.accepted is (self.outcome is None)
        self.outcome = self.outcome or ApprovalOutcome.CANCELLED

    @invariant()
    def the_outcome_is_set_once_and_never_changes(self) -> None:
        assert self.approval.outcome is self.outcome
        assert (self.approval.decided_at is None) is (self.outcome is None)

    @invariant()
    def approved_means_enough_different_people_and_no_rejection(self) -> None:
        voters = [vote.person for vote in self.approval.votes]
        assert len(voters) == len(set(voters))
        assert self.approval.approvals == len(self.approved_by)
        if self.approval.outcome is ApprovalOutcome.APPROVED:
            assert len(self.approved_by) >= self.approval.plan.quorum
            assert not self.rejected

    @invariant()
    def each_timer_fires_once(self) -> None:
        kinds = [escalation.kind for escalation in self.approval.escalations]
        assert len(kinds) == len(set(kinds))


TestAsking = Asking.TestCase
TestAsking.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
