"""Calendars: local time, and whether people work then.

    hours 09:00 to 17:00    09:00 and 16:59 are working time, 17:00 is not
    hours 22:00 to 06:00    over midnight: the shift belongs to the day it begins on, so Friday's ends on Saturday
    hours 00:00 to 00:00    the same twice is a whole day

A day that is not one of the calendar's days, or is a public holiday, begins no shift. A shift is the time that really
passes from its opening to its closing: a night in which clocks go back is an hour longer. An opening or closing that
comes twice is the first of the two, and one that clocks skip is the moment at which they skip it.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalog.holidays import is_holiday
from domain.catalog.people import Calendar

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_working(calendar: Calendar, at: datetime) -> bool:
    """Say whether people work at this moment. Raises ValueError for a moment without a time zone."""
    today = local_day(calendar, at)
    # Where clocks go back over midnight, a shift of tomorrow may have begun already.
    shifts = (shift_of(calendar, today + timedelta(days=days)) for days in (0, -1, 1))
    return any(shift is not None and shift[0] <= at < shift[1] for shift in shifts)


def shift_of(calendar: Calendar, day: date) -> tuple[datetime, datetime] | None:
    """Return when the shift that begins on a day opens and closes, in UTC; None where there is none.

    The closing does not belong to it. Shifts of one calendar never overlap.
    """
    if not _begins_shift(calendar, day):
        return None
    last = day if calendar.opens < calendar.closes else day + timedelta(days=1)
    opens = moment_of(day, calendar.opens, calendar.time_zone)
    closes = moment_of(last, calendar.closes, calendar.time_zone)
    return (opens, closes) if opens < closes else None


@lru_cache(maxsize=4096)
def moment_of(day: date, at: time, time_zone: str) -> datetime:
    """Return the moment, in UTC, at which clocks of a time zone show a time on a day.

    Of a time that comes twice it is the first; one that clocks skip is the moment at which they skip it.
    """
    zone = ZoneInfo(time_zone)
    wall = datetime.combine(day, at, zone)
    found = wall.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    # Read with the time after the skip, the clock shows a moment before it: the skip lies between the two.
    before = wall.replace(fold=1).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while found - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(found - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            found = middle
    return found


def local_time(calendar: Calendar, at: datetime) -> dict[str, Any]:
    """Return a moment as conditions see it, in the calendar's time zone."""
    local = _local(calendar, at)
    return {
        "hour": local.hour,
        "minute": local.minute,
        "weekday": local.isoweekday(),
        "date": local.date().isoformat(),
        "business_hours": is_working(calendar, at),
    }


def local_day(calendar: Calendar, at: datetime) -> date:
    """Return the day it is for whoever keeps this calendar."""
    return _local(calendar, at).date()


def _local(calendar: Calendar, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone, so it is another moment on another machine")
    return at.astimezone(ZoneInfo(calendar.time_zone))


def _begins_shift(calendar: Calendar, day: date) -> bool:
    free = calendar.holidays is not None and is_holiday(calendar.holidays, day)
    return _DAYS[day.weekday()] in calendar.days and not free
