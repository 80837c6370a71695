"""Business time: moments and durations counted only while people work, by a calendar.

    Friday 16:00 and two working hours, 09:00 to 17:00    Monday 10:00
    Friday 16:00 and one working hour                     Monday 09:00, for at 17:00 nobody works any more

What counts as working time stands in `domain.calendar`. It passes as it really does: the night in which clocks go back
has an hour more.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from domain.calendar import local_day, shift_of
from domain.catalog.people import Calendar

LONGEST_CLOSED = timedelta(days=400)
"""A calendar without working time for so long is refused: it is written wrongly, and the search must end."""
LONGEST_WAIT = timedelta(days=3660)
"""How far ahead a moment is searched: ten years."""


def after(start: datetime, duration: timedelta, calendar: Calendar) -> datetime:
    """Return the first working moment, in UTC, at which a duration of working time has passed since `start`.

    A start outside working hours counts from the next opening. Raises ValueError for a start without a time zone, a
    duration below zero, a calendar that is closed for 400 days, and a moment that is not reached within ten years.
    """
    if duration < timedelta(0):
        raise ValueError(f"{duration} is before the start; give a duration of zero or more")
    left = duration
    for opens, closes in _shifts_from(start, calendar):
        if left < closes - opens:
            return opens + left
        left -= closes - opens
    raise ValueError(
        f"{duration} of working time do not pass within ten years by {_named(calendar)}; make its hours longer, or the "
        "duration shorter"
    )


def working_time_between(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """Return how much working time lies between two moments: none when `end` is not after `start`.

    Raises ValueError for a moment without a time zone.
    """
    last = local_day(calendar, end) + timedelta(days=1)
    day = local_day(calendar, start) - timedelta(days=1)
    total = timedelta(0)
    while day <= last:
        if (shift := shift_of(calendar, day)) is not None:
            total += max(timedelta(0), min(shift[1], end) - max(shift[0], start))
        day += timedelta(days=1)
    return total


def _shifts_from(start: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """Yield what is left of the shifts that end after `start`, for ten years. Raises ValueError where none comes."""
    day = local_day(calendar, start) - timedelta(days=1)
    open_until = start.astimezone(UTC)
    end = day + LONGEST_WAIT
    while day < end:
        shift = shift_of(calendar, day)
        if shift is not None and shift[1] > open_until:
            yield max(shift[0], open_until), shift[1]
            open_until = shift[1]
        elif day - local_day(calendar, open_until) > LONGEST_CLOSED:
            raise ValueError(
                f"{_named(calendar)} has no working time in the 400 days from {local_day(calendar, open_until)}; give "
                "it days and hours"
            )
        day += timedelta(days=1)


def _named(calendar: Calendar) -> str:
    days = ", ".join(calendar.days) or "no day"
    holidays = f", holidays {calendar.holidays}" if calendar.holidays else ""
    return f"the calendar of {calendar.time_zone} ({days}, {calendar.opens:%H:%M} to {calendar.closes:%H:%M}{holidays})"
