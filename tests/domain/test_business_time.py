"""Business time: what a working day, a weekend, a holiday, a night and daylight saving make of a duration."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.business_time import after, working_time_between
from domain.calendar import is_working
from domain.catalog import Calendar

OFFICE: dict[str, Any] = {}
BAVARIA: dict[str, Any] = {"time_zone": "Europe/Berlin", "holidays": "DE-BY"}
BERLIN: dict[str, Any] = {"time_zone": "Europe/Berlin", "holidays": "DE-BE"}
NEW_YORK: dict[str, Any] = {"time_zone": "America/New_York", "holidays": "US"}
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NIGHTS: dict[str, Any] = {"time_zone": "Europe/Berlin", "opens": "22:00", "closes": "06:00", "days": EVERY_DAY}
WEEK_NIGHTS: dict[str, Any] = {"time_zone": "Europe/Berlin", "opens": "22:00", "closes": "06:00"}
US_NIGHTS: dict[str, Any] = {**NIGHTS, "time_zone": "America/New_York"}
LORD_HOWE: dict[str, Any] = {**NIGHTS, "time_zone": "Australia/Lord_Howe"}
WHOLE_WEEKDAYS: dict[str, Any] = {"time_zone": "Europe/Berlin", "opens": "00:00", "closes": "00:00"}
SKIPPED: dict[str, Any] = {"time_zone": "Europe/Berlin", "days": ["sun"], "opens": "02:15", "closes": "04:00"}
TWICE: dict[str, Any] = {**SKIPPED, "opens": "02:30", "closes": "04:00"}

# Calendar, a start and a moment in its own local time (with +HH:MM where a time comes twice), and the working time
# from the one to the other.
TABLE: dict[str, tuple[dict[str, Any], str, timedelta, str]] = {
    "within a day": (OFFICE, "2026-11-03T10:00", timedelta(hours=2), "2026-11-03T12:00"),
    "before the day begins": (OFFICE, "2026-11-03T06:00", timedelta(hours=2), "2026-11-03T11:00"),
    "after the day has ended": (OFFICE, "2026-11-03T20:00", timedelta(hours=2), "2026-11-04T11:00"),
    "at the hour it closes": (OFFICE, "2026-11-03T17:00", timedelta(hours=2), "2026-11-04T11:00"),
    "over the evening": (OFFICE, "2026-11-03T16:30", timedelta(hours=2), "2026-11-04T10:30"),
    "to the hour it closes, when nobody works any more": (
        OFFICE,
        "2026-11-03T15:00",
        timedelta(hours=2),
        "2026-11-04T09:00",
    ),
    "no time at all, while people work": (OFFICE, "2026-11-03T10:00", timedelta(0), "2026-11-03T10:00"),
    "no time at all, while nobody does": (OFFICE, "2026-11-03T20:00", timedelta(0), "2026-11-04T09:00"),
    "over a weekend": (OFFICE, "2026-11-06T16:00", timedelta(hours=2), "2026-11-09T10:00"),
    "from a Saturday": (OFFICE, "2026-11-07T12:00", timedelta(hours=4), "2026-11-09T13:00"),
    "three weeks": (OFFICE, "2026-11-02T09:00", timedelta(hours=15 * 8), "2026-11-23T09:00"),
    "less than a second": (
        OFFICE,
        "2026-11-06T16:59:59.999999",
        timedelta(microseconds=2),
        "2026-11-09T09:00:00.000001",
    ),
    "over All Saints in Bavaria": (BAVARIA, "2027-10-29T16:00", timedelta(hours=2), "2027-11-02T10:00"),
    "over All Saints in Berlin, where it is none": (BERLIN, "2027-10-29T16:00", timedelta(hours=2), "2027-11-01T10:00"),
    "over Easter, Friday and Monday": (BAVARIA, "2026-04-02T16:00", timedelta(hours=2), "2026-04-07T10:00"),
    "over Independence Day, kept on the Friday": (NEW_YORK, "2026-07-02T16:00", timedelta(hours=2), "2026-07-06T10:00"),
    # Christmas Eve is a Thursday; Friday and Saturday are holidays, then comes Sunday.
    "over Christmas": (BAVARIA, "2026-12-24T16:00", timedelta(hours=2), "2026-12-28T10:00"),
    "a working week that begins on Christmas Eve": (
        BAVARIA,
        "2026-12-24T09:00",
        timedelta(hours=5 * 8 + 1),
        "2027-01-04T10:00",
    ),
    "over summer time, by the clock of the wall": (BAVARIA, "2026-03-27T16:00", timedelta(hours=2), "2026-03-30T10:00"),
    "over winter time, by the clock of the wall": (BAVARIA, "2026-10-23T16:00", timedelta(hours=2), "2026-10-26T10:00"),
    "the night that is an hour shorter": (NIGHTS, "2026-03-28T23:00", timedelta(hours=4), "2026-03-29T04:00"),
    "the whole of the shorter night": (NIGHTS, "2026-03-28T22:00", timedelta(hours=7), "2026-03-29T22:00"),
    "the night that is an hour longer": (NIGHTS, "2026-10-24T23:00", timedelta(hours=6), "2026-10-25T04:00"),
    "the first half past two": (NIGHTS, "2026-10-24T23:30", timedelta(hours=3), "2026-10-25T02:30+02:00"),
    "the second half past two": (NIGHTS, "2026-10-24T23:30", timedelta(hours=4), "2026-10-25T02:30+01:00"),
    "from the second half past two": (NIGHTS, "2026-10-25T02:30+01:00", timedelta(hours=1), "2026-10-25T03:30"),
    "the shorter night of New York": (US_NIGHTS, "2026-03-07T22:00", timedelta(hours=6), "2026-03-08T05:00"),
    "the longer night of New York": (US_NIGHTS, "2026-10-31T22:00", timedelta(hours=6), "2026-11-01T03:00"),
    "half an hour less on Lord Howe": (LORD_HOWE, "2026-10-03T22:00", timedelta(hours=7), "2026-10-04T05:30"),
    "half an hour more on Lord Howe": (LORD_HOWE, "2026-04-04T22:00", timedelta(hours=8), "2026-04-05T05:30"),
    "a night goes on after midnight": (NIGHTS, "2026-11-03T23:00", timedelta(hours=3), "2026-11-04T02:00"),
    "from within a night to the next": (NIGHTS, "2026-11-04T05:00", timedelta(hours=3), "2026-11-05T00:00"),
    "Friday's night ends on Saturday, and the next is Monday's": (
        WEEK_NIGHTS,
        "2026-11-06T23:00",
        timedelta(hours=8),
        "2026-11-09T23:00",
    ),
    "whole days follow each other": (WHOLE_WEEKDAYS, "2026-11-03T12:00", timedelta(hours=48), "2026-11-05T12:00"),
    "whole days over a weekend": (WHOLE_WEEKDAYS, "2026-11-06T12:00", timedelta(hours=24), "2026-11-09T12:00"),
    "an opening that clocks skip": (SKIPPED, "2026-03-29T01:00", timedelta(minutes=30), "2026-03-29T03:30"),
    "an opening that comes twice": (TWICE, "2026-10-25T01:00", timedelta(minutes=45), "2026-10-25T02:15+01:00"),
}


def calendar(**changes: Any) -> Calendar:
    return Calendar.model_validate(changes)


def moment(written: str, kept: Calendar) -> datetime:
    read = datetime.fromisoformat(written)
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(kept.time_zone))).astimezone(UTC)


@pytest.mark.parametrize(("written", "start", "duration", "end"), TABLE.values(), ids=TABLE)
def test_working_time_passes_as_the_table_says(
    written: dict[str, Any], start: str, duration: timedelta, end: str
) -> None:
    kept = calendar(**written)

    found = after(moment(start, kept), duration, kept)

    assert found == moment(end, kept)
    assert found.tzinfo is UTC
    assert working_time_between(moment(start, kept), moment(end, kept), kept) == duration


def test_a_start_in_another_time_zone_is_the_same_start() -> None:
    start = datetime(2026, 11, 3, 10, tzinfo=UTC)

    assert after(start.astimezone(ZoneInfo("Asia/Tokyo")), timedelta(hours=1), calendar()) == after(
        start, timedelta(hours=1), calendar()
    )


def test_a_night_that_clocks_begin_before_midnight_has_begun() -> None:
    """In St. John's clocks went back at one minute past midnight: that Sunday had begun, and it was Saturday again."""
    sundays = calendar(time_zone="America/St_Johns", days=["sun"], opens="00:00", closes="06:00")
    start = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)

    found = after(start, timedelta(minutes=10), sundays)

    assert found.astimezone(ZoneInfo(sundays.time_zone)).isoformat() == "2010-11-06T23:10:00-03:30"
    assert is_working(sundays, found)


