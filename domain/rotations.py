"""Rotations: who is on call at a moment.

    members [ana, ben], starts_on 2 November, turn_days 7, hands_over 09:00

    before 9 November 09:00    ana      also before 2 November: somebody must be
    until 16 November 09:00    ben
    until 23 November 09:00    ana

Hand-over is at the same time by the clock all year: the turn in which clocks go back is an hour longer.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.calendar import moment_of
from domain.catalog.people import Rotation


def on_call(rotation: Rotation, at: datetime) -> str:
    """Return the id of the member whose turn it is. Raises ValueError for a moment without a time zone."""
    return rotation.members[max(_number(rotation, at), 0) % len(rotation.members)]


def turn_of(rotation: Rotation, at: datetime) -> tuple[datetime, datetime]:
    """Return when the turn of a moment begins and ends, in UTC. The end belongs to the next turn.

    Raises ValueError for a moment without a time zone.
    """
    number = _number(rotation, at)
    return _begins(rotation, number), _begins(rotation, number + 1)


def _number(rotation: Rotation, at: datetime) -> int:
    """Return which turn a moment lies in: the first is 0, those before `starts_on` are below."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone, so it is another moment on another machine")
    day = at.astimezone(ZoneInfo(rotation.time_zone)).date()
    number = (day - rotation.starts_on).days // rotation.turn_days
    if at < _begins(rotation, number):
        return number - 1
    # Where clocks go back over midnight, the turn of tomorrow may have begun already.
    return number + 1 if at >= _begins(rotation, number + 1) else number


def _begins(rotation: Rotation, number: int) -> datetime:
    day = rotation.starts_on + timedelta(days=number * rotation.turn_days)
    return moment_of(day, rotation.hands_over, rotation.time_zone)
