"""Who may vote: judged at the moment of the vote, by stable person id, from the bundle that is active then."""

from collections.abc import Iterable, Mapping

from domain.action import Frozen
from domain.catalog import Group, Person
from domain.errors import Refusal, RefusalCode


class Eligibility(Frozen):
    """Whether a person may vote: as a member of `group`, or not, with the refusal."""

    person: str
    group: str | None = None
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


def may_vote(
    person_id: str,
    people: Mapping[str, Person],
    groups: Mapping[str, Group],
    asked: Iterable[str],
    excluded: Mapping[str, str],
) -> Eligibility:
    """Decide whether a person may vote in an approval.

    `asked` are the ids of the groups asked so far; `excluded` maps a person to why they may not vote although
    a group has them (the person on whose behalf the agent acts, the agent's owner).
    """

    def refused(code: RefusalCode, message: str) -> Eligibility:
        return Eligibility(person=person_id, refusal=Refusal(code=code, message=message))

    if person_id not in people:
        return refused(RefusalCode.NOT_ELIGIBLE, f"'{person_id}' is not a person of the catalog")
    if person_id in excluded:
        return refused(RefusalCode.SELF_APPROVAL, f"'{person_id}' may not vote here: {excluded[person_id]}")
    names = list(asked)
    for name in names:
        group = groups.get(name)
        if group is not None and person_id in group.members:
            return Eligibility(person=person_id, group=name)
    return refused(RefusalCode.NOT_ELIGIBLE, f"'{person_id}' is not in {' or '.join(names)}, who are asked")
