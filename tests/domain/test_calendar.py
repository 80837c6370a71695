"""Working time: time zones, nights, public holidays and daylight saving, and the same answer everywhere."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import is_working, local_day, local_time
from domain.catalog import Calendar
from domain.catalog.holidays import holiday_problem, is_holiday
from tests.pages_of_docs import CHECKOUT

BERLIN: dict[str, Any] = {"time_zone": "Europe/Berlin", "holidays": "DE-BY"}
NEW_YORK: dict[str, Any] = {"time_zone": "America/New_York", "holidays": "US"}
NIGHTS: dict[str, Any] = {"time_zone": "Europe/Berlin", "opens": "22:00", "closes": "06:00", "holidays": "DE"}
ALWAYS: dict[str, Any] = {"opens": "00:00", "closes": "00:00", "days": ["mon", "tue"]}

# Calendar, a moment in its own local time, whether people work.
TABLE: dict[str, tuple[dict[str, Any], str, bool]] = {
    "the first minute": ({}, "2026-11-02T09:00", True),
    "a moment before": ({}, "2026-11-02T08:59:59.999999", False),
    "the last minute": ({}, "2026-11-02T16:59:59", True),
    "the hour it closes": ({}, "2026-11-02T17:00", False),
    "a Saturday": ({}, "2026-11-07T10:00", False),
    "a Saturday, where Saturday is a day of work": ({"days": ["sat"]}, "2026-11-07T10:00", True),
    "All Saints in Bavaria": (BERLIN, "2027-11-01T10:00", False),
    "All Saints in Berlin, where it is none": ({**BERLIN, "holidays": "DE-BE"}, "2027-11-01T10:00", True),
    "All Saints for whoever keeps no holidays": ({"time_zone": "Europe/Berlin"}, "2027-11-01T10:00", True),
    "the day after All Saints": (BERLIN, "2027-11-02T10:00", True),
    "Easter Monday, which moves": (BERLIN, "2026-04-06T10:00", False),
    "a holiday kept on the Friday before": (NEW_YORK, "2026-07-03T10:00", False),
    "New Year kept in the year before": (NEW_YORK, "2027-12-31T10:00", False),
    "a night begins": (NIGHTS, "2026-11-02T22:00", True),
    "before the night begins": (NIGHTS, "2026-11-02T21:59", False),
    "the night goes on after midnight": (NIGHTS, "2026-11-03T05:59", True),
    "the night is over": (NIGHTS, "2026-11-03T06:00", False),
    "Friday's night ends on Saturday": (NIGHTS, "2026-11-07T03:00", True),
    "no night begins on Saturday": (NIGHTS, "2026-11-07T23:00", False),
    "Sunday's night does not exist on Monday": (NIGHTS, "2026-11-02T03:00", False),
    "a night that begins before a holiday ends in it": (NIGHTS, "2026-12-25T03:00", True),
    "no night begins on a holiday": (NIGHTS, "2026-12-25T23:00", False),
    "nor goes on after it": (NIGHTS, "2026-12-26T03:00", False),
    "until midnight": ({"opens": "18:00", "closes": "00:00"}, "2026-11-02T23:59", True),
    "midnight itself": ({"opens": "18:00", "closes": "00:00"}, "2026-11-03T00:00", False),
    "a whole day": (ALWAYS, "2026-11-02T00:00", True),
    "a whole day ends at midnight": (ALWAYS, "2026-11-04T00:00", False),
    "the hour that summer time skips": (
        {"days": ["sun"], "opens": "02:00", "closes": "04:00"},
        "2026-03-29T03:30",
        True,
    ),
    "a day that never comes": ({"days": []}, "2026-11-02T10:00", False),
}


def calendar(**changes: Any) -> Calendar:
    return Calendar.model_validate(changes)


@pytest.mark.parametrize(("written", "local", "works"), TABLE.values(), ids=TABLE)
def test_people_work_when_the_table_says_so(written: dict[str, Any], local: str, works: bool) -> None:
    kept = calendar(**written)
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(kept.time_zone))

    assert is_working(kept, at) is works
    assert is_working(kept, at.astimezone(UTC)) is works
    assert local_time(kept, at)["business_hours"] is works


@pytest.mark.parametrize(
    ("utc", "hour", "works"),
    [
        ("2026-03-27T08:30", 9, True),  # the last Friday of winter time
        ("2026-03-30T07:30", 9, True),  # the first Monday of summer time: an hour earlier by UTC
        ("2026-03-30T06:59", 8, False),
        ("2026-03-30T15:00", 17, False),
        ("2026-10-26T07:59", 8, False),  # winter time again
        ("2026-10-26T08:00", 9, True),
    ],
)
def test_hours_follow_daylight_saving(utc: str, hour: int, works: bool) -> None:
    at = datetime.fromisoformat(utc).replace(tzinfo=UTC)

    said = local_time(calendar(time_zone="Europe/Berlin"), at)

    assert (said["hour"], said["business_hours"]) == (hour, works)


def test_the_hour_that_comes_twice_counts_twice() -> None:
    night = calendar(time_zone="Europe/Berlin", opens="02:00", closes="03:00", days=["sun"])
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    answers = [is_working(night, first + timedelta(minutes=30 * step)) for step in range(-2, 5)]

    assert answers == [False, True, True, True, True, False, False]


def test_a_moment_is_told_in_the_calendars_own_time() -> None:
    at = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)

    assert local_time(calendar(time_zone="Asia/Tokyo", holidays="JP"), at) == {
        "hour": 8,
        "minute": 30,
        "weekday": 5,
        "date": "2027-01-01",
        "business_hours": False,
    }
    assert local_day(calendar(time_zone="Asia/Tokyo"), at) == date(2027, 1, 1)
    assert local_time(calendar(time_zone="America/New_York"), at)["weekday"] == 4


def test_a_moment_without_a_time_zone_is_refused() -> None:
    naive = datetime(2026, 11, 2, 10, tzinfo=UTC).replace(tzinfo=None)

    with pytest.raises(ValueError, match="2026-11-02T10:00:00 has no time zone"):
        is_working(calendar(), naive)


@given(
    at=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  the strategy takes the zone apart
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
    opens=st.times(),
    closes=st.times(),
)
def test_hours_and_the_hours_between_them_are_a_whole_day(at: datetime, zone: str, opens: Any, closes: Any) -> None:
    hours = [time.replace(second=0, microsecond=0) for time in (opens, closes)]
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    one = calendar(time_zone=zone, days=days, opens=hours[0], closes=hours[1])
    other = calendar(time_zone=zone, days=days, opens=hours[1], closes=hours[0])

    assert is_working(one, at) + is_working(other, at) == (2 if hours[0] == hours[1] else 1)


@pytest.mark.parametrize("code", ["DE", "DE-BY", "US", "US-CA", "GB-SCT", "JP", "IN", "BR-SP"])
def test_a_code_with_tables_has_no_problem(code: str) -> None:
    assert holiday_problem(code) is None
    assert any(is_holiday(code, date(2026, 1, 1) + timedelta(days=day)) for day in range(365))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("XX", "no public holidays are known for the country 'XX'; write its ISO 3166 code, such as DE or DE-BY"),
        ("XX-BY", "no public holidays are known for the country 'XX'; write its ISO 3166 code, such as DE or DE-BY"),
        ("GB-SCO", "'GB' has no part 'SCO' with public holidays of its own; did you mean 'SCT'?"),
        ("GB-X", "'GB' has no part 'X' with public holidays of its own; known: ENG, NIR, SCT, WLS"),
        ("JP-13", "'JP' has no part '13' with public holidays of its own; known: none"),
    ],
)
def test_a_code_without_tables_is_a_problem_that_says_what_to_write(code: str, said: str) -> None:
    assert holiday_problem(code) == said


@pytest.mark.parametrize("written", [1020, "17", "24:00", "9:00", "17:00+02:00", "17:00:30", None])
def test_a_time_that_yaml_or_its_writer_got_wrong_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="is not a time of day; write it in quotes, like '09:00'"):
        calendar(closes=written)


def test_a_calendar_reads_back_as_it_was_stored() -> None:
    kept = calendar(**NIGHTS)

    assert Calendar.model_validate(kept.model_dump(mode="json")) == kept
    assert Calendar.model_validate_json(kept.model_dump_json()) == kept


PROGRAM = """
import json
from datetime import UTC, datetime, timedelta
from domain.calendar import local_time
from domain.catalog import Calendar
kept = [Calendar(time_zone=zone, holidays=code) for zone, code in
        (("Europe/Berlin", "DE-BY"), ("America/New_York", "US"), ("Asia/Bangkok", "TH"), ("Africa/Cairo", "EG"))]
start = datetime(2026, 1, 1, tzinfo=UTC)
print(json.dumps([local_time(one, start + timedelta(hours=7 * n)) for one in kept for n in range(1300)]))
"""


def test_the_answer_is_the_same_in_every_process_locale_and_time_zone() -> None:
    answers = set()
    for number, (zone, language) in enumerate([("UTC", "C"), ("Pacific/Apia", "th_TH.UTF-8"), ("XYZ-3", "de_DE")]):
        told = {"TZ": zone, "LC_ALL": language, "LANG": language, "LANGUAGE": language, "PYTHONHASHSEED": str(number)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"], **told},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        answers.add(done.stdout)

    (answer,) = answers
    worked = [moment["business_hours"] for moment in json.loads(answer)]
    assert 0.15 < sum(worked) / len(worked) < 0.30
