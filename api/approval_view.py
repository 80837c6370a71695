"""What the API shows of an approval."""

from datetime import datetime

from pydantic import BaseModel

from domain.approval import Approval, ApprovalOutcome, Decision, Escalation, Questions, Vote
from domain.catalog import RejectionReason, Stage


class StageView(BaseModel):
    """One stage: who is asked in it, how many have to approve, and how many have; how many rejections end it, and how
    many there are. One that stands `alongside` is asked together with the one before it."""

    group: str
    quorum: int
    approvals: int
    vetoes: int
    rejections: int
    alongside: bool


class ApprovalView(BaseModel):
    """Who is asked, who voted, and until when. `open_stages` are those that are asked now, from 1, by `groups` and,
    by name, `people`; `stage` is the first of them that lacks approvals, with its `group` and `quorum`. `assigned` are
    those to whom it was handed. While the last of `questions` has no answer, nobody can approve. With `step_up` an
    approval counts only from the page. An approval that is not executed by `void_at` is worth nothing."""

    group: str
    groups: list[str]
    quorum: int
    people: list[str]
    assigned: list[str]
    stage: int
    open_stages: list[int]
    stages: list[StageView]
    reason_required: bool
    rejection_reasons: list[RejectionReason]
    requester_unknown: bool
    step_up: bool
    votes: list[Vote]
    questions: list[Questions]
    deadline: datetime
    escalations: list[Escalation]
    outcome: ApprovalOutcome | None
    decided_at: datetime | None
    void_at: datetime | None


def approval_view(approval: Approval) -> ApprovalView:
    """Return the resource of an approval."""
    plan = approval.plan
    return ApprovalView(
        group=approval.group,
        groups=approval.groups,
        quorum=approval.quorum,
        people=list(approval.people),
        assigned=approval.assigned,
        stage=approval.current,
        open_stages=approval.open_stages,
        stages=[_stage_view(approval, number, stage) for number, stage in enumerate(plan.stages, 1)],
        reason_required=plan.reason_required,
        rejection_reasons=plan.rejection_reasons,
        requester_unknown=plan.requester_unknown,
        step_up=plan.step_up,
        votes=approval.votes,
        questions=approval.questions,
        deadline=plan.expires_at,
        escalations=approval.escalations,
        outcome=approval.outcome,
        decided_at=approval.decided_at,
        void_at=approval.void_at,
    )


def _stage_view(approval: Approval, number: int, stage: Stage) -> StageView:
    return StageView(
        group=stage.group,
        quorum=stage.quorum,
        approvals=approval.approvals_in(number),
        vetoes=stage.vetoes,
        rejections=sum(vote.stage == number and vote.decision is Decision.REJECT for vote in approval.votes),
        alongside=stage.alongside,
    )
