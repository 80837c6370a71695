"""Notify shows an action through every notifier, whatever becomes of the others."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError

from activities import notify
from activities.notify import Notifier, Notify, NotifyRequest
from domain.errors import NotFound, NotifierUnavailable
from domain.policy import Policy
from domain.record import ActionRecord
from tests.slack_records import POLICY, REFUND, waiting

RECORD = waiting(REFUND)


class Board:
    """A notifier that records what it shows, and then fails as it is told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.shown: list[tuple[str, list[str]]] = []
        self._failure = failure

    async def show(self, record: ActionRecord, policy: Policy, occasions: list[str]) -> None:
        self.shown.append((record.action.id, occasions))
        if self._failure is not None:
            raise self._failure


class Source:
    """The one record and the one policy."""

    async def get(self, action_id: str) -> ActionRecord:
        return RECORD

    async def current(self) -> Policy:
        return POLICY


async def notified(notifiers: Mapping[str, Notifier]) -> None:
    source = Source()
    await Notify(source, source, notifiers).notify(NotifyRequest(action_id=RECORD.action.id, occasions=["asked"]))


def failures(notifier: str) -> float:
    return REGISTRY.get_sample_value("remit_notifications_failed_total", {"notifier": notifier}) or 0.0


@pytest.mark.parametrize("failure", [NotifierUnavailable("away"), NotFound("gone"), KeyError("a bug")])
async def test_a_failing_notifier_does_not_keep_the_others_from_showing(failure: Exception) -> None:
    first, second, third = Board(), Board(failure), Board()
    before = failures("second")

    with capture_logs() as logs, pytest.raises((ApplicationError, KeyError)):
        await notified({"first": first, "second": second, "third": third})

    assert [board.shown for board in (first, second, third)] == [[(RECORD.action.id, ["asked"])]] * 3
    assert failures("second") == before + 1
    assert [line["notifier"] for line in logs] == ["second"]


async def test_a_failure_that_trying_again_may_mend_is_the_one_that_is_told() -> None:
    boards = {
        "one": Board(KeyError("a bug")),
        "two": Board(NotFound("gone")),
        "three": Board(NotifierUnavailable("away")),
    }

    with capture_logs(), pytest.raises(ApplicationError) as problem:
        await notified(boards)

    assert (problem.value.type, problem.value.non_retryable) == ("notifier_unavailable", False)


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [(None, None), (0, timedelta(0)), (37, timedelta(seconds=37)), (0.5, timedelta(seconds=0.5))],
)
async def test_temporal_tries_again_after_exactly_the_time_that_was_named(
    retry_after: float | None, delay: timedelta | None
) -> None:
    with capture_logs(), pytest.raises(ApplicationError) as problem:
        await notified({"slack": Board(NotifierUnavailable("ratelimited", retry_after=retry_after))})

    assert problem.value.next_retry_delay == delay


async def test_whatever_is_to_be_tried_again_first_says_when() -> None:
    slow, fast = NotifierUnavailable("ratelimited", retry_after=3600), NotifierUnavailable("waits", retry_after=120)

    with capture_logs(), pytest.raises(ApplicationError) as problem:
        await notified({"slack": Board(slow), "email": Board(fast)})

    assert problem.value.next_retry_delay == timedelta(seconds=120)


async def test_a_notifier_that_hangs_is_broken_off_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Board):
        async def show(self, record: ActionRecord, policy: Policy, occasions: list[str]) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(notify, "PATIENCE_SECONDS", 0.05)
    other = Board()

    with capture_logs(), pytest.raises(ApplicationError) as problem:
        await notified({"hanging": Hanging(), "other": other})

    assert (problem.value.type, len(other.shown)) == ("notifier_unavailable", 1)


async def test_nothing_fails_where_every_notifier_shows() -> None:
    await notified({"one": Board(), "two": Board()})
    await notified({})
