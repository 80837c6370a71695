"""The vote state machine under any sequence of ballots, timers and withdrawals, over any stages."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.approval import (
    Approval,
    ApprovalOutcome,
    Ballot,
    Decision,
    Door,
    ask,
    cancel,
    cast,
)
from domain.approval_plan import StepKind
from domain.authority import Question, may_vote
from domain.catalog import Stage
from domain.escalation import next_step, take
from tests.approvals import planned
from tests.bundles import DOCUMENT, policy

REVISIONS = ["sha256:" + digit * 64 for digit in "ab"]
START = datetime(2026, 3, 2, tzinfo=UTC)
# ann is away for a week: out votes in her place. So each group has somebody who is in another, or stands in.
POLICY = policy(
    people=[
        {**person, "absences": [{"first_day": "2026-03-01", "last_day": "2026-03-07", "delegate": "out"}]}
        if person["id"] == "ann"
        else person
        for person in DOCUMENT["people"]
    ],
    groups=[*DOCUMENT["groups"], {"id": "legal", "members": ["cem", "ann", "bob"]}],
)
PEOPLE = [*sorted(POLICY.people), "nobody", "ann", "out"]
MOSTLY_APPROVE = st.sampled_from([*[Decision.APPROVE] * 15, Decision.REJECT])
STAGES = st.builds(Stage, group=st.sampled_from(["finance", "legal", "on-call"]), quorum=st.integers(1, 3))


class Asking(RuleBasedStateMachine):
    """Plays one approval while it keeps its own account of what was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.outcome: ApprovalOutcome | None = None
        self.approved_by: list[set[str]] = [set()]  # in each stage that was asked
        self.rejected = False
        self.ballots = 0

    @initialize(
        stages=st.lists(STAGES, min_size=1, max_size=3),
        excluded=st.sets(st.sampled_from(PEOPLE), max_size=1),
        hours=st.lists(st.integers(5, 60), min_size=3, max_size=3),
        exclude_earlier=st.booleans(),
        reason_required=st.booleans(),
    )
    def begin(
        self,
        stages: list[Stage],
        excluded: set[str],
        hours: list[int],
        exclude_earlier: bool,
        reason_required: bool,
    ) -> None:
        remind, escalate, expire = (START + timedelta(hours=hour) for hour in sorted(hours))
        self.approval: Approval = ask(
            planned(
                group=stages[0].group,
                quorum=stages[0].quorum,
                later=stages[1:],
                exclude_earlier_stages=exclude_earlier,
                reason_required=reason_required,
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
        decision=MOSTLY_APPROVE,
        revision=st.sampled_from([*REVISIONS[:1] * 4, REVISIONS[1]]),
        reason=st.sampled_from(["", " ", "because", "because of that"]),
    )
    def somebody_votes(self, person: str, decision: Decision, revision: str, reason: str) -> None:
        self.ballots += 1
        ballot = Ballot(
            id=str(self.ballots), person=person, decision=decision, revision=revision, reason=reason, door=Door.API
        )
        plan, before = self.approval.plan, self.approval
        approving = decision is Decision.APPROVE
        question = Question(at=self.now, groups=before.groups, excluded=plan.excluded, approving=approving)
        self.approval, receipt = cast(before, ballot, may_vote(person, POLICY, question), self.now)
        assert receipt.accepted is (receipt.refusal is None)
        if not receipt.accepted:
            assert self.approval == before, "a refused ballot changes nothing"
            return
        assert self.outcome is None, "nothing counts after the decision"
        assert self.now < plan.expires_at, "nothing counts at or after the deadline"
        assert revision == REVISIONS[0], "only votes on this revision count"
        assert person not in plan.excluded
        place = self.approval.votes[-1].in_place_of or person
        assert place not in plan.excluded
        assert any(place in POLICY.groups[group].members for group in before.groups)
        assert place == person or (place, person) == ("ann", "out")
        now = set.union(*self.approved_by) if plan.exclude_earlier_stages else self.approved_by[-1]
        assert person not in now, "one person counts once"
        if not approving:
            assert reason.strip()
            self.rejected, self.outcome = True, ApprovalOutcome.REJECTED
            return
        assert reason.strip() or not plan.reason_required
        self.approved_by[-1].add(person)
        if len(self.approved_by[-1]) >= plan.stages[len(self.approved_by) - 1].quorum:
            if len(self.approved_by) == len(plan.stages):
                self.outcome = ApprovalOutcome.APPROVED
            else:
                self.approved_by.append(set())

    @rule(seldom=st.integers(0, 15))
    def the_agent_withdraws(self, seldom: int) -> None:
        if seldom < 15:  # else hardly any question would be decided by votes
            return
        self.approval, receipt = cancel(self.approval, self.now)
        assert receipt.accepted is (self.outcome is None)
        self.outcome = self.outcome or ApprovalOutcome.CANCELLED

    @invariant()
    def the_outcome_is_set_once_and_never_changes(self) -> None:
        assert self.approval.outcome is self.outcome
        assert (self.approval.decided_at is None) is (self.outcome is None)

    @invariant()
    def approved_means_enough_different_people_in_every_stage_and_no_rejection(self) -> None:
        plan, votes = self.approval.plan, self.approval.votes
        voters = [(vote.person, 0 if plan.exclude_earlier_stages else vote.stage) for vote in votes]
        assert len(voters) == len(set(voters))
        assert self.approval.stage == len(self.approved_by)
        assert self.approval.approvals == len(self.approved_by[-1])
        assert all(vote.revision == REVISIONS[0] for vote in votes)
        approved = self.approval.outcome is ApprovalOutcome.APPROVED
        assert not (approved and self.rejected)
        for number, stage in enumerate(plan.stages, 1):
            counted = [v for v in votes if v.stage == number and v.decision is Decision.APPROVE]
            places = {vote.in_place_of or vote.person for vote in counted}
            assert len(counted) == len(places) == self.approval.approvals_in(number), "one place counts once"
            assert not approved or len(counted) >= stage.quorum

    @invariant()
    def only_the_stage_that_is_asked_and_its_escalation_are_asked(self) -> None:
        stage = self.approval.plan.stages[self.approval.stage - 1]
        assert self.approval.groups[0] == stage.group
        assert set(self.approval.groups[1:]) <= {"on-call"}

    @invariant()
    def each_timer_fires_once(self) -> None:
        kinds = [escalation.kind for escalation in self.approval.escalations]
        assert len(kinds) == len(set(kinds))


TestAsking = Asking.TestCase
TestAsking.settings = settings(max_examples=250, stateful_step_count=30, deadline=None)
