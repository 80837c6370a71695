"""The vote state machine: values in, values out. The only policy code that runs inside a workflow.

An approval starts waiting. Votes, timers and a cancellation move it, once, to an outcome:

    waiting ──quorum of approvals──▶ the next stage is asked; after the last one: approved
            ──one rejection────────▶ rejected       in whichever stage
            ──deadline─────────────▶ expired        silence is never approval
            ──the agent withdraws──▶ cancelled

Stages are asked one after the other, and a vote counts for the stage that is asked when it comes. While it waits it
may remind the group of its stage once and escalate once, which asks a second group too, for that stage. Changing
anything here needs `workflow.patched()` and a recorded history, because waiting actions replay it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.action import Frozen, State
from domain.authority import Eligibility
from domain.catalog.routes import Stage
from domain.errors import Refusal, RefusalCode
from domain.votes import Ballot, Decision, Door, Vote, place_of, vote_of, voted_before

__all__ = [
    "Approval",
    "ApprovalOutcome",
    "ApprovalPlan",
    "Ballot",
    "Decision",
    "Door",
    "Escalation",
    "Receipt",
    "Step",
    "StepKind",
    "Vote",
    "ask",
    "cancel",
    "cast",
    "decided",
    "next_step",
    "postponed",
    "reason_missing",
    "receipt",
    "take",
]


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


class ApprovalPlan(Frozen):
    """How people are asked, with absolute UTC times, as it was judged when the action was assessed.

    `group` and `quorum` are the first stage, `later` those after it. `requester_unknown` says that the agent acts on
    behalf of somebody whom the catalog does not know, so that nobody could be excluded for it.
    """

    rule: str
    group: str
    quorum: Annotated[int, Field(ge=1)]
    later: list[Stage] = []
    exclude_earlier_stages: bool = True
    excluded: dict[str, str] = {}
    requester_unknown: bool = False
    reason_required: bool = False
    remind_at: datetime | None = None
    escalate_at: datetime | None = None
    escalate_to: str | None = None
    expires_at: datetime
    approval_lifetime: timedelta | None = None

    @property
    def stages(self) -> list[Stage]:
        """The stages, in the order they are asked."""
        return [Stage(group=self.group, quorum=self.quorum), *self.later]


class Escalation(Frozen):
    """A timer that fired: what it did and when."""

    kind: str
    group: str
    at: datetime


class Approval(Frozen):
    """The whole state of one asking.

    `groups` are asked now, in `stage`, the first of which is 1. `held_for` is how long holds stopped its clock since
    `asked_at`; the plan's times are moved by it already.
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

    @property
    def approvals(self) -> int:
        """How many distinct people approved in the stage that is asked."""
        return self.approvals_in(self.stage)

    def approvals_in(self, stage: int) -> int:
        """Return how many distinct people approved in a stage, the first of which is 1."""
        return len({v.person for v in self.votes if v.stage == stage and v.decision is Decision.APPROVE})

    @property
    def quorum(self) -> int:
        """How many have to, in the stage that is asked."""
        return self._asked.quorum

    @property
    def group(self) -> str:
        """The group of the stage that is asked; an escalation may have added another to `groups`."""
        return self._asked.group

    @property
    def asked_so_far(self) -> list[str]:
        """Every group that is or was asked."""
        stages = [stage.group for stage in self.plan.stages[: self.stage]]
        return list(dict.fromkeys([*stages, *self.groups, *(escalation.group for escalation in self.escalations)]))

    @property
    def void_at(self) -> datetime | None:
        """When it is worth nothing any more unless execution has begun; None for one that does not age."""
        lifetime = self.plan.approval_lifetime
        if self.outcome is not ApprovalOutcome.APPROVED or self.decided_at is None or lifetime is None:
            return None
        return self.decided_at + lifetime

    def earlier_vote(self, person: str) -> Vote | None:
        """Return the vote by which a person has had their say; None when they may have another or their first."""
        return vote_of(person, self.counting)

    @property
    def counting(self) -> list[Vote]:
        """The votes beside which another has to come from another person."""
        return [vote for vote in self.votes if self.plan.exclude_earlier_stages or vote.stage == self.stage]

    @property
    def _asked(self) -> Stage:
        return self.plan.stages[self.stage - 1]


