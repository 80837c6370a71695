"""Absences that people declare themselves, beside those of the policy. Values in, values out."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from domain.authority import absences, find_person
from domain.calendar import local_day
from domain.catalog import Absence, Person, has_left
from domain.errors import InvalidRequest

LONGEST = timedelta(days=366)
"""How far off the last day of a declared absence may be."""


def declared_absence(person: Person, people: Iterable[Person], until: date, delegate: str, at: datetime) -> Absence:
    """Return the absence that a person declares for themselves, from today on, by their own calendar.

    `delegate` is an id, an e-mail address, a Slack user or a full name; empty for nobody. Raises InvalidRequest, saying
    what to type instead.
    """
    today = local_day(person.calendar, at)
    if not today <= until <= today + LONGEST:
        raise InvalidRequest(
            f"the last day {until} is not between today ({today}) and a year from now; name another one"
        )
    return Absence(first_day=today, last_day=until, delegate=_delegate(person, list(people), delegate, at))


def with_declared(people: Mapping[str, Person], declared: Mapping[str, Absence]) -> dict[str, Person]:
    """Return the people with the absences that they declared. Those of the policy come first."""
    return {
        name: person.model_copy(update={"absences": [*person.absences, declared[name]]}) if name in declared else person
        for name, person in people.items()
    }


def _delegate(person: Person, people: list[Person], name: str, at: datetime) -> str | None:
    if not name.strip():
        return None
    found = find_person(people, name) or _by_name(people, name)
    if found is None:
        raise InvalidRequest(f"nobody in the catalog is '{name[:80]}'; name the delegate by id, e-mail or @mention")
    if found.id == person.id:
        raise InvalidRequest("nobody stands in for themselves; name a colleague")
    if has_left(found, at):
        raise InvalidRequest(f"'{found.id}' has left; name another delegate")
    if away := absences(found, at):
        last = max(absence.last_day for absence in away)
        raise InvalidRequest(f"'{found.id}' is away until {last}; name another delegate")
    return found.id


def _by_name(people: list[Person], name: str) -> Person | None:
    """Return the one person of this full name; nobody where it is shared."""
    wanted = " ".join(name.split()).casefold()
    named = [person for person in people if person.name.casefold() == wanted]
    return named[0] if len(named) == 1 else None