def test_a_day_that_a_country_skipped_has_no_working_time() -> None:
    """Samoa went from 29 to 31 December 2011."""
    samoa = calendar(time_zone="Pacific/Apia", days=EVERY_DAY)

    assert after(moment("2011-12-29T16:00", samoa), timedelta(hours=2), samoa) == moment("2011-12-31T10:00", samoa)


def test_no_working_time_lies_between_a_moment_and_an_earlier_one() -> None:
    start = datetime(2026, 11, 3, 10, tzinfo=UTC)

    assert working_time_between(start, start - timedelta(days=5), calendar()) == timedelta(0)
    assert working_time_between(start, start, calendar()) == timedelta(0)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"days": []}, "the calendar of UTC (no day, 09:00 to 17:00)"),
        (
            {"days": [], "time_zone": "Europe/Berlin", "holidays": "DE-BY", "opens": "22:00", "closes": "06:00"},
            "the calendar of Europe/Berlin (no day, 22:00 to 06:00, holidays DE-BY)",
        ),
    ],
)
def test_a_calendar_that_never_opens_is_named(written: dict[str, Any], named: str) -> None:
    kept = calendar(**written)
    start = datetime(2026, 11, 3, 10, tzinfo=UTC)
    with pytest.raises(ValueError) as refused:
        after(start, timedelta(hours=1), kept)

    assert str(refused.value) == f"{named} has no working time in the 400 days from 2026-11-03; give it days and hours"