class Receipt(Frozen):
    """What a voter is told: the vote counted, or why not, and where the approval stands now."""

    accepted: bool
    refusal: Refusal | None = None
    outcome: ApprovalOutcome | None = None
    approvals: int = 0
    quorum: int = 0
    stage: int = 1
    stages: int = 1


class StepKind(StrEnum):
    """What a timer does."""

    REMIND = "remind"
    ESCALATE = "escalate"
    EXPIRE = "expire"


class Step(Frozen):
    """The next thing that time brings."""

    kind: StepKind
    at: datetime
    summary: str


def ask(plan: ApprovalPlan, revision: str, asked_at: datetime | None = None) -> Approval:
    """Start an approval of one revision."""
    return Approval(plan=plan, revision=revision, groups=[plan.group], asked_at=asked_at)


def postponed(approval: Approval, held_for: timedelta) -> Approval:
    """Move what is still to come by the time that holds stopped the clock: `held_for`, in total, since it was asked."""
    by = held_for - approval.held_for
    if approval.outcome is not None or by <= timedelta(0):
        return approval
    plan = approval.plan
    times = {"remind_at": plan.remind_at, "escalate_at": plan.escalate_at, "expires_at": plan.expires_at}
    moved = plan.model_copy(update={name: at + by for name, at in times.items() if at is not None})
    return approval.model_copy(update={"plan": moved, "held_for": held_for})


def next_step(approval: Approval) -> Step:
    """Return the earliest step that has not been taken yet; the last one is always the deadline."""
    plan, taken = approval.plan, {escalation.kind for escalation in approval.escalations}
    steps = [Step(kind=StepKind.EXPIRE, at=plan.expires_at, summary="expire: no decision by the deadline")]
    if plan.escalate_at and plan.escalate_to and StepKind.ESCALATE not in taken:
        steps.append(Step(kind=StepKind.ESCALATE, at=plan.escalate_at, summary=f"escalate to {plan.escalate_to}"))
    if plan.remind_at and StepKind.REMIND not in taken:
        steps.append(Step(kind=StepKind.REMIND, at=plan.remind_at, summary=f"remind {approval.group}"))
    return min(steps, key=lambda step: step.at)


def take(approval: Approval, step: Step, now: datetime) -> Approval:
    """Take a step that is due. Taking the deadline decides: expired."""
    if approval.outcome is not None:
        return approval
    if step.kind is StepKind.EXPIRE:
        return approval.model_copy(update={"outcome": ApprovalOutcome.EXPIRED, "decided_at": now})
    group = approval.group
    groups = approval.groups
    if step.kind is StepKind.ESCALATE and approval.plan.escalate_to:
        group = approval.plan.escalate_to
        groups = [*groups, group] if group not in groups else groups
    escalation = Escalation(kind=step.kind.value, group=group, at=now)
    return approval.model_copy(update={"groups": groups, "escalations": [*approval.escalations, escalation]})


def cast(approval: Approval, ballot: Ballot, eligibility: Eligibility, now: datetime) -> tuple[Approval, Receipt]:
    """Count a ballot, or refuse it. The first decision wins; whoever comes later is told who and when."""
    refusal = _refusal(approval, ballot, eligibility, now)
    if refusal is not None or eligibility.group is None:
        return approval, receipt(approval, refusal)
    vote = Vote(
        person=eligibility.person,
        group=eligibility.group,
        in_place_of=place_of(eligibility, approval.counting) if eligibility.in_place_of else None,
        stage=approval.stage,
        decision=ballot.decision,
        revision=ballot.revision,
        reason=ballot.reason.strip(),
        door=ballot.door,
        at=now,
    )
    counted = _after(approval.model_copy(update={"votes": [*approval.votes, vote]}), vote, now)
    return counted, receipt(counted)


