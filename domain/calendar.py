"""Calendars: local time, and whether people work then.

    hours 09:00 to 17:00    09:00 and 16:59 are working time, 17:00 is not
    hours 22:00 to 06:00    over midnight: the shift belongs to the day it begins on, so Friday's ends on Saturday
    hours 00:00 to 00:00    the same twice is a whole day

A day that is not one of the calendar's days, or is a public holiday, begins no shift.
"""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalog.holidays import is_holiday
from domain.catalog.people import Calendar

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_working(calendar: Calendar, at: datetime) -> bool:
    """Say whether people work at this moment. Raises ValueError for a moment without a time zone."""
    local = _local(calendar, at)
    today, now = local.date(), local.time()
    if calendar.opens < calendar.closes:
        return calendar.opens <= now < calendar.closes and _begins_shift(calendar, today)
    if now >= calendar.opens:
        return _begins_shift(calendar, today)
    return now < calendar.closes and _begins_shift(calendar, today - timedelta(days=1))


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
