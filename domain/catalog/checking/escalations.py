"""Does every step of an escalation reach somebody? Whether it comes in time, `step_times` says."""

from collections.abc import Iterator, Mapping
from datetime import date

from domain.catalog.bundle import Bundle
from domain.catalog.checking.people import is_gone
from domain.catalog.people import Group, Person
from domain.catalog.problems import Place, Problem
from domain.catalog.routes import ApprovalRule, EscalationStep

_SHORT = "escalate_after"


def escalation_problems(bundle: Bundle, today: date) -> Iterator[Problem]:
    """Yield each step that reaches nobody on a day or comes too late, and each working time that never passes."""
    # Here, because times are counted by calendars, and the module of those knows the catalog.
    from domain.catalog.checking.step_times import time_problems

    people = {person.id: person for person in bundle.people}
    groups = {group.id: group for group in bundle.groups}
    for number, approval in enumerate(bundle.approvals):
        place: Place = ("approvals", number)
        yield from _halves(place, approval)
        for where, step in written_steps(place, approval):
            yield from _to_nobody(where, step, approval, groups, people, today)
        yield from time_problems(place, approval, groups, today)
        if approval.extension is not None and approval.extension >= approval.expire_after:
            message = "extension must be shorter than expire_after: a deadline may be moved a little, not doubled"
            yield Problem((*place, "extension"), message)


def _halves(place: Place, approval: ApprovalRule) -> Iterator[Problem]:
    if approval.escalate_after is not None and approval.escalate_to is None:
        message = "it is not said who is asked then: add escalate_to: with an id of 'groups'"
        yield Problem((*place, "escalate_after"), message)
    if approval.escalate_to is not None and approval.escalate_after is None:
        yield Problem((*place, "escalate_to"), "it is not said when they are asked: add escalate_after: such as 4h")


def written_steps(place: Place, approval: ApprovalRule) -> Iterator[tuple[Place, EscalationStep]]:
    """Yield each step with the place where its time stands, whichever way it is written."""
    if approval.remind_after is not None:
        yield (*place, "remind_after"), EscalationStep(after=approval.remind_after, remind=True)
    if approval.escalate_after is not None and approval.escalate_to is not None:
        yield (*place, "escalate_after"), EscalationStep(after=approval.escalate_after, ask_group=approval.escalate_to)
    for number, step in enumerate(approval.escalation):
        yield (*place, "escalation", number, "after"), step


def _to_nobody(
    where: Place,
    step: EscalationStep,
    approval: ApprovalRule,
    groups: Mapping[str, Group],
    people: Mapping[str, Person],
    today: date,
) -> Iterator[Problem]:
    group = groups.get(step.ask_group or "")
    if group is not None and (message := _nobody_of(group, where, approval, people, today)):
        yield Problem((*where[:-1], "escalate_to" if where[-1] == _SHORT else "ask_group"), message)
    person = people.get(step.ask_person or "")
    if person is not None and is_gone(person, today):
        message = f"the escalation reaches nobody: '{person.id}' left on {person.left_on}; name somebody else"
        yield Problem((*where[:-1], "ask_person"), message)
    if step.ask_owner == "agent" and approval.exclude_agent_owner:
        message = (
            "the escalation reaches nobody: exclude_agent_owner keeps the agent's owner from deciding; write "
            "ask_owner: use_case, or name a person"
        )
        yield Problem((*where[:-1], "ask_owner"), message)


def _nobody_of(
    group: Group, where: Place, approval: ApprovalRule, people: Mapping[str, Person], today: date
) -> str | None:
    """Say why asking a group reaches nobody."""
    if group.slack_usergroup is None and not any(_is_there(name, people, today) for name in group.members):
        return (
            f"the escalation reaches nobody: '{group.id}' has no members, or all of them have left; name another group"
        )
    # The short form has been around for long, and what has been sound so far stays so.
    if where[-1] != _SHORT and all(stage.group == group.id for stage in approval.asked):
        return f"the escalation reaches nobody new: '{group.id}' is asked from the start; name another group"
    return None


def _is_there(name: str, people: Mapping[str, Person], today: date) -> bool:
    return name not in people or not is_gone(people[name], today)
