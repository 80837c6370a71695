"""What time does to an approval, and what people may do to its clock. Values in, values out, inside the workflow.

Each stage has its steps: reminders, and others who are asked, too. A step that reaches nobody brings the next one at
once. The last step is the deadline, and it never approves. While questions wait for the agent, only the deadline runs.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from domain.action import Frozen
from domain.approval import Approval, ApprovalOutcome, AskedToo, Escalation, Receipt, closed, receipt
from domain.approval_plan import PlannedStep, StepKind
from domain.errors import Refusal, RefusalCode
from domain.votes import Door


class Step(Frozen):
    """The next thing that time brings. `number` is that of the planned step; None for the deadline."""

    kind: StepKind
    at: datetime
    summary: str
    number: int | None = None


class Reached(Frozen):
    """Whom a step reaches at its moment: a group, or a person by name; or why nobody."""

    group: str | None = None
    person: str | None = None
    nobody: str | None = None


def _in_our_time(moment: datetime) -> datetime:
    if not 2000 <= moment.year < 9999:  # what cannot be told in UTC, or added to, is no time to put anything off to
        raise ValueError("the year must be between 2000 and 9998")
    return moment.astimezone(UTC)


class ManageRequest(Frozen):
    """What somebody who may vote asks for besides: to hand the question to a colleague (`to`), to put off the next
    reminder, or to move the deadline (`until`). `id` names the request, so that a repeated one happens once."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Literal["reassign", "snooze", "extend"]
    person: Annotated[str, Field(min_length=1, max_length=80)]
    to: Annotated[str, Field(max_length=80)] | None = None
    until: Annotated[AwareDatetime, AfterValidator(_in_our_time)] | None = None
    door: Door


