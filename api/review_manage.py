"""What the page offers besides the vote: handing the question on, putting off the reminder, moving the deadline."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.review_view import why_closed
from domain.approval import Approval
from domain.approval_plan import StepKind
from domain.authority import Question, expected_voters, may_vote
from domain.catalog import Person
from domain.errors import InvalidRequest
from domain.escalation import waiting
from domain.policy import Policy
from domain.record import ActionRecord

_PUT_OFF_BY = timedelta(hours=1)


@dataclass(frozen=True)
class Window:
    """The moments among which one may be chosen, and the one that is suggested."""

    after: datetime
    until: datetime
    suggested: datetime


@dataclass(frozen=True)
class Managing:
    """What is offered: the colleagues to whom it can be handed, and when to; None for what cannot be done."""

    colleagues: list[Person]
    snooze: Window | None
    extend: Window | None


def managing_of(record: ActionRecord, person: Person, policy: Policy, now: datetime) -> Managing | None:
    """Return what a person may do to the asking besides voting; None when nothing.

    This decides what the page offers. Whether it is done is decided again, by the action's workflow.
    """
    approval = record.approval
    if approval is None or why_closed(record, now) is not None:
        return None
    question = Question(
        at=now,
        groups=approval.wanted_first,
        people=approval.people,
        excluded=approval.plan.excluded,
        approving=False,
    )
    if may_vote(person.id, policy, question).refusal is not None:
        return None
    colleagues = _colleagues(approval, person, policy, now)
    offered = Managing(colleagues, _snooze(approval, now), _extension(approval))
    return offered if colleagues or offered.snooze or offered.extend else None


def moment_of(text: str) -> datetime:
    """Return the moment, in UTC, that a field of a form holds. Raises InvalidRequest."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        raise InvalidRequest(f"'{text[:40]}' is not a time; write it like 2026-11-24T09:00") from problem
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _colleagues(approval: Approval, person: Person, policy: Policy, now: datetime) -> list[Person]:
    """Return who else can be expected to vote now, by name."""
    groups = [policy.groups[name] for name in approval.groups if name in policy.groups]
    asked = [who for group in groups for who in expected_voters(group, policy, approval.plan.excluded, now)]
    passed = {person.id, *approval.plan.excluded, *(vote.person for vote in approval.counting)}
    found = [policy.people[who] for who in dict.fromkeys([*asked, *approval.people]) if who in policy.people]
    return sorted((each for each in found if each.id not in passed), key=lambda each: each.name)


def _snooze(approval: Approval, now: datetime) -> Window | None:
    reminders = [step.at for step in waiting(approval) if step.kind is StepKind.REMIND]
    if not reminders or approval.returned is not None:
        return None
    after, until = max(now, min(reminders)), approval.plan.expires_at
    suggested = min(after + _PUT_OFF_BY, after + (until - after) / 2)
    return Window(after, until, suggested) if after < until else None


def _extension(approval: Approval) -> Window | None:
    most = approval.plan.extension
    if most is None or approval.extended:
        return None
    latest = approval.plan.expires_at + most
    return Window(approval.plan.expires_at, latest, latest)
