"""The vote state machine: values in, values out. The only policy code that runs inside a workflow.

An approval starts waiting. Votes, timers and a cancellation move it, once, to an outcome:

    waiting ──quorum of approvals──▶ approved
            ──one rejection────────▶ rejected
            ──deadline─────────────▶ expired        silence is never approval
            ──the agent withdraws──▶ cancelled

While it waits it may remind its group once and escalate once, which asks a second group too. Changing
anything here needs `workflow.patched()` and a recorded history, because waiting actions replay it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.action import Digest, Frozen, State
from domain.authority import Eligibility
from domain.errors import Refusal, RefusalCode


class Decision(StrEnum):
    """What a vote says."""

    APPROVE = "approve"
    REJECT = "reject"


class Door(StrEnum):
    """Where a vote came in. Recorded beside the person, never instead of them."""

    API = "api"
    SLACK = "slack"
    PAGE = "page"


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
    """How people are asked, with absolute UTC times, as it was judged when the action was assessed."""

    rule: str
    group: str
    quorum: Annotated[int, Field(ge=1)]
    excluded: dict[str, str] = {}
    remind_at: datetime | None = None
    escalate_at: datetime | None = None
    escalate_to: str | None = None
    expires_at: datetime


class Ballot(Frozen):
    """One person's wish, before anybody has checked whether it counts."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    person: Annotated[str, Field(min_length=1, max_length=80)]
    decision: Decision
    revision: Digest
    reason: Annotated[str, Field(max_length=2000)] = ""
    door: Door


class Vote(Frozen):
    """A ballot that counts."""

    person: str
    group: str
    decision: Decision
    revision: str
    reason: str
    door: Door
    at: datetime


class Escalation(Frozen):
    """A timer that fired: what it did and when."""

    kind: str
    group: str
    at: datetime


class Approval(Frozen):
    """The whole state of one asking."""

    plan: ApprovalPlan
    revision: str
    groups: list[str]
    votes: list[Vote] = []
    escalations: list[Escalation] = []
    outcome: ApprovalOutcome | None = None
    decided_at: datetime | None = None

    @property
    def approvals(self) -> int:
        """How many distinct people approved."""
        return len({vote.person for vote in self.votes if vote.decision is Decision.APPROVE})


class Receipt(Frozen):
    """What a voter is told: the vote counted, or why not, and where the approval stands now."""

    accepted: bool
    refusal: Refusal | None = None
    outcome: ApprovalOutcome | None = None
    approvals: int = 0
    quorum: int = 0


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


def ask(plan: ApprovalPlan, revision: str) -> Approval:
    """Start an approval of one revision."""
    return Approval(plan=plan, revision=revision, groups=[plan.group])


def next_step(approval: Approval) -> Step:
    """Return the earliest step that has not been taken yet; the last one is always the deadline."""
    plan, taken = approval.plan, {escalation.kind for escalation in approval.escalations}
    steps = [Step(kind=StepKind.EXPIRE, at=plan.expires_at, summary="expire: no decision by the deadline")]
    if plan.escalate_at and plan.escalate_to and StepKind.ESCALATE not in taken:
        steps.append(Step(kind=StepKind.ESCALATE, at=plan.escalate_at, summary=f"escalate to {plan.escalate_to}"))
    if plan.remind_at and StepKind.REMIND not in taken:
        steps.append(Step(kind=StepKind.REMIND, at=plan.remind_at, summary=f"remind {plan.group}"))
    return min(steps, key=lambda step: step.at)


def take(approval: Approval, step: Step, now: datetime) -> Approval:
    """Take a step that is due. Taking the deadline decides: expired."""
    if approval.outcome is not None:
        return approval
    if step.kind is StepKind.EXPIRE:
        return approval.model_copy(update={"outcome": ApprovalOutcome.EXPIRED, "decided_at": now})
    group = approval.plan.group
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
        decision=ballot.decision,
        revision=ballot.revision,
        reason=ballot.reason.strip(),
        door=ballot.door,
        at=now,
    )
    counted = approval.model_copy(update={"votes": [*approval.votes, vote]})
    outcome = None
    if vote.decision is Decision.REJECT:
        outcome = ApprovalOutcome.REJECTED
    elif counted.approvals >= approval.plan.quorum:
        outcome = ApprovalOutcome.APPROVED
    if outcome is not None:
        counted = counted.model_copy(update={"outcome": outcome, "decided_at": now})
    return counted, receipt(counted)


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
        quorum=approval.plan.quorum,
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
    earlier = next((vote for vote in approval.votes if vote.person == ballot.person), None)
    if earlier is not None:
        message = f"{ballot.person} already voted to {earlier.decision.value}; one person counts once"
        return Refusal(code=RefusalCode.DUPLICATE_VOTE, message=message)
    if ballot.decision is Decision.REJECT and not ballot.reason.strip():
        message = "a rejection needs a reason: the agent and the ledger are told why"
        return Refusal(code=RefusalCode.REASON_REQUIRED, message=message)
    return None
