"""Does somebody answer for everything, and are dates possible?"""

from collections.abc import Iterator, Mapping
from datetime import date

from domain.catalog.bundle import Bundle
from domain.catalog.holidays import holiday_problem
from domain.catalog.people import Calendar, Person
from domain.catalog.problems import Place, Problem

YEARS = range(2000, 2200)


def people_problems(bundle: Bundle, today: date) -> Iterator[Problem]:
    """Yield what nobody answers for on a day, absences that cannot be, and calendars without holidays."""
    people = {person.id: person for person in bundle.people}
    yield from _unowned(bundle, people, today)
    for number, person in enumerate(bundle.people):
        place: Place = ("people", number)
        yield from _dates(place, person)
        yield from _absences(place, person, people, today)
        yield from _calendar((*place, "calendar"), person.calendar)
    for number, use_case in enumerate(bundle.use_cases):
        yield from _calendar(("use_cases", number, "calendar"), use_case.calendar)
    for number, group in enumerate(bundle.groups):
        yield from _calendar(("groups", number, "calendar"), group.calendar)
    yield from _taking_turns(bundle, people, today)
    yield from _delegating_in_circles(bundle)


def is_gone(person: Person, today: date) -> bool:
    """Say whether a person has left by a day: the last day itself still counts."""
    return person.left_on is not None and today > person.left_on


def _unowned(bundle: Bundle, people: Mapping[str, Person], today: date) -> Iterator[Problem]:
    owned: list[tuple[Place, str, str]] = [
        *((("agents", n, "owner"), a.owner, f"the agent '{a.id}'") for n, a in enumerate(bundle.agents)),
        *((("use_cases", n, "owner"), u.owner, f"the use case '{u.id}'") for n, u in enumerate(bundle.use_cases)),
        *(
            (("use_cases", n, "raci", "accountable"), u.raci.accountable, f"the use case '{u.id}'")
            for n, u in enumerate(bundle.use_cases)
            if u.raci is not None
        ),
    ]
    if bundle.policy_changes is not None:
        owned.append((("policy_changes", "owner"), bundle.policy_changes.owner, "changes of the policy"))
    for place, name, what in owned:
        if name in people and is_gone(people[name], today):
            left = people[name].left_on
            yield Problem(place, f"nobody answers for {what} any more: '{name}' left on {left}; name who took over")


def _dates(place: Place, person: Person) -> Iterator[Problem]:
    dates: list[tuple[Place, date | None]] = [((*place, "left_on"), person.left_on)]
    for i, training in enumerate(person.trainings):
        dates.append(((*place, "trainings", i, "expires"), training.expires))
    for i, absence in enumerate(person.absences):
        dates.append(((*place, "absences", i, "first_day"), absence.first_day))
        dates.append(((*place, "absences", i, "last_day"), absence.last_day))
    for where, day in dates:
        if day is not None and day.year not in YEARS:
            yield Problem(where, f"the year {day.year} cannot be right; write a date like 2026-01-31")


def _absences(place: Place, person: Person, people: Mapping[str, Person], today: date) -> Iterator[Problem]:
    for i, absence in enumerate(person.absences):
        where: Place = (*place, "absences", i)
        if absence.last_day < absence.first_day:
            message = f"the absence ends on {absence.last_day}, before it begins on {absence.first_day}"
            yield Problem((*where, "last_day"), message)
        if absence.delegate == person.id:
            yield Problem((*where, "delegate"), f"'{person.id}' cannot stand in for themselves; name somebody else")
        delegate = people.get(absence.delegate or "")
        if delegate is not None and is_gone(delegate, max(today, absence.first_day)):
            yield Problem((*where, "delegate"), f"'{delegate.id}' left on {delegate.left_on}; name somebody else")
        for earlier in person.absences[:i]:
            if absence.first_day <= earlier.last_day and earlier.first_day <= absence.last_day:
                message = f"it overlaps the absence from {earlier.first_day} to {earlier.last_day}; make one of the two"
                yield Problem((*where, "first_day"), message)


def _taking_turns(bundle: Bundle, people: Mapping[str, Person], today: date) -> Iterator[Problem]:
    for number, rotation in enumerate(bundle.rotations):
        if rotation.starts_on.year not in YEARS:
            message = f"the year {rotation.starts_on.year} cannot be right; write a date like 2026-01-31"
            yield Problem(("rotations", number, "starts_on"), message)
        for i, name in enumerate(rotation.members):
            if name in people and is_gone(people[name], today):
                left = people[name].left_on
                message = f"nobody is on call in the turns of '{name}', who left on {left}; name who took over"
                yield Problem(("rotations", number, "members", i), message)


def _delegating_in_circles(bundle: Bundle) -> Iterator[Problem]:
    """Yield absences that lead back to the person who is away, by way of delegates who are away as well."""
    people = {person.id: (number, person) for number, person in enumerate(bundle.people)}
    for number, person in enumerate(bundle.people):
        for i, absence in enumerate(person.absences):
            day, chain = absence.first_day, [person.id]
            delegate = absence.delegate
            while delegate is not None and delegate in people and delegate not in chain:
                chain.append(delegate)
                delegate = _delegate_on(people[delegate][1], day)
            if delegate == person.id and len(chain) > 1:
                circle = " to ".join(f"'{name}'" for name in [*chain, delegate])
                message = f"on {day} everybody in the circle is away: {circle}; name somebody who is there"
                yield Problem(("people", number, "absences", i, "delegate"), message)


def _delegate_on(person: Person, day: date) -> str | None:
    return next((a.delegate for a in person.absences if a.first_day <= day <= a.last_day), None)


def _calendar(place: Place, calendar: Calendar) -> Iterator[Problem]:
    if calendar.holidays is not None and (problem := holiday_problem(calendar.holidays)):
        yield Problem((*place, "holidays"), problem)
    if not calendar.days:
        yield Problem((*place, "days"), "there is no working day; write for example days: [mon, tue, wed, thu, fri]")
