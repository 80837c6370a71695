"""The vote state machine under any sequence of ballots, questions, revisions, timers and withdrawals."""

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
    answered,
    ask,
    cancel,
    cast,
    revised,
)
from domain.approval_plan import StepKind
from domain.authority import Question, may_vote
from domain.catalog import Stage
from domain.escalation import Reached, next_step, take
from tests.approvals import planned
from tests.bundles import DOCUMENT, policy

REVISIONS = ["sha256:" + digit * 64 for digit in "abc"]
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
MOSTLY_APPROVE = st.sampled_from([*[Decision.APPROVE] * 15, Decision.REJECT, Decision.RETURN])
STAGES = st.builds(
    Stage,
    group=st.sampled_from(["finance", "legal", "on-call"]),
    quorum=st.integers(1, 3),
    vetoes=st.sampled_from([1, 1, 2]),
    alongside=st.booleans(),
)


class Asking(RuleBasedStateMachine):
    """Plays one approval while it keeps its own account of what was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.outcome: ApprovalOutcome | None = None
        self.approved_by: dict[int, set[str]] = {}
        self.rejected_by: dict[int, set[str]] = {}
        self.questions_open = False
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
                stages=[stages[0].model_copy(update={"alongside": False}), *stages[1:]],
                exclude_earlier_stages=exclude_earlier,
                reason_required=reason_required,
                excluded=dict.fromkeys(excluded, "for this test"),
                remind_at=remind,
                escalate_at=escalate,
                expires_at=expire,
            ),
            REVISIONS[0],
        )

    @rule(minutes=st.integers(1, 300))
    def time_passes(self, minutes: int) -> None:
        """Time goes on, and every timer that is due may or may not have fired yet."""
        self.now += timedelta(minutes=minutes)

    @rule(by_name=st.booleans(), reaches=st.booleans())
    def a_timer_fires(self, by_name: bool, reaches: bool) -> None:
        step = next_step(self.approval)
        if step.at > self.now:
            return
        found = Reached(person="out") if by_name else Reached(group="on-call")
        self.approval = take(self.approval, step, self.now, found if reaches else Reached(nobody="for this test"))
        if self.outcome is None and step.kind is StepKind.EXPIRE:
            self.outcome = ApprovalOutcome.EXPIRED

    @rule(
        person=st.sampled_from(PEOPLE),
        decision=MOSTLY_APPROVE,
        stale=st.sampled_from([False, False, False, True]),
        reason=st.sampled_from(["", " ", "because", "because of that"]),
    )
    def somebody_votes(self, person: str, decision: Decision, stale: bool, reason: str) -> None:
        self.ballots += 1
        before = self.approval
        revision = REVISIONS[2] if stale else before.revision
        ballot = Ballot(
            id=str(self.ballots), person=person, decision=decision, revision=revision, reason=reason, door=Door.API
        )
        approving = decision is Decision.APPROVE
        question = Question(
            at=self.now,
            groups=before.wanted_first,
            people=before.people,
            excluded=before.plan.excluded,
            approving=approving,
        )
        self.approval, receipt = cast(before, ballot, may_vote(person, POLICY, question), self.now)
        assert receipt.accepted is (receipt.refusal is None)
        if not receipt.accepted:
            assert self.approval == before, "a refused ballot changes nothing"
            return
        self._require_that_it_may_count(ballot, before)
        if decision is Decision.RETURN:
            self.questions_open = True
            assert self.approval.votes == before.votes, "questions are no vote"
            return
        vote = self.approval.votes[-1]
        assert vote.stage in before.open_stages
        assert approving is False or reason.strip() or not before.plan.reason_required
        account = self.approved_by if approving else self.rejected_by
        account.setdefault(vote.stage, set()).add(person)
        if not approving:
            if len(self.rejected_by[vote.stage]) >= before.plan.stages[vote.stage - 1].vetoes:
                self.outcome = ApprovalOutcome.REJECTED
        elif all(self._has_quorum(number) for number in range(1, len(before.plan.stages) + 1)):
            self.outcome = ApprovalOutcome.APPROVED

    def _require_that_it_may_count(self, ballot: Ballot, before: Approval) -> None:
        plan = before.plan
        assert self.outcome is None, "nothing counts after the decision"
        assert self.now < plan.expires_at, "nothing counts at or after the deadline"
        assert ballot.revision == before.revision, "only votes on this revision count"
        assert not self.questions_open or ballot.decision is Decision.REJECT, "nobody approves what is being asked"
        assert ballot.decision is Decision.APPROVE or ballot.reason.strip()
        place = "ann" if ballot.person == "out" and "out" not in before.people else ballot.person
        assert place not in plan.excluded and ballot.person not in plan.excluded
        assert place in before.people or any(place in POLICY.groups[group].members for group in before.groups)
        if ballot.decision is Decision.RETURN:
            return
        stages = range(1, len(plan.stages) + 1) if plan.exclude_earlier_stages else before.open_stages
        heard = [account.get(number, set()) for number in stages for account in (self.approved_by, self.rejected_by)]
        assert ballot.person not in set().union(*heard), "one person counts once"

    def _has_quorum(self, number: int) -> bool:
        return len(self.approved_by.get(number, set())) >= self.approval.plan.stages[number - 1].quorum

    @rule()
    def the_agent_answers(self) -> None:
        self.approval, receipt = answered(self.approval, "so it is", self.now)
        open_now = self.outcome is None and self.now < self.approval.plan.expires_at
        assert receipt.accepted is (self.questions_open and open_now)
        self.questions_open = self.questions_open and not receipt.accepted

    @rule(seldom=st.integers(0, 7))
    def somebody_makes_another_revision(self, seldom: int) -> None:
        if seldom or self.outcome is not None or self.approval.revision != REVISIONS[0]:
            return
        plan = self.approval.plan.model_copy(update={"steps": []})
        self.approval = revised(self.approval, plan, REVISIONS[1], self.now)
        self.approved_by, self.rejected_by, self.questions_open = {}, {}, False

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
    def approved_means_enough_different_people_in_every_stage_and_less_vetoes_than_it_takes(self) -> None:
        plan, votes = self.approval.plan, self.approval.votes
        approved = self.approval.outcome is ApprovalOutcome.APPROVED
        assert all(vote.revision == self.approval.revision for vote in votes)
        if plan.exclude_earlier_stages:
            assert len(votes) == len({vote.person for vote in votes})
        for number, stage in enumerate(plan.stages, 1):
            counted = [v for v in votes if v.stage == number and v.decision is Decision.APPROVE]
            against = [v for v in votes if v.stage == number and v.decision is Decision.REJECT]
            places = {vote.in_place_of or vote.person for vote in counted}
            assert len(counted) == len(places) == self.approval.approvals_in(number), "one place counts once"
            assert len(counted) == len(self.approved_by.get(number, set()))
            assert not approved or (len(counted) >= stage.quorum and len(against) < stage.vetoes)

    @invariant()
    def later_stages_are_asked_when_all_before_them_have_their_approvals(self) -> None:
        for number in range(1, self.approval.stage):
            assert self._has_quorum(number)
        assert all(vote.stage <= self.approval.open_stages[-1] for vote in self.approval.votes)

    @invariant()
    def only_the_stages_that_are_asked_and_their_escalation_are_asked(self) -> None:
        asked = [self.approval.plan.stages[number - 1].group for number in self.approval.open_stages]
        assert set(asked) <= set(self.approval.groups) <= {*asked, "on-call"}
        assert set(self.approval.people) <= {"out"}

    @invariant()
    def each_timer_fires_once(self) -> None:
        assert len(self.approval.taken) == len(set(self.approval.taken)) <= len(self.approval.plan.steps)


TestAsking = Asking.TestCase
TestAsking.settings = settings(max_examples=250, stateful_step_count=30, deadline=None)
