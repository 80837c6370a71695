"""Which mails are due: one for each person and occasion, told from the record and from what was sent before.

What was sent stands in notices. A mail has the target `ann/asked-1-1`, its Message-ID as reference (empty where the
mail server refused it for good) and when that was as what is shown. `ann/slack` says since when Slack does not show
the action to somebody. Worked example of the names, for the first revision: `asked-1-2` asks in stage 2, `step-1-3`
is the third escalation, `decided` says how it ended.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from adapters.database.notices import Notice
from adapters.notifiers.email.card import Occasion
from domain.approval import Approval, Escalation
from domain.approval_plan import StepKind
from domain.authority import expected_voters
from domain.policy import Policy
from domain.record import ActionRecord

SLACK = "slack"
_ASKED = "asked-"


class Due(NamedTuple):
    """A mail that is to be sent: to whom, under which name, and why."""

    person: str
    name: str
    occasion: Occasion


class Sent:
    """What was sent about one action, by person and name."""

    def __init__(self, notices: Sequence[Notice]) -> None:
        self._notices = {notice.target: notice for notice in notices}

    def at(self, person: str, name: str) -> datetime | None:
        """Return when a mail was sent, or refused for good, or since when somebody waits; None where none of that."""
        notice = self._notices.get(f"{person}/{name}")
        return datetime.fromisoformat(notice.shown) if notice is not None else None

    def root(self, person: str) -> str | None:
        """Return the Message-ID of the first mail that a person got, to which the later ones are answers."""
        mails = [each for each in self._notices.values() if each.target.startswith(f"{person}/") and each.reference]
        return min(mails, key=lambda each: (each.shown, each.target)).reference if mails else None

    @property
    def asked(self) -> list[str]:
        """Everybody who was asked by mail."""
        split = [target.partition("/") for target in self._notices]
        return list(dict.fromkeys(person for person, _, name in split if name.startswith(_ASKED)))


def due(record: ActionRecord, policy: Policy, people: Sequence[str], sent: Sent, at: datetime) -> Iterator[Due]:
    """Yield the mails that are due, `people` being those who are asked by mail now."""
    approval = record.approval
    if approval is None:
        return
    for person in people:
        yield from _to_decide(person, approval, policy, sent, at)
    if record.state.final and approval.outcome is not None:
        for person in sent.asked:
            if sent.at(person, "decided") is None:
                yield Due(person, "decided", Occasion.DECIDED)


def _to_decide(person: str, approval: Approval, policy: Policy, sent: Sent, at: datetime) -> Iterator[Due]:
    """Yield what somebody gets who is asked now: the question first, then the last escalation since, if it is new."""
    name = f"{_ASKED}{approval.revisions}-{approval.stage}"
    asked_at = sent.at(person, name)
    if asked_at is None:
        yield Due(person, name, Occasion.ASKED)
        return
    if not approval.escalations:
        return
    step, name = approval.escalations[-1], f"step-{approval.revisions}-{len(approval.escalations)}"
    if step.skipped is None and step.at > asked_at and sent.at(person, name) is None:
        if step.kind != StepKind.REMIND:
            yield Due(person, name, Occasion.ESCALATED)
        elif person in _reminded(step, approval, policy, at):
            yield Due(person, name, Occasion.REMINDED)


def _reminded(step: Escalation, approval: Approval, policy: Policy, at: datetime) -> set[str]:
    group = policy.groups.get(step.group)
    members = expected_voters(group, policy, approval.plan.excluded, at) if group is not None else []
    return {*members, *approval.assigned, *approval.people}
