"""Whose turn it is: caps, spill-over, quiet hours and digests, as a table and as laws."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.action import Tier
from domain.attention import Asking, Later, Load, PassedOver, Spared, Turns, Waits, is_quiet, whose_turn
from domain.calendar import is_working
from domain.catalog import Attention, Calendar, Person

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
TEN = MONDAY.replace(hour=10)
NIGHT = MONDAY.replace(hour=22)
TUESDAY = MONDAY + timedelta(days=1, hours=9)
BUSY, HURRIED = Load(open=3), Load(last_hour=2)
LIMITS: dict[str, Any] = {"max_open": 3, "max_per_hour": 2}
DIGESTS: dict[str, Any] = {"digest_tiers": ["medium"]}


def person(name: str, **changes: Any) -> Person:
    return Person.model_validate({"id": name, "name": name, "email": f"{name}@test.example", **changes})


ANN, BOB, CEM = person("ann"), person("bob"), person("cem")
KIM = person("kim", calendar={"time_zone": "Asia/Tokyo"})
NEVER = person("never", calendar={"days": []})


def turns(
    *now: str, later: list[tuple[str, datetime, Waits]] | None = None, over: dict[str, Spared] | None = None
) -> Turns:
    return Turns(
        now=list(now),
        later=[Later(person=name, at=at, why=why) for name, at, why in later or []],
        passed_over=[PassedOver(person=name, why=why) for name, why in (over or {}).items()],
    )


def asked(
    voters: list[Person],
    loads: dict[str, Load] | None = None,
    *,
    tier: Tier = Tier.MEDIUM,
    needed: int = 1,
    at: datetime = TEN,
    days: float = 7,
    not_notified: tuple[str, ...] = (),
    **attention: Any,
) -> Turns:
    asking = Asking(tier=tier, needed=needed, at=at, expires_at=at + timedelta(days=days))
    return whose_turn(asking, voters, loads or {}, Attention(**{**LIMITS, **attention}), not_notified)


TABLE: dict[str, tuple[Turns, Turns]] = {
    "everybody with room, in their order": (asked([BOB, ANN]), turns("bob", "ann")),
    "one with too many open is passed over for the next": (
        asked([ANN, BOB], {"ann": BUSY}),
        turns("bob", over={"ann": Spared.MAX_OPEN}),
    ),
    "one with too many this hour, too": (
        asked([ANN, BOB], {"ann": HURRIED}),
        turns("bob", over={"ann": Spared.MAX_PER_HOUR}),
    ),
    "one below the cap has room": (asked([ANN], {"ann": Load(open=2, last_hour=1)}), turns("ann")),
    "when all are full, the least loaded": (
        asked([ANN, BOB, CEM], {"ann": Load(open=5), "bob": BUSY, "cem": Load(open=4)}),
        turns("bob", over={"ann": Spared.MAX_OPEN, "cem": Spared.MAX_OPEN}),
    ),
    "as many of the full as are needed": (
        asked([ANN, BOB, CEM], {"ann": Load(open=5), "bob": BUSY}, needed=2),
        turns("cem", "bob", over={"ann": Spared.MAX_OPEN}),
    ),
    "caps hold for high tier, with the next one asked": (
        asked([ANN, BOB], {"ann": BUSY}, tier=Tier.HIGH),
        turns("bob", over={"ann": Spared.MAX_OPEN}),
    ),
    "in quiet hours medium waits for the morning": (
        asked([ANN], at=NIGHT),
        turns(later=[("ann", TUESDAY, Waits.QUIET_HOURS)]),
    ),
    "in quiet hours high does not wait": (asked([ANN], at=NIGHT, tier=Tier.HIGH), turns("ann")),
    "not even where the bundle excepts nothing": (
        asked([ANN], at=NIGHT, tier=Tier.HIGH, quiet_hours_except=[]),
        turns("ann"),
    ),
    "a tier that the bundle excepts breaks quiet hours": (
        asked([ANN], at=NIGHT, quiet_hours_except=["high", "medium"]),
        turns("ann"),
    ),
    "each has their own hours": (
        asked([ANN, KIM], at=MONDAY.replace(hour=3)),
        turns("kim", later=[("ann", MONDAY.replace(hour=9), Waits.QUIET_HOURS)]),
    ),
    "whose hours begin after the deadline is spared while another hears of it": (
        asked([ANN, KIM], at=MONDAY.replace(hour=3), days=0.1),
        turns("kim", over={"ann": Spared.AFTER_DEADLINE}),
    ),
    "where all would hear of it too late, one is woken": (
        asked([ANN, BOB], at=NIGHT, days=0.1),
        turns("ann", over={"bob": Spared.AFTER_DEADLINE}),
    ),
    "somebody who works is asked too much before somebody is woken": (
        asked([ANN, KIM], {"kim": BUSY}, at=MONDAY.replace(hour=3), days=0.1),
        turns("kim", over={"ann": Spared.AFTER_DEADLINE}),
    ),
    "somebody who never works is asked when nobody else is there": (asked([NEVER], at=TEN), turns("never")),
    "a digest comes once its time has passed": (
        asked([ANN], **DIGESTS),
        turns(later=[("ann", TEN + timedelta(hours=1), Waits.DIGEST)]),
    ),
    "a digest that would come in quiet hours comes in the morning": (
        asked([ANN], at=MONDAY.replace(hour=16, minute=30), **DIGESTS),
        turns(later=[("ann", TUESDAY, Waits.DIGEST)]),
    ),
    "a digest that would come after the deadline comes at once": (asked([ANN], days=0.04, **DIGESTS), turns("ann")),
    "high tier comes in no digest, whatever the bundle says": (
        asked([ANN], tier=Tier.HIGH, digest_tiers=["medium", "high"]),
        turns("ann"),
    ),
    "one who is not to be notified never is": (
        asked([ANN, BOB], {"bob": BUSY}, not_notified=("ann",)),
        turns("bob", over={"ann": Spared.NOT_NOTIFIED}),
    ),
    "not even when there is nobody else": (
        asked([ANN], not_notified=("ann",), tier=Tier.HIGH),
        turns(over={"ann": Spared.NOT_NOTIFIED}),
    ),
    "nobody to ask is nobody": (asked([]), turns()),
}


@pytest.mark.parametrize(("found", "expected"), TABLE.values(), ids=TABLE.keys())
def test_whose_turn_it_is(found: Turns, expected: Turns) -> None:
    assert found == expected


CALENDARS = st.builds(
    Calendar,
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York"]),
    days=st.sampled_from([["mon", "tue", "wed", "thu", "fri"], ["sat", "sun"], []]),
)
LOADS = st.builds(Load, open=st.integers(0, 5), last_hour=st.integers(0, 5))
PEOPLE = st.lists(CALENDARS, min_size=0, max_size=6).map(
    lambda calendars: [person(f"p{n}", calendar=calendar) for n, calendar in enumerate(calendars)]
)
ATTENTION = st.builds(
    Attention,
    max_open=st.integers(1, 4),
    max_per_hour=st.integers(1, 4),
    quiet_hours_except=st.lists(st.sampled_from(Tier)),
    digest_tiers=st.lists(st.sampled_from(Tier)),
    digest_every=st.sampled_from([timedelta(minutes=10), timedelta(hours=3)]),
)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=365)).map(lambda since: MONDAY + since)
ASKING = st.builds(
    lambda tier, needed, at, left: Asking(tier=tier, needed=needed, at=at, expires_at=at + left),
    st.sampled_from(Tier),
    st.integers(1, 4),
    MOMENTS,
    st.timedeltas(timedelta(minutes=1), timedelta(days=9)),
)


@given(ASKING, PEOPLE, st.lists(LOADS, min_size=6, max_size=6), ATTENTION, st.sets(st.integers(0, 5)))
def test_the_laws_of_attention(
    asking: Asking, voters: list[Person], loads: list[Load], attention: Attention, silent: set[int]
) -> None:
    not_notified = {f"p{number}" for number in silent}
    load = {f"p{number}": each for number, each in enumerate(loads)}

    found = whose_turn(asking, voters, load, attention, not_notified)

    now, later = set(found.now), {each.person: each for each in found.later}
    passed_over = {each.person for each in found.passed_over}
    askable = [each for each in voters if each.id not in not_notified]
    full = {
        p.id for p in askable if load[p.id].open >= attention.max_open or load[p.id].last_hour >= attention.max_per_hour
    }
    # Everybody is accounted for, once.
    assert sorted([*found.now, *later, *passed_over]) == sorted(each.id for each in voters)
    # A request reaches as many as it needs, as far as there are people; so never nobody.
    assert found.reached >= min(asking.needed, len(askable))
    assert not (now | later.keys()) & not_notified
    # The caps hold as long as others are enough.
    assert found.reached <= asking.needed or not (now | later.keys()) & full
    # What comes later comes before the deadline, in working hours, and is never high tier.
    by_id = {each.id: each for each in voters}
    for each in found.later:
        assert asking.tier is not Tier.HIGH
        assert asking.at < each.at < asking.expires_at
        assert not is_quiet(by_id[each.person], asking.tier, attention, each.at)
        assert each.why is Waits.QUIET_HOURS or asking.tier in attention.digest_tiers
    # Nobody is woken while enough others hear of it.
    woken = [name for name in now if is_quiet(by_id[name], asking.tier, attention, asking.at)]
    assert not woken or found.reached <= asking.needed


@given(MOMENTS, CALENDARS)
def test_the_hours_that_are_waited_for_are_the_next_ones(at: datetime, calendar: Calendar) -> None:
    found = asked([person("ann", calendar=calendar)], at=at, days=30)
    if not calendar.days or is_working(calendar, at):
        assert found.now == ["ann"]
    else:
        (later,) = found.later
        assert is_working(calendar, later.at)
        assert not is_working(calendar, later.at - timedelta(minutes=1))
        assert not any(is_working(calendar, at + (later.at - at) * n / 20) for n in range(20))