def _after(counted: Approval, vote: Vote, now: datetime) -> Approval:
    """Return what a vote that was just counted makes of the approval: decided, in its next stage, or waiting on."""
    outcome = None
    if vote.decision is Decision.REJECT:
        outcome = ApprovalOutcome.REJECTED
    elif counted.approvals >= counted.quorum:
        if counted.stage < len(counted.plan.stages):
            following = counted.plan.stages[counted.stage]
            return counted.model_copy(update={"stage": counted.stage + 1, "groups": [following.group]})
        outcome = ApprovalOutcome.APPROVED
    return counted.model_copy(update={"outcome": outcome, "decided_at": now}) if outcome is not None else counted


def cancel(approval: Approval, now: datetime) -> tuple[Approval, Receipt]:
    """Withdraw the question, unless it has been answered."""
    if approval.outcome is not None:
        return approval, receipt(approval, decided(approval))
    cancelled = approval.model_copy(update={"outcome": ApprovalOutcome.CANCELLED, "decided_at": now})
    return cancelled, receipt(cancelled)


def receipt(approval: Approval, refusal: Refusal | None = None) -> Receipt:
    """Return what a voter is told about where the approval stands."""
    return Receipt(
        accepted=refusal is None,
        refusal=refusal,
        outcome=approval.outcome,
        approvals=approval.approvals,
        quorum=approval.quorum,
        stage=approval.stage,
        stages=len(approval.plan.stages),
    )


def decided(approval: Approval) -> Refusal:
    """Return the refusal of whatever comes after the decision: who decided, how and when."""
    when = approval.decided_at.strftime("%Y-%m-%d %H:%M:%S UTC") if approval.decided_at else "before"
    if approval.outcome is ApprovalOutcome.EXPIRED:
        message = f"the deadline passed at {when} without a decision; nothing was executed"
        return Refusal(code=RefusalCode.EXPIRED, message=message)
    if approval.outcome is ApprovalOutcome.CANCELLED or not approval.votes:
        return Refusal(code=RefusalCode.ALREADY_DECIDED, message=f"the agent withdrew the action at {when}")
    last = approval.votes[-1]
    verb = "rejected" if last.decision is Decision.REJECT else "approved"
    return Refusal(code=RefusalCode.ALREADY_DECIDED, message=f"{last.person} {verb} it at {when}")


def _refusal(approval: Approval, ballot: Ballot, eligibility: Eligibility, now: datetime) -> Refusal | None:
    if approval.outcome is not None:
        return decided(approval)
    if now >= approval.plan.expires_at:
        message = "the deadline has passed; nothing will be executed"
        return Refusal(code=RefusalCode.EXPIRED, message=message)
    if ballot.revision != approval.revision:
        message = (
            f"the vote is on {ballot.revision[:19]}..., the question is now {approval.revision[:19]}...; read it again"
        )
        return Refusal(code=RefusalCode.SUPERSEDED, message=message)
    if eligibility.refusal is not None:
        return eligibility.refusal
    if eligibility.group is None or eligibility.person != ballot.person:
        return Refusal(code=RefusalCode.NOT_ELIGIBLE, message=f"'{ballot.person}' was not found eligible")
    return voted_before(ballot, approval.stage, eligibility, approval.counting) or reason_missing(approval, ballot)


def reason_missing(approval: Approval | None, ballot: Ballot) -> Refusal | None:
    """Refuse a ballot that says too little: a rejection without a reason, or an approval where the plan wants one."""
    if ballot.reason.strip():
        return None
    if ballot.decision is Decision.REJECT:
        message = "a rejection needs a reason: the agent and the ledger are told why"
    elif approval is not None and approval.outcome is None and approval.plan.reason_required:
        message = f"an approval by the rule '{approval.plan.rule}' needs a reason: say what you checked"
    else:
        return None
    return Refusal(code=RefusalCode.REASON_REQUIRED, message=message)
