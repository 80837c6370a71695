"""Messages go into a channel about one a second, and none before Slack's Retry-After is over."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackApiError

from adapters.notifiers.slack.client import slack_errors
from adapters.notifiers.slack.pace import BURST, PATIENCE_SECONDS, Pace
from domain.errors import NotifierUnavailable


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock, clock.sleep)


async def test_a_few_messages_go_at_once_and_then_one_a_second(pace: Pace, clock: Clock) -> None:
    for _ in range(BURST + 3):
        await pace.turn("C01A")

    assert clock.slept == [1.0, 1.0, 1.0]


async def test_another_channel_has_a_pace_of_its_own(pace: Pace, clock: Clock) -> None:
    for channel in ("C01A", "C01B"):
        for _ in range(BURST):
            await pace.turn(channel)

    assert clock.slept == []


async def test_a_quiet_channel_takes_a_few_at_once_again(pace: Pace, clock: Clock) -> None:
    for _ in range(2):
        for _ in range(BURST):
            await pace.turn("C01A")
        clock.now += 60

    assert clock.slept == []


async def test_a_long_wait_is_told_and_not_waited_for(pace: Pace, clock: Clock) -> None:
    pace.stop("C01A", 30)

    with pytest.raises(NotifierUnavailable) as problem:
        await pace.turn("C01A")

    assert problem.value.retry_after == pytest.approx(30)
    assert clock.slept == []
    clock.now += 30
    await pace.turn("C01A")


async def test_a_short_retry_after_is_waited_for(pace: Pace, clock: Clock) -> None:
    pace.stop("C01A", 2)

    await pace.turn("C01A")

    assert clock.slept == [pytest.approx(2)]


async def test_messages_that_were_turned_away_do_not_lengthen_the_queue(pace: Pace, clock: Clock) -> None:
    pace.stop("C01A", PATIENCE_SECONDS + 1)
    for _ in range(50):
        with pytest.raises(NotifierUnavailable):
            await pace.turn("C01A")

    clock.now += PATIENCE_SECONDS + 1
    await pace.turn("C01A")

    assert clock.slept == []


async def test_idle_channels_are_forgotten(pace: Pace, clock: Clock) -> None:
    for number in range(2000):
        await pace.turn(f"C{number}")
        clock.now += 10

    assert len(vars(pace)["_due"]) <= 1002


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"retry-after": " 0 "}, 0),
        ({"Retry-After": "86400"}, 86400),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "9" * 40}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_any_retry_after_is_read_and_nonsense_is_not(header: dict[str, str], seconds: float | None) -> None:
    answer = SimpleNamespace(status_code=429, headers=header, data={"ok": False, "error": "ratelimited"})

    with pytest.raises(NotifierUnavailable) as problem, slack_errors():
        raise SlackApiError("no", answer)  # type: ignore[no-untyped-call]

    assert problem.value.retry_after == seconds
