"""The vote state machine: values in, values out. The only policy code that runs inside a workflow.

An approval starts waiting. Votes, timers and a cancellation move it, once, to an outcome:

    waiting ──enough approvals───▶ the next stages are asked; after the last ones: approved
            ──enough rejections──▶ rejected       in whichever stage; one is enough unless the stage says otherwise
            ──deadline───────────▶ expired        silence is never approval
            ──the agent withdraws▶ cancelled

Stages are asked one after the other, except those that stand alongside the one before: these are asked together, and
all of them have to approve. A vote counts for a stage that is asked when it comes. Somebody may return the action with
questions, which is no vote: until the agent answers, nobody can approve. A new revision is a new asking; votes on an
earlier one are void. What time does stands in `domain.escalation`.

Changing anything here needs `workflow.patched()` and a recorded history, because waiting actions replay it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.action import Frozen
from domain.approval_plan import ApprovalPlan
from domain.approval_state import Approval, ApprovalOutcome, AskedToo, Escalation, Questions
from domain.authority import Eligibility
from domain.errors import Refusal, RefusalCode
from domain.votes import Ballot, Decision, Door, Vote, place_of, voted_before

__all__ = [
    "Approval",
    "ApprovalOutcome",
    "ApprovalPlan",
    "AskedToo",
    "Ballot",
    "Decision",
    "Door",
    "Escalation",
    "Questions",
    "Receipt",
    "Vote",
    "answered",
    "ask",
    "cancel",
    "cast",
    "closed",
    "decided",
    "reason_missing",
    "receipt",
    "revised",
]


class Receipt(Frozen):
    """What a voter is told: the vote counted, or why not, and where the approval stands now."""

    accepted: bool
    refusal: Refusal | None = None
    outcome: ApprovalOutcome | None = None
    approvals: int = 0
    quorum: int = 0
    stage: int = 1
    stages: int = 1


def ask(plan: ApprovalPlan, revision: str, asked_at: datetime | None = None) -> Approval:
    """Start an approval of one revision."""
    return Approval(plan=plan, revision=revision, groups=_groups(plan, 1), asked_at=asked_at)


def cast(approval: Approval, ballot: Ballot, eligibility: Eligibility, now: datetime) -> tuple[Approval, Receipt]:
    """Count a ballot, or refuse it. The first decision wins; whoever comes later is told who and when."""
    refusal = _refusal(approval, ballot, eligibility, now)
    if refusal is not None or eligibility.group is None:
        return approval, receipt(approval, refusal)
    if ballot.decision is Decision.RETURN:
        asked = Questions(
            person=eligibility.person,
            text=ballot.reason.strip(),
            door=ballot.door,
            at=now,
            held_for=approval.held_for,
        )
        returned = approval.model_copy(update={"questions": [*approval.questions, asked]})
        return returned, receipt(returned)
    chosen = approval.plan.rejection_reason(ballot.reason_id) if ballot.decision is Decision.REJECT else None
    vote = Vote(
        person=eligibility.person,
        group=eligibility.group,
        in_place_of=place_of(eligibility, approval.counting) if eligibility.in_place_of else None,
        stage=approval.stage_of(eligibility),
        decision=ballot.decision,
        revision=ballot.revision,
        reason=ballot.reason.strip(),
        reason_title=chosen.title if chosen is not None else None,
        door=ballot.door,
        at=now,
    )
    counted = _after(approval.model_copy(update={"votes": [*approval.votes, vote]}), vote, now)
    return counted, receipt(counted)


def _after(counted: Approval, vote: Vote, now: datetime) -> Approval:
    """Return what a vote that was just counted makes of the approval: decided, in its next stages, or waiting on."""
    outcome = None
    if vote.decision is Decision.REJECT:
        against = [each for each in counted.votes if each.stage == vote.stage and each.decision is Decision.REJECT]
        if len(against) >= counted.plan.stages[vote.stage - 1].vetoes:
            outcome = ApprovalOutcome.REJECTED
    elif all(map(counted.is_met, counted.open_stages)):
        following = counted.open_stages[-1] + 1
        if following <= len(counted.plan.stages):
            return counted.model_copy(update={"stage": following, "groups": _groups(counted.plan, following)})
        outcome = ApprovalOutcome.APPROVED
    return counted.model_copy(update={"outcome": outcome, "decided_at": now}) if outcome is not None else counted


def cancel(approval: Approval, now: datetime) -> tuple[Approval, Receipt]:
    """Withdraw the question, unless it has been answered."""
    if approval.outcome is not None:
        return approval, receipt(approval, decided(approval))
    cancelled = approval.model_copy(update={"outcome": ApprovalOutcome.CANCELLED, "decided_at": now})
    return cancelled, receipt(cancelled)


def answered(approval: Approval, answer: str, now: datetime) -> tuple[Approval, Receipt]:
    """Take the agent's answer. What was to happen meanwhile happens as much later; the deadline stays."""
    if (refusal := closed(approval, now)) is not None:
        return approval, receipt(approval, refusal)
    asked = approval.returned
    if asked is None:
        message = "nobody asked anything that is not answered yet"
        return approval, receipt(approval, Refusal(code=RefusalCode.NOT_WAITING, message=message))
    told = asked.model_copy(update={"answer": answer.strip(), "answered_at": now})
    since = max(asked.at, approval.asked_at or asked.at)  # an edit may have started the clock anew meanwhile
    by = now - since - (approval.held_for - asked.held_for)  # what holds took of it, moved the steps already
    steps = [
        step if step.number in approval.taken else step.model_copy(update={"at": step.at + by})
        for step in approval.plan.steps
    ]
    plan = approval.plan.model_copy(update={"steps": steps})
    after = approval.model_copy(update={"plan": plan, "questions": [*approval.questions[:-1], told]})
    return after, receipt(after)


