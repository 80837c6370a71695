"""Whose turn it is: who of those who may vote is notified of a request now, who later, and who is spared.

    may vote, has room, works now           now
    the tier comes in digests               later: in the digest of that person
    outside working hours                   later: when the hours begin, unless the tier breaks quiet hours
    has as many open, or as many this hour  passed over for the next person who has room
    in the group's `not_notified`           passed over, always
    works again after the deadline only     passed over

High tier waits for no hours and comes in no digest. A request has to reach as many people as are needed to decide it,
before its deadline: where too few have room, the least loaded are notified anyway, and where all would hear of it too
late, they are notified at once. Voting is another matter (`domain.authority`): whoever may vote may vote unasked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from domain.action import Frozen, Tier
from domain.business_time import after
from domain.calendar import is_working
from domain.catalog import Attention, Person


class Load(Frozen):
    """What a person has on their hands: requests that wait for them, and how many came within the last hour."""

    open: int = 0
    last_hour: int = 0


class Asking(Frozen):
    """A request for which people are looked for: how many have to hear of it (`needed`), and until when."""

    tier: Tier
    needed: int
    at: datetime
    expires_at: datetime


class Spared(StrEnum):
    """Why somebody who may vote is not notified."""

    NOT_NOTIFIED = "not_notified"
    MAX_OPEN = "max_open"
    MAX_PER_HOUR = "max_per_hour"
    AFTER_DEADLINE = "after_deadline"


class Waits(StrEnum):
    """Why somebody is notified later."""

    QUIET_HOURS = "quiet_hours"
    DIGEST = "digest"


class PassedOver(Frozen):
    """Somebody who is not notified, and why."""

    person: str
    why: Spared


class Later(Frozen):
    """Somebody who is notified with their next digest, when that is due, and why not now."""

    person: str
    at: datetime
    why: Waits


class Turns(Frozen):
    """Who is notified now, who later, and who is passed over. Nobody is in two of them."""

    now: list[str] = []
    later: list[Later] = []
    passed_over: list[PassedOver] = []

    @property
    def reached(self) -> int:
        """How many people hear of the request."""
        return len(self.now) + len(self.later)


def whose_turn(
    asking: Asking,
    voters: Sequence[Person],
    loads: Mapping[str, Load],
    attention: Attention,
    not_notified: Collection[str] = (),
) -> Turns:
    """Decide who is notified. `voters` may vote now, in the order of their group; somebody without a load has none."""
    spared = {person.id: _spared(person, loads, attention, not_notified) for person in voters}
    free = [person for person in voters if spared[person.id] is None]
    full = [person for person in voters if spared[person.id] in (Spared.MAX_OPEN, Spared.MAX_PER_HOUR)]
    turns, too_late = Turns(), list[str]()
    for person in [*free, *_least_loaded(full, loads)]:
        if spared[person.id] is None or turns.reached < asking.needed:
            placed = _placed(turns, person, asking, attention)
            too_late += [person.id] if placed is None else []
            turns = placed or turns
    woken = too_late[: max(asking.needed - turns.reached, 0)]
    reached = {*turns.now, *woken, *(later.person for later in turns.later)}
    left = [
        PassedOver(person=name, why=why or Spared.AFTER_DEADLINE) for name, why in spared.items() if name not in reached
    ]
    return turns.model_copy(update={"now": [*turns.now, *woken], "passed_over": left})


def digest_at(
    person: Person, asked: Sequence[Asking], attention: Attention, last: datetime | None, at: datetime
) -> datetime:
    """Return when a digest that is due at `at` is to be sent: then, unless the last one was too near or it is quiet.

    It is never so late that one of the requests would be closed: rather it comes at once.
    """
    due = at if last is None else max(at, last + attention.digest_every)
    if not any(_breaks_quiet_hours(each.tier, attention) for each in asked):
        due = _next_hours(person, due) or at
    return due if all(due < each.expires_at for each in asked) else at


def is_quiet(person: Person, tier: Tier, attention: Attention, at: datetime) -> bool:
    """Say whether a person is left alone at a moment: it is outside their hours, and the tier respects that."""
    return not _breaks_quiet_hours(tier, attention) and not is_working(person.calendar, at)


def _breaks_quiet_hours(tier: Tier, attention: Attention) -> bool:
    return tier is Tier.HIGH or tier in attention.quiet_hours_except


def _placed(turns: Turns, person: Person, asking: Asking, attention: Attention) -> Turns | None:
    """Add a person to those who hear of it now or later; None when that would be after the deadline."""
    opens: datetime | None = asking.at
    if not _breaks_quiet_hours(asking.tier, attention):
        opens = _next_hours(person, asking.at)
    if digest := _digest(person, asking, attention):
        return turns.model_copy(update={"later": [*turns.later, digest]})
    if opens == asking.at:
        return turns.model_copy(update={"now": [*turns.now, person.id]})
    if opens is None or opens >= asking.expires_at:
        return None
    later = Later(person=person.id, at=opens, why=Waits.QUIET_HOURS)
    return turns.model_copy(update={"later": [*turns.later, later]})


def _digest(person: Person, asking: Asking, attention: Attention) -> Later | None:
    """Return the place in a person's digest; None where the tier comes at once, or a digest would come too late."""
    if asking.tier is Tier.HIGH or asking.tier not in attention.digest_tiers:
        return None
    due: datetime | None = asking.at + attention.digest_every
    if due and not _breaks_quiet_hours(asking.tier, attention):
        due = _next_hours(person, due)
    if due is None or due >= asking.expires_at:
        return None
    return Later(person=person.id, at=due, why=Waits.DIGEST)


def _spared(
    person: Person, loads: Mapping[str, Load], attention: Attention, not_notified: Collection[str]
) -> Spared | None:
    load = loads.get(person.id, Load())
    if person.id in not_notified:
        return Spared.NOT_NOTIFIED
    if load.open >= attention.max_open:
        return Spared.MAX_OPEN
    return Spared.MAX_PER_HOUR if load.last_hour >= attention.max_per_hour else None


def _least_loaded(people: Iterable[Person], loads: Mapping[str, Load]) -> list[Person]:
    def load_of(person: Person) -> tuple[int, int]:
        load = loads.get(person.id, Load())
        return load.open, load.last_hour

    return sorted(people, key=load_of)


def _next_hours(person: Person, at: datetime) -> datetime | None:
    """Return when a person next works: this moment while they do; None for somebody who never does."""
    try:
        return after(at, timedelta(0), person.calendar)
    except ValueError:
        return None
