"""Who belongs to which group: the members that the bundle names, and the people of Slack user groups.

What Slack says counts only while it is confirmed: a user group that is not among the confirmed ones adds nobody, and
its group is named as unconfirmed, so that whoever is turned away for it is told why.
"""

from collections.abc import Collection, Iterable, Mapping

from domain.catalog.people import Group, Person


def joined(
    groups: Iterable[Group], people: Iterable[Person], confirmed: Mapping[str, Collection[str]]
) -> tuple[dict[str, Group], frozenset[str]]:
    """Return the groups by id, with everybody who belongs to them, and the ids of those that are unconfirmed.

    `confirmed` maps Slack user groups to Slack users. Users whom the catalog does not know belong to nothing.
    """
    by_account = {person.slack_user: person.id for person in people if person.slack_user is not None}
    found: dict[str, Group] = {}
    unconfirmed = set()
    for group in groups:
        found[group.id] = group
        if group.slack_usergroup is None:
            continue
        if group.slack_usergroup not in confirmed:
            unconfirmed.add(group.id)
            continue
        more = [by_account[user] for user in confirmed[group.slack_usergroup] if user in by_account]
        members = list(dict.fromkeys([*group.members, *sorted(more)]))
        found[group.id] = group.model_copy(update={"members": members})
    return found, frozenset(unconfirmed)
