"""Rotations: whose turn it is, and when it is handed over."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Rotation
from domain.rotations import on_call, turn_of

# Local time in Berlin, who is on call, and when the turn begins and ends.
TABLE: dict[str, tuple[str, str, str, str]] = {
    "the first turn begins": ("2026-10-12T09:00", "ana", "2026-10-12T09:00", "2026-10-19T09:00"),
    "the moment before hand-over": ("2026-10-19T08:59:59.999999", "ana", "2026-10-12T09:00", "2026-10-19T09:00"),
    "hand-over": ("2026-10-19T09:00", "ben", "2026-10-19T09:00", "2026-10-26T09:00"),
    "the week clocks go back": ("2026-10-26T08:30", "ben", "2026-10-19T09:00", "2026-10-26T09:00"),
    "the third member": ("2026-10-31T00:00", "cem", "2026-10-26T09:00", "2026-11-02T09:00"),
    "the first again": ("2026-11-02T09:00", "ana", "2026-11-02T09:00", "2026-11-09T09:00"),
    "the next year": ("2027-03-29T09:00", "ana", "2027-03-29T09:00", "2027-04-05T09:00"),
    "before it starts": ("2026-10-12T08:59", "ana", "2026-10-05T09:00", "2026-10-12T09:00"),
    "long before it starts": ("2026-01-01T00:00", "ana", "2025-12-29T09:00", "2026-01-05T09:00"),
}


def rotation(**changes: Any) -> Rotation:
    written = {
        "id": "on-call",
        "members": ["ana", "ben", "cem"],
        "starts_on": date(2026, 10, 12),
        "time_zone": "Europe/Berlin",
        **changes,
    }
    return Rotation.model_validate(written)


def berlin(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize(("at", "member", "begins", "ends"), TABLE.values(), ids=TABLE)
def test_members_take_turns_as_the_table_says(at: str, member: str, begins: str, ends: str) -> None:
    kept = rotation()

    assert on_call(kept, berlin(at)) == member
    assert turn_of(kept, berlin(at)) == (berlin(begins), berlin(ends))


def test_the_turn_in_which_clocks_go_back_is_an_hour_longer() -> None:
    begins, ends = turn_of(rotation(), berlin("2026-10-24T12:00"))

    assert ends - begins == timedelta(days=7, hours=1)


def test_hand_over_at_a_time_that_clocks_skip_is_when_they_skip_it() -> None:
    daily = rotation(starts_on=date(2026, 3, 27), turn_days=1, hands_over="02:30")
    skip = datetime(2026, 3, 29, 1, tzinfo=UTC)

    assert [on_call(daily, skip + timedelta(seconds=second)) for second in (-1, 0)] == ["ben", "cem"]


def test_hand_over_at_a_time_that_comes_twice_is_once_at_the_first() -> None:
    daily = rotation(starts_on=date(2026, 10, 23), turn_days=1, hands_over="02:30")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    members = [on_call(daily, first + timedelta(minutes=15 * step)) for step in range(-1, 6)]

    assert members == ["ben", "cem", "cem", "cem", "cem", "cem", "cem"]


def test_a_hand_over_that_clocks_undo_at_midnight_stays_done() -> None:
    """In St. John's clocks went back at one minute past midnight, to the evening before."""
    daily = rotation(starts_on=date(2010, 11, 6), turn_days=1, hands_over="00:00", time_zone="America/St_Johns")
    midnight = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)

    members = [on_call(daily, midnight + timedelta(minutes=minutes)) for minutes in (-1, 0, 1, 30, 62)]

    assert members == ["ana", "ben", "ben", "ben", "ben"]


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = datetime(2026, 11, 2, 10, tzinfo=UTC).replace(tzinfo=None)

    with pytest.raises(ValueError, match="2026-11-02T10:00:00 has no time zone"):
        on_call(rotation(), naive)
    with pytest.raises(ValueError, match="2026-11-02T10:00:00 has no time zone"):
        turn_of(rotation(), naive)


ROTATIONS = st.builds(
    Rotation,
    id=st.just("on-call"),
    members=st.lists(st.sampled_from(["ana", "ben", "cem", "dee", "eve"]), min_size=1, unique=True),
    starts_on=st.dates(date(2024, 1, 1), date(2028, 1, 1)),
    turn_days=st.integers(1, 30),
    hands_over=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
MOMENTS = st.datetimes(
    min_value=datetime(2023, 1, 1),  # noqa: DTZ001  the strategy takes the zone apart
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(ROTATIONS, MOMENTS, st.integers(0, 999))
def test_one_member_is_on_call_throughout_a_turn(kept: Rotation, at: datetime, part: int) -> None:
    begins, ends = turn_of(kept, at)

    inside = begins + (ends - begins) * part // 1000

    assert begins <= at < ends
    assert turn_of(kept, inside) == (begins, ends)
    assert on_call(kept, inside) == on_call(kept, at)


@given(ROTATIONS, MOMENTS)
def test_the_next_member_takes_over_exactly_at_hand_over(kept: Rotation, at: datetime) -> None:
    _, ends = turn_of(kept, at)
    before, then = (on_call(kept, ends - timedelta(microseconds=1)), on_call(kept, ends))
    begun = ends.astimezone(ZoneInfo(kept.time_zone)).date() > kept.starts_on
    place = kept.members.index(before)

    assert before == on_call(kept, at)
    assert then == (kept.members[(place + 1) % len(kept.members)] if begun else kept.members[0])
    assert turn_of(kept, ends)[0] == ends


@given(ROTATIONS, MOMENTS)
def test_every_member_gets_a_turn(kept: Rotation, at: datetime) -> None:
    at = max(at, datetime.combine(kept.starts_on, time(), UTC) + timedelta(days=2))
    members = []
    for _ in kept.members:
        members.append(on_call(kept, at))
        at = turn_of(kept, at)[1]

    assert sorted(members) == sorted(kept.members)