class AnswerRequest(Frozen):
    """What the agent answers to the questions of a reviewer. `id` names the request."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    agent: str
    answer: Annotated[str, Field(min_length=1, max_length=8000)]


def next_step(approval: Approval) -> Step:
    """Return the earliest step that has not been taken yet; the last one is always the deadline."""
    last = Step(kind=StepKind.EXPIRE, at=approval.plan.expires_at, summary="expire: no decision by the deadline")
    if approval.returned is not None:
        return last
    steps = [last]
    for step in waiting(approval):
        summary = f"escalate to {step.whom}" if step.whom else f"remind {approval.group}"
        steps.append(Step(kind=step.kind, at=step.at, summary=summary, number=step.number))
    return min(steps, key=lambda step: step.at)


def waiting(approval: Approval) -> list[PlannedStep]:
    """Return the planned steps that have not been taken."""
    return [step for step in approval.plan.steps if step.number not in approval.taken]


def planned(approval: Approval, step: Step) -> PlannedStep | None:
    """Return the planned step behind a step; None for the deadline."""
    return next((each for each in approval.plan.steps if each.number == step.number), None)


def take(approval: Approval, step: Step, now: datetime, reached: Reached | None = None) -> Approval:
    """Take a step that is due. Taking the deadline decides: expired."""
    if approval.outcome is not None:
        return approval
    plan = planned(approval, step)
    if step.kind is StepKind.EXPIRE or plan is None:
        return approval.model_copy(update={"outcome": ApprovalOutcome.EXPIRED, "decided_at": now})
    found = reached or Reached(group=plan.ask_group or approval.group)
    done = Escalation(
        kind=step.kind.value, group=found.group or approval.group, at=now, person=found.person, skipped=found.nobody
    )
    after = approval.model_copy(
        update={"escalations": [*approval.escalations, done], "taken": [*approval.taken, plan.number]}
    )
    if step.kind is StepKind.REMIND:
        return after
    return _brought_forward(after, now) if found.nobody is not None else _asking_too(after, found)


def scheduled(approval: Approval, steps: list[PlannedStep]) -> Approval:
    """Give the stages that are asked now their own steps."""
    return _with(approval.model_copy(update={"taken": []}), steps=steps)


def postponed(approval: Approval, held_for: timedelta) -> Approval:
    """Move what is still to come by the time that holds stopped the clock: `held_for`, in total, since it was asked."""
    by = held_for - approval.held_for
    if approval.outcome is not None or by <= timedelta(0):
        return approval
    steps = [_later(step, by) if step in waiting(approval) else step for step in approval.plan.steps]
    moved = _with(approval, steps=steps, expires_at=approval.plan.expires_at + by)
    return moved.model_copy(update={"held_for": held_for})


def extended(approval: Approval, until: datetime, now: datetime) -> tuple[Approval, Receipt]:
    """Move the deadline, once, and by no more than the policy allows."""
    most = approval.plan.extension
    if (over := closed(approval, now)) is not None:
        return approval, receipt(approval, over)
    if most is None or approval.extended:
        why = (
            "was moved before, and can be once" if approval.extended else "cannot be moved: the policy does not let it"
        )
        return approval, _not_offered(approval, f"the deadline {why}")
    latest = approval.plan.expires_at + most
    if not approval.plan.expires_at < until <= latest:
        message = f"the deadline can be moved to a time after {approval.plan.expires_at} and not after {latest}"
        return approval, _not_offered(approval, message)
    after = _with(approval, expires_at=until).model_copy(update={"extended": True})
    return after, receipt(after)


def snoozed(approval: Approval, until: datetime, now: datetime) -> tuple[Approval, Receipt]:
    """Put off the next reminder. Nobody else is asked later for it, and the deadline stays."""
    if (over := closed(approval, now)) is not None:
        return approval, receipt(approval, over)
    reminder = min((s for s in waiting(approval) if s.kind is StepKind.REMIND), key=lambda s: s.at, default=None)
    if reminder is None:
        return approval, _not_offered(approval, "no reminder is to come that could be put off")
    if not max(now, reminder.at) < until < approval.plan.expires_at:
        message = f"the reminder can be put off to a time after {reminder.at} and before the deadline"
        return approval, _not_offered(approval, message)
    steps = [s.model_copy(update={"at": until}) if s == reminder else s for s in approval.plan.steps]
    after = _with(approval, steps=steps)
    return after, receipt(after)


def managed(approval: Approval, request: ManageRequest, now: datetime) -> tuple[Approval, Receipt]:
    """Do what somebody asked for, or refuse it. Whether they may ask is found out before."""
    if request.kind == "reassign" and request.to is not None:
        return reassigned(approval, request.to, now)
    if request.until is None:
        return approval, _not_offered(
            approval, f"to {request.kind} takes " + ("'to'" if request.kind == "reassign" else "'until'")
        )
    change = extended if request.kind == "extend" else snoozed
    return change(approval, request.until, now)


def reassigned(approval: Approval, to: str, now: datetime) -> tuple[Approval, Receipt]:
    """Note whom the question was handed to. Who may vote stays as it is."""
    if (over := closed(approval, now)) is not None:
        return approval, receipt(approval, over)
    after = approval.model_copy(update={"assigned": [*(p for p in approval.assigned if p != to), to]})
    return after, receipt(after)


def _asking_too(approval: Approval, found: Reached) -> Approval:
    stage = approval.current
    if found.person is not None:
        too = AskedToo(stage=stage, person=found.person)
        return approval.model_copy(update={"asked_too": [*approval.asked_too, too]})
    if found.group is None or found.group in approval.groups:
        return approval
    too = AskedToo(stage=stage, group=found.group)
    return approval.model_copy(
        update={"groups": [*approval.groups, found.group], "asked_too": [*approval.asked_too, too]}
    )


def _brought_forward(approval: Approval, now: datetime) -> Approval:
    """Let the next one who is asked be asked now, instead of nobody."""
    following = min((s for s in waiting(approval) if s.kind is StepKind.ESCALATE), key=lambda s: s.at, default=None)
    if following is None or following.at <= now:
        return approval
    return _with(
        approval, steps=[s.model_copy(update={"at": now}) if s == following else s for s in approval.plan.steps]
    )


def _with(approval: Approval, **changes: object) -> Approval:
    return approval.model_copy(update={"plan": approval.plan.model_copy(update=changes)})


def _later(step: PlannedStep, by: timedelta) -> PlannedStep:
    return step.model_copy(update={"at": step.at + by})


def _not_offered(approval: Approval, message: str) -> Receipt:
    return receipt(approval, Refusal(code=RefusalCode.NOT_OFFERED, message=message))
