"""Does every step of an escalation come before the deadline, and does working time ever pass?

Refused is only what can never be: a step that may come too late, because a holiday lies in between, is left alone.
Business time is counted by the calendar of the group that is asked, and that of the deadline by the group asked first.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

from domain.business_time import after
from domain.calendar import shift_of
from domain.catalog.checking.escalations import written_steps
from domain.catalog.holidays import holiday_problem
from domain.catalog.people import Calendar, Group
from domain.catalog.problems import Place, Problem
from domain.catalog.routes import ApprovalRule, Clock, EscalationStep

_LATER = "by then it is over"
_DAYS_AHEAD = 400
"""Over how many days working times are compared: in a year every holiday comes once."""


def time_problems(place: Place, approval: ApprovalRule, groups: Mapping[str, Group], today: date) -> Iterator[Problem]:
    """Yield each working time that never passes; where all do, each step that comes after the deadline."""
    times = _Times(approval, groups, today)
    yield from list(times.endless(place)) or times.late(place)


def _is_broken(calendar: Calendar) -> bool:
    """Say whether no time can be counted by a calendar, for a reason that is told where the calendar stands."""
    return not calendar.days or (calendar.holidays is not None and holiday_problem(calendar.holidays) is not None)


class _Times:
    """Whether the steps of one approval come before its deadline."""

    def __init__(self, approval: ApprovalRule, groups: Mapping[str, Group], today: date) -> None:
        self._approval = approval
        self._today = today
        known = [groups[stage.group].calendar for stage in approval.asked if stage.group in groups]
        self._calendars = [] if any(map(_is_broken, known)) else known
        self._start = datetime.combine(today, time(12), UTC)

    def endless(self, place: Place) -> Iterator[Problem]:
        """Yield each time on the business clock that does not pass by a calendar that is asked."""
        approval = self._approval
        timed = [(where, step.after) for where, step in written_steps(place, approval) if step.clock is Clock.BUSINESS]
        if approval.expire_clock is Clock.BUSINESS:
            timed.append(((*place, "expire_after"), approval.expire_after))
        for where, duration in timed:
            for calendar in self._calendars:
                try:
                    after(self._start, duration, calendar)
                except ValueError as problem:
                    yield Problem(where, str(problem))
                    break

    def late(self, place: Place) -> Iterator[Problem]:
        """Yield each step that comes after the deadline, whenever people are asked."""
        approval = self._approval
        for where, step in written_steps(place, approval):
            if step.clock is approval.expire_clock and self._keep_one_time(step.clock):
                if step.after >= approval.expire_after:
                    yield Problem(where, f"{where[-1]} must be shorter than expire_after: {_LATER}")
            elif self._calendars and self._is_late(step):
                message = (
                    f"{where[-1]} on the {step.clock.value} clock always comes after expire_after on the "
                    f"{approval.expire_clock.value} clock: {_LATER}; make it shorter, or use one clock for both"
                )
                yield Problem(where, message)

    def _keep_one_time(self, clock: Clock) -> bool:
        return clock is Clock.ELAPSED or all(calendar == self._calendars[0] for calendar in self._calendars)

    def _is_late(self, step: EscalationStep) -> bool:
        """Say whether a step takes, at its fastest, as long as the deadline at its slowest, in every stage."""
        approval = self._approval
        slowest = approval.expire_after
        if approval.expire_clock is Clock.BUSINESS:
            slowest = max(self._lengths(approval.expire_after, self._calendars[0], opening=False))
        if step.clock is Clock.ELAPSED:
            return step.after >= slowest
        return all(
            length >= slowest
            for calendar in self._calendars
            for length in self._lengths(step.after, calendar, opening=True)
        )

    def _lengths(self, duration: timedelta, calendar: Calendar, opening: bool) -> Iterable[timedelta]:
        """Yield how long a working time takes from each opening, where it is shortest, or closing, where longest."""
        for number in range(_DAYS_AHEAD):
            if (shift := shift_of(calendar, self._today + timedelta(days=number))) is not None:
                start = shift[0] if opening else shift[1]
                yield after(start, duration, calendar) - start
