"""The state of an approval: its plan, who is asked now, the votes that count, and how it ended.

What moves it from one state to the next stands in `domain.approval`, what time does to it in `domain.escalation`.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from domain.action import Frozen, State
from domain.approval_plan import ApprovalPlan
from domain.authority import Eligibility
from domain.catalog.routes import Stage
from domain.votes import Decision, Door, Vote, vote_of


class ApprovalOutcome(StrEnum):
    """How the asking ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def state(self) -> State | None:
        """The final state it gives the action; None for approved, which goes on to execution."""
        return None if self is ApprovalOutcome.APPROVED else State(self.value)


class Escalation(Frozen):
    """A timer that fired: what it did, for which group, and when.

    `person` is whom it asked by name; `skipped` is why it reached nobody.
    """

    kind: str
    group: str
    at: datetime
    person: str | None = None
    skipped: str | None = None


class AskedToo(Frozen):
    """A group, or a person, whom an escalation asks beside the group of a stage."""

    stage: int
    group: str | None = None
    person: str | None = None


class Questions(Frozen):
    """What somebody wants to know from the agent before they decide, and what it answered.

    `held_for` is how long holds had stopped the clock when they asked.
    """

    person: str
    text: str
    door: Door
    at: datetime
    held_for: timedelta = timedelta(0)
    answer: str | None = None
    answered_at: datetime | None = None


class Approval(Frozen):
    """The whole state of one asking.

    `groups` are asked now, and `stage` is the first stage that is, the first of all being 1. `asked_too` is whom
    escalations added. `taken` are the numbers of the steps that time brought. `held_for` is how long holds stopped its
    clock since `asked_at`; the plan's times are moved by it already. `revisions` counts the revisions, this one too.
    """

    plan: ApprovalPlan
    revision: str
    groups: list[str]
    stage: int = 1
    votes: list[Vote] = []
    escalations: list[Escalation] = []
    outcome: ApprovalOutcome | None = None
    decided_at: datetime | None = None
    asked_at: datetime | None = None
    held_for: timedelta = timedelta(0)
    asked_too: list[AskedToo] = []
    taken: list[int] = []
    questions: list[Questions] = []
    assigned: list[str] = []
    extended: bool = False
    revisions: int = 1

    @property
    def open_stages(self) -> list[int]:
        """The numbers of the stages that are asked now."""
        return self.plan.together(self.stage)

    @property
    def current(self) -> int:
        """The first stage that is asked and still lacks approvals."""
        return next((number for number in self.open_stages if not self.is_met(number)), self.stage)

    @property
    def approvals(self) -> int:
        """How many distinct people approved in the current stage."""
        return self.approvals_in(self.current)

    def approvals_in(self, stage: int) -> int:
        """Return how many distinct people approved in a stage, the first of which is 1."""
        return len({v.person for v in self.votes if v.stage == stage and v.decision is Decision.APPROVE})

    def is_met(self, stage: int) -> bool:
        """Say whether a stage has its approvals."""
        return self.approvals_in(stage) >= self.plan.stages[stage - 1].quorum

    @property
    def quorum(self) -> int:
        """How many have to approve in the current stage."""
        return self._asked.quorum

    @property
    def group(self) -> str:
        """The group of the current stage; escalations may ask others beside it."""
        return self._asked.group

    @property
    def people(self) -> dict[str, str]:
        """Who is asked by name now, and for which group."""
        return {
            too.person: self.plan.stages[too.stage - 1].group
            for too in self.asked_too
            if too.person is not None and too.stage in self.open_stages
        }

    @property
    def asked_so_far(self) -> list[str]:
        """Every group that is or was asked."""
        stages = [stage.group for stage in self.plan.stages[: self.open_stages[-1]]]
        return list(dict.fromkeys([*stages, *self.groups, *(escalation.group for escalation in self.escalations)]))

    @property
    def void_at(self) -> datetime | None:
        """When it is worth nothing any more unless execution has begun; None for one that does not age."""
        lifetime = self.plan.approval_lifetime
        if self.outcome is not ApprovalOutcome.APPROVED or self.decided_at is None or lifetime is None:
            return None
        return self.decided_at + lifetime

    @property
    def returned(self) -> Questions | None:
        """The questions that wait for the agent's answer."""
        last = self.questions[-1] if self.questions else None
        return last if last is not None and last.answered_at is None else None

    def earlier_vote(self, person: str) -> Vote | None:
        """Return the vote by which a person has had their say; None when they may have another or their first."""
        return vote_of(person, self.counting)

    @property
    def counting(self) -> list[Vote]:
        """The votes beside which another has to come from another person: of stages asked together, those of all."""
        return [vote for vote in self.votes if self.plan.exclude_earlier_stages or vote.stage in self.open_stages]

    def stage_of(self, eligibility: Eligibility) -> int:
        """Return the stage for which a vote counts: the first open one of its group that still lacks approvals."""
        fitting = [number for number in self.open_stages if eligibility.group in self._groups_of(number)]
        return next((number for number in fitting if not self.is_met(number)), fitting[0] if fitting else self.current)

    @property
    def wanted_first(self) -> list[str]:
        """The groups that are asked now, first those of stages that still lack approvals."""
        lacking = [number for number in self.open_stages if not self.is_met(number)]
        found = [group for number in lacking for group in self._groups_of(number)]
        return list(dict.fromkeys([*(group for group in found if group in self.groups), *self.groups]))

    def _groups_of(self, stage: int) -> list[str]:
        added = [too.group for too in self.asked_too if too.stage == stage and too.group is not None]
        return [self.plan.stages[stage - 1].group, *added]

    @property
    def _asked(self) -> Stage:
        return self.plan.stages[self.current - 1]