def test_a_duration_that_never_passes_is_refused() -> None:
    minutes = calendar(days=["mon"], opens="09:00", closes="09:01")

    with pytest.raises(
        ValueError, match="30 days, 0:00:00 of working time do not pass within ten years by the calendar"
    ):
        after(datetime(2026, 11, 3, 10, tzinfo=UTC), timedelta(days=30), minutes)


def test_a_duration_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="give a duration of zero or more"):
        after(datetime(2026, 11, 3, 10, tzinfo=UTC), timedelta(hours=-1), calendar())


def test_a_moment_without_a_time_zone_is_refused() -> None:
    aware = datetime(2026, 11, 3, 10, tzinfo=UTC)
    naive = aware.replace(tzinfo=None)

    with pytest.raises(ValueError, match="has no time zone"):
        after(naive, timedelta(hours=1), calendar())
    for start, end in ((naive, aware), (aware, naive)):
        with pytest.raises(ValueError, match="has no time zone"):
            working_time_between(start, end, calendar())


TIMES = st.times().map(lambda time: time.replace(second=0, microsecond=0))
CALENDARS = st.builds(
    Calendar,
    time_zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"]
    ),
    days=st.lists(st.sampled_from(EVERY_DAY), min_size=1, unique=True),
    opens=TIMES,
    closes=TIMES,
    holidays=st.sampled_from([None, "DE-BY", "US"]),
)
NEAR_CHANGES = ["2026-03-29T00:00", "2026-10-25T00:00", "2026-03-08T06:00", "2026-11-01T05:00", "2026-04-04T14:00"]
MOMENTS = st.datetimes(
    min_value=datetime(2015, 1, 1),  # noqa: DTZ001  the strategy takes the zone apart
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
) | st.builds(
    lambda near, minutes: datetime.fromisoformat(near).replace(tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(NEAR_CHANGES),
    st.integers(-48 * 60, 48 * 60),
)
MINUTES = st.integers(0, 300).map(lambda minutes: timedelta(minutes=minutes))


@given(CALENDARS, MOMENTS, st.timedeltas(timedelta(0), timedelta(hours=5)))
def test_time_that_passed_is_found_again_between_the_moments(
    kept: Calendar, start: datetime, duration: timedelta
) -> None:
    end = after(start, duration, kept)

    assert working_time_between(start, end, kept) == duration
    assert end >= start
    assert is_working(kept, end)


@given(CALENDARS, MOMENTS, MINUTES, MINUTES, MINUTES)
def test_a_later_start_or_more_time_never_ends_earlier(
    kept: Calendar, start: datetime, later: timedelta, duration: timedelta, more: timedelta
) -> None:
    first = after(start, duration, kept)

    assert first <= after(start + later, duration, kept)
    assert first <= after(start, duration + more, kept)
    assert after(first, more, kept) == after(start, duration + more, kept)


@given(CALENDARS, MOMENTS, MINUTES)
def test_working_time_is_what_is_working_time_minute_by_minute(
    kept: Calendar, start: datetime, length: timedelta
) -> None:
    start = start.replace(second=0, microsecond=0)
    minutes = [start + timedelta(minutes=minute) for minute in range(int(length / timedelta(minutes=1)))]

    worked = sum(is_working(kept, minute) for minute in minutes)

    assert working_time_between(start, start + length, kept) == timedelta(minutes=worked)


@given(CALENDARS, MOMENTS, MOMENTS, MOMENTS)
def test_working_time_of_two_stretches_is_that_of_both(
    kept: Calendar, one: datetime, two: datetime, three: datetime
) -> None:
    first, middle, last = sorted((one, two, three))

    whole = working_time_between(first, last, kept)

    assert whole == working_time_between(first, middle, kept) + working_time_between(middle, last, kept)
    assert timedelta(0) <= whole <= last - first


@given(
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"]),
    TIMES,
    MOMENTS,
    st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_around_the_clock_working_time_is_elapsed_time(
    zone: str, hour: Any, start: datetime, duration: timedelta
) -> None:
    always = calendar(time_zone=zone, days=EVERY_DAY, opens=hour, closes=hour)

    assert after(start, duration, always) == start + duration
