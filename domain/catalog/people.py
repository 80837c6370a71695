"""People, groups and calendars: who can be asked, when they work, and who stands in for them."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from domain.action import Frozen, Identifier, Tier
from domain.catalog.values import Duration, Title

_HOLIDAYS = r"^[A-Z]{2}(-[A-Z0-9]{1,6})?$"
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:00)?")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as problem:
        raise ValueError(f"no time zone '{name}'; write one like Europe/Berlin") from problem
    return name


def _time_of_day(value: object) -> object:
    """Take `09:00` and, from Python, a time: many readers of YAML take 17:00 without quotes for the number 1020."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
        raise ValueError(f"{value!r} is not a time of day; write it in quotes, like '09:00' (midnight is '00:00')")
    return time.fromisoformat(value)


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
TimeZone = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_known_zone)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Calendar(Frozen):
    """When people work: time zone, days and hours, and whose public holidays they keep (`DE`, `DE-BY`).

    Hours may go over midnight; the same time twice is a whole day. What counts then stands in `domain.calendar`.
    """

    time_zone: TimeZone = "UTC"
    days: list[Weekday] = ["mon", "tue", "wed", "thu", "fri"]
    opens: TimeOfDay = time(9)
    closes: TimeOfDay = time(17)
    holidays: Annotated[str, Field(pattern=_HOLIDAYS)] | None = None


class Absence(Frozen):
    """While somebody is away, and who stands in. Both days belong to the absence."""

    first_day: date
    last_day: date
    delegate: Identifier | None = None


class Training(Frozen):
    """A training that lets somebody approve up to a tier, until it expires."""

    tier: Tier
    reference: Title | None = None
    expires: date


class Person(Frozen):
    """A human being. One person counts once, however many accounts they have.

    `left_on` is their last day; from the day after they answer for nothing and may not vote. With `trainings` given,
    they may approve only tiers that one in force covers.
    """

    id: Identifier
    name: Title
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    slack_user: Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")] | None = None
    calendar: Calendar = Calendar()
    absences: list[Absence] = []
    trainings: list[Training] = []
    left_on: date | None = None


class Group(Frozen):
    """People who may approve, and the Slack channel where they are asked.

    With `slack_usergroup` the people of that Slack user group belong to it too, as far as the catalog knows them.
    `calendar` is when the group works: business time is counted by it, in UTC and Monday to Friday where it is missing.
    Members in `not_notified` may approve and get no message of their own. With `direct_messages` those whose turn it is
    get one, besides the card in the channel.
    """

    id: Identifier
    members: list[Identifier] = []
    slack_channel: Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,30}$")] | None = None
    slack_usergroup: Annotated[str, Field(pattern=r"^S[A-Z0-9]{2,30}$")] | None = None
    calendar: Calendar = Calendar()
    not_notified: list[Identifier] = []
    direct_messages: bool = True


class Rotation(Frozen):
    """Who is on call: the members take turns, in their order, beginning with `starts_on`.

    A turn lasts `turn_days` days and begins at `hands_over` in the time zone of the rotation.
    """

    id: Identifier
    members: Annotated[list[Identifier], Field(min_length=1, max_length=100)]
    starts_on: date
    turn_days: Annotated[int, Field(ge=1, le=366)] = 7
    hands_over: TimeOfDay = time(9)
    time_zone: TimeZone = "UTC"


class Attention(Frozen):
    """How much may be asked of one person, so that approving stays an act of reading.

    Whoever has `max_open` requests waiting, or got `max_per_hour` in the last hour, is passed over for the next person
    who may approve. Outside their working hours people are notified of `quiet_hours_except` tiers alone. Requests of
    `digest_tiers` come together in one message at most every `digest_every`; high tier never does.
    """

    max_open: Annotated[int, Field(ge=1, le=1000)] = 20
    max_per_hour: Annotated[int, Field(ge=1, le=1000)] = 12
    quiet_hours_except: list[Tier] = [Tier.HIGH]
    digest_tiers: list[Tier] = []
    digest_every: Duration = timedelta(hours=1)


def has_left(person: Person, at: datetime) -> bool:
    """Say whether a person's last day is over, in their own time zone."""
    return person.left_on is not None and at.astimezone(ZoneInfo(person.calendar.time_zone)).date() > person.left_on
