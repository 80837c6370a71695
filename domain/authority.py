"""Who may vote: judged at the moment of the vote, by stable person id, from the bundle that is active then.

A member of a group that is asked may vote. While a member is away, one other person may vote in their place: their
delegate or, where the delegate is away too, the delegate's delegate, and so on over at most `MAX_DELEGATES` people.
Whoever is excluded may not vote, is passed over as a delegate, and has no place that anybody could take. A person with
trainings approves only what one in force covers; rejecting takes no training.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from domain.action import Frozen, Tier
from domain.calendar import local_day
from domain.catalog import Absence, Group, Person, Training, has_left
from domain.errors import Refusal, RefusalCode

MAX_DELEGATES = 3
_RANK = {tier: rank for rank, tier in enumerate(Tier)}


class Roster(Protocol):
    """People and groups as they are at this moment. A `Policy` is one."""

    @property
    def people(self) -> Mapping[str, Person]:
        """Everybody, by id."""

    @property
    def groups(self) -> Mapping[str, Group]:
        """The groups by id, with everybody who belongs to them."""

    @property
    def unconfirmed(self) -> Collection[str]:
        """The groups whose Slack user group could not be confirmed lately: its people are missing."""


class Question(Frozen):
    """What somebody wants to vote on, and when.

    `groups` are those asked now, `people` those asked by name, with the group of their stage. `excluded` maps a person
    to why they may not vote although a group has them (the person on whose behalf the agent acts, the agent's owner).
    An unknown tier counts as high.
    """

    at: datetime
    groups: list[str]
    people: dict[str, str] = {}
    excluded: dict[str, str] = {}
    tier: Tier = Tier.HIGH
    approving: bool = True


class Eligibility(Frozen):
    """Whether a person may vote: for `group`, as its member or in the place of one of `in_place_of`; or the refusal."""

    person: str
    group: str | None = None
    in_place_of: list[str] = []
    refusal: Refusal | None = None


def find_person(people: Iterable[Person], name: str) -> Person | None:
    """Return the person whose id, e-mail address or Slack user is `name`, in any case; None when there is none."""
    wanted = name.strip().casefold()
    if not wanted:
        return None
    for person in people:
        if wanted in (person.id, person.email.casefold(), (person.slack_user or "").casefold()):
            return person
    return None


def may_vote(person_id: str, roster: Roster, question: Question) -> Eligibility:
    """Decide whether a person may vote on a question."""

    def refused(code: RefusalCode, message: str) -> Eligibility:
        return Eligibility(person=person_id, refusal=Refusal(code=code, message=message))

    person = roster.people.get(person_id)
    if person is None:
        return refused(RefusalCode.NOT_ELIGIBLE, f"'{person_id}' is not a person of the catalog")
    if has_left(person, question.at):
        message = f"'{person_id}' left on {person.left_on} and may not vote any more; if that is wrong, tell an admin"
        return refused(RefusalCode.NOT_ELIGIBLE, message)
    if person_id in question.excluded:
        message = f"'{person_id}' may not vote here: {question.excluded[person_id]}"
        return refused(RefusalCode.SELF_APPROVAL, message)
    place = _place(person, roster, question)
    if place.group is None:
        return place
    if question.approving and (problem := training_problem(person, question.tier, question.at)):
        return refused(RefusalCode.TRAINING_REQUIRED, problem)
    return place


def stand_in(member: str, roster: Roster, excluded: Collection[str], at: datetime) -> str | None:
    """Return who may vote in a member's place at this moment; None while they are not away, and when nobody can."""
    if member in excluded:
        return None
    chain = [member]
    while len(chain) <= MAX_DELEGATES:
        delegate = _delegate(roster.people.get(chain[-1]), at)
        if delegate is None or delegate in chain:
            return None
        person = roster.people.get(delegate)
        if person is not None and delegate not in excluded and not has_left(person, at) and not absences(person, at):
            return delegate
        chain.append(delegate)
    return None


def expected_voters(group: Group, roster: Roster, excluded: Collection[str], at: datetime) -> list[str]:
    """Return who of a group can be expected to vote now: its members, and the stand-ins of those who are away."""
    found = []
    for member in group.members:
        person = roster.people.get(member)
        if person is None or has_left(person, at) or member in excluded:
            continue
        found.append(stand_in(member, roster, excluded, at) if absences(person, at) else member)
    return [name for name in dict.fromkeys(found) if name is not None]


def absences(person: Person, at: datetime) -> list[Absence]:
    """Return the absences that a person is on, by the day it is for them."""
    today = local_day(person.calendar, at)
    return [absence for absence in person.absences if absence.first_day <= today <= absence.last_day]


def training_problem(person: Person, tier: Tier, at: datetime) -> str | None:
    """Say why a person's trainings do not let them approve a tier; None when they do, or none are kept for them."""
    covering = [training for training in person.trainings if _RANK[training.tier] >= _RANK[tier]]
    today = local_day(person.calendar, at)
    if not person.trainings or any(training.expires >= today for training in covering):
        return None
    said = f"no training of '{person.id}' is for tier {tier.value}"
    if covering:
        last = max(covering, key=lambda training: training.expires)
        said = f"the training{_reference(last)} of '{person.id}' for tier {last.tier.value} expired on {last.expires}"
    return f"{said}; renew it and have the policy say so, or leave the approval to a colleague (you may still reject)"


def _place(person: Person, roster: Roster, question: Question) -> Eligibility:
    """Return for which group a person may vote: as its member, else in the place of members who are away."""
    groups = [roster.groups[name] for name in question.groups if name in roster.groups]
    for group in groups:
        if person.id in group.members:
            return Eligibility(person=person.id, group=group.id)
    if (asked_for := question.people.get(person.id)) is not None:
        return Eligibility(person=person.id, group=asked_for)
    for group in groups:
        away = [m for m in group.members if stand_in(m, roster, question.excluded, question.at) == person.id]
        if away:
            return Eligibility(person=person.id, group=group.id, in_place_of=away)
    for member, asked_for in question.people.items():
        if stand_in(member, roster, question.excluded, question.at) == person.id:
            return Eligibility(person=person.id, group=asked_for, in_place_of=[member])
    refusal = _outside(person, [group.id for group in groups if group.id in roster.unconfirmed], question)
    return Eligibility(person=person.id, refusal=refusal)


def _outside(person: Person, unconfirmed: list[str], question: Question) -> Refusal:
    """Return the refusal of somebody who is in no group that is asked, or of whom that is not known."""
    if unconfirmed and person.slack_user is not None:
        names = " and ".join(unconfirmed)
        message = (
            f"the members of {names} come from Slack, which did not confirm them lately, so nobody knows whether "
            f"'{person.id}' is one; try again in a few minutes, and tell an admin if it stays so"
        )
        return Refusal(code=RefusalCode.MEMBERSHIP_UNCONFIRMED, message=message)
    message = f"'{person.id}' is not in {' or '.join(question.groups)}, who are asked"
    return Refusal(code=RefusalCode.NOT_ELIGIBLE, message=message)


def _delegate(person: Person | None, at: datetime) -> str | None:
    """Return whom a person who is away named; None when they are not away, have left, or named nobody."""
    if person is None or has_left(person, at):
        return None
    return next((absence.delegate for absence in absences(person, at) if absence.delegate is not None), None)


def _reference(training: Training) -> str:
    return f" '{training.reference}'" if training.reference else ""
