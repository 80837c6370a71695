"""Is somebody told of every request, and is high tier never gathered?"""

from collections.abc import Iterator
from datetime import date

from domain.action import Tier
from domain.catalog.bundle import Bundle
from domain.catalog.checking.people import is_gone
from domain.catalog.people import Group
from domain.catalog.problems import Place, Problem


def attention_problems(bundle: Bundle, today: date) -> Iterator[Problem]:
    """Yield groups of which nobody is told on a day, those left out who are not in them, and digests of high tier."""
    gone = {person.id for person in bundle.people if is_gone(person, today)}
    for number, group in enumerate(bundle.groups):
        yield from _not_told(("groups", number, "not_notified"), group, gone)
    for number, tier in enumerate(bundle.attention.digest_tiers):
        if tier is Tier.HIGH:
            message = "requests of tier high are never gathered, each comes by itself; take high out of digest_tiers"
            yield Problem(("attention", "digest_tiers", number), message)


def _not_told(place: Place, group: Group, gone: set[str]) -> Iterator[Problem]:
    if group.slack_usergroup is not None:
        return
    for number, name in enumerate(group.not_notified):
        if name not in group.members:
            message = f"'{name}' is not a member of '{group.id}', so no message is kept from them; take them out"
            yield Problem((*place, number), message)
    present = set(group.members) - gone
    if present and present <= set(group.not_notified):
        message = f"nobody of '{group.id}' would be told that they are asked; leave at least one person out of the list"
        yield Problem(place, message)