def revised(before: Approval, plan: ApprovalPlan, revision: str, now: datetime, *, by_agent: bool = True) -> Approval:
    """Start the asking anew for another revision. What was asked and answered stays on record; votes do not.

    A new revision of the agent answers the questions that were open. An edit does not: another was asked.
    """
    questions = before.questions
    if (open_now := before.returned) is not None:
        told: dict[str, object] = {"answer": "(a new revision)", "answered_at": now}
        kept_open: dict[str, object] = {"held_for": timedelta(0)}  # the clock starts anew
        questions = [*questions[:-1], open_now.model_copy(update=told if by_agent else kept_open)]
    kept = {"questions": questions, "revisions": before.revisions + 1, "extended": before.extended}
    return ask(plan, revision, now).model_copy(update=kept)


def receipt(approval: Approval, refusal: Refusal | None = None) -> Receipt:
    """Return what a voter is told about where the approval stands."""
    return Receipt(
        accepted=refusal is None,
        refusal=refusal,
        outcome=approval.outcome,
        approvals=approval.approvals,
        quorum=approval.quorum,
        stage=approval.current,
        stages=len(approval.plan.stages),
    )


def closed(approval: Approval, now: datetime) -> Refusal | None:
    """Return why nothing can change any more: it was decided, or its deadline has passed; None while it is open."""
    if approval.outcome is not None:
        return decided(approval)
    if now >= approval.plan.expires_at:
        message = "the deadline has passed; nothing will be executed"
        return Refusal(code=RefusalCode.EXPIRED, message=message)
    return None


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
    return next(_objections(approval, ballot, eligibility, now), None)


def _objections(approval: Approval, ballot: Ballot, eligibility: Eligibility, now: datetime) -> Iterator[Refusal]:
    """Yield what is against a ballot, the first of which its voter is told."""
    if (over := closed(approval, now)) is not None:
        yield over
    if ballot.revision != approval.revision:
        message = (
            f"the vote is on {ballot.revision[:19]}..., the question is now {approval.revision[:19]}...; read it again"
        )
        yield Refusal(code=RefusalCode.SUPERSEDED, message=message)
    if eligibility.refusal is not None:
        yield eligibility.refusal
    if eligibility.group is None or eligibility.person != ballot.person:
        yield Refusal(code=RefusalCode.NOT_ELIGIBLE, message=f"'{ballot.person}' was not found eligible")
    if ballot.decision is not Decision.REJECT and (asked := approval.returned) is not None:
        message = f"{asked.person} returned it with questions that the agent has not answered yet; wait for its answer"
        yield Refusal(code=RefusalCode.QUESTIONS_OPEN, message=message)
    stage = approval.stage_of(eligibility)
    if (twice := voted_before(ballot, stage, eligibility, approval.counting)) is not None:
        yield twice
    if (missing := reason_missing(approval, ballot)) is not None:
        yield missing
    if ballot.decision is Decision.APPROVE and approval.plan.step_up and not ballot.stepped_up:
        message = "an approval of this tier counts only from the review page, after you signed in there anew"
        yield Refusal(code=RefusalCode.STEP_UP_REQUIRED, message=message)


def reason_missing(approval: Approval | None, ballot: Ballot) -> Refusal | None:
    """Refuse a ballot that says too little: no reason for a rejection or a return, or where the plan wants one."""
    listed = approval.plan.rejection_reasons if approval is not None and approval.outcome is None else []
    if ballot.decision is Decision.REJECT and listed and ballot.reason_id not in {reason.id for reason in listed}:
        choices = ", ".join(f"{reason.id} ({reason.title})" for reason in listed)
        message = (
            f"a rejection by the rule '{approval.plan.rule}' names one of its reasons: {choices}" if approval else ""
        )
        return Refusal(code=RefusalCode.REASON_REQUIRED, message=message)
    if ballot.reason.strip():
        return None
    if ballot.decision is Decision.REJECT:
        message = "a rejection needs a reason: the agent and the ledger are told why"
    elif ballot.decision is Decision.RETURN:
        message = "whoever returns an action says what they want to know: write the questions as the reason"
    elif approval is not None and approval.outcome is None and approval.plan.reason_required:
        message = f"an approval by the rule '{approval.plan.rule}' needs a reason: say what you checked"
    else:
        return None
    return Refusal(code=RefusalCode.REASON_REQUIRED, message=message)


def _groups(plan: ApprovalPlan, stage: int) -> list[str]:
    return list(dict.fromkeys(plan.stages[number - 1].group for number in plan.together(stage)))
