"""Inspecting: each check gets its time, and whatever goes wrong with it is `unknown`, counted, and quotes nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from activities.inspect import inspect
from domain.catalog.guardrails import CheckUse, Selector
from domain.signals import Content, Finding, Signal
from tests.adapters.checks.contents import content

Answer = Callable[[Content, Mapping[str, Any]], Awaitable[Signal]]


class Scripted:
    """A check that answers as it is told to, and keeps what it was asked."""

    version = "7"

    def __init__(self, answer: Answer) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self._answer = answer

    def problems_in_settings(self, settings: Mapping[str, Any]) -> Iterable[str]:
        return []

    async def inspect(self, content: Content, settings: Mapping[str, Any]) -> Signal:
        self.asked.append(settings)
        return await self._answer(content, settings)


def signal(finding: Finding = Finding.FOUND, *kinds: str, because: str = "") -> Signal:
    return Signal(
        check="probe", version="7", finding=finding, kinds=list(kinds), fields=["arguments.body"], because=because
    )


def says(*answers: Signal) -> Scripted:
    left = iter(answers)

    async def answer(_: Content, __: Mapping[str, Any]) -> Signal:
        return next(left)

    return Scripted(answer)


async def blocks(_: Content, __: Mapping[str, Any]) -> Signal:
    time.sleep(0.05)  # noqa: ASYNC251  a check that computes cannot be interrupted
    return signal(Finding.CLEAR)


async def waits(_: Content, __: Mapping[str, Any]) -> Signal:
    await asyncio.Event().wait()
    raise AssertionError


async def breaks(seen: Content, _: Mapping[str, Any]) -> Signal:
    raise ValueError(f"cannot read {seen.texts}")


async def times_out_itself(_: Content, __: Mapping[str, Any]) -> Signal:
    raise TimeoutError


def unanswered() -> float:
    return REGISTRY.get_sample_value("remit_checks_unanswered_total", {"check": "probe"}) or 0.0


def use(**changes: Any) -> CheckUse:
    return CheckUse(check="probe", **changes)


async def test_a_check_gets_its_settings_and_its_answer_is_returned() -> None:
    probe = says(signal(Finding.FOUND, "email"))
    found = await inspect(content("hi"), "clerk", [use(settings={"kinds": ["email"]})], {"probe": probe})
    assert found == {"probe": signal(Finding.FOUND, "email")}
    assert probe.asked == [{"kinds": ["email"]}]


@pytest.mark.parametrize(
    ("selector", "asked"),
    [
        (Selector(), 1),
        (Selector(agents=["clerk"], use_cases=["support"], action_types=["mail.send"]), 1),
        (Selector(agents=["other"]), 0),
        (Selector(use_cases=["other"]), 0),
        (Selector(action_types=["other"]), 0),
    ],
)
async def test_a_check_runs_on_the_actions_that_its_use_selects(selector: Selector, asked: int) -> None:
    probe = says(signal())
    found = await inspect(content("hi"), "clerk", [use(actions=selector)], {"probe": probe})
    assert (len(probe.asked), list(found)) == (asked, ["probe"] * asked)


@pytest.mark.parametrize(
    ("answer", "limit", "because"),
    [
        (blocks, 10, "no answer within 10 ms"),
        (waits, 10, "no answer within 10 ms"),
        (breaks, 5000, "the check failed with ValueError"),
        (times_out_itself, 5000, "the check failed with TimeoutError"),
        (says(signal(Finding.UNKNOWN, because="not installed")).inspect, 5000, "not installed"),
    ],
)
async def test_a_check_without_an_answer_in_time_is_unknown_counted_and_logged_without_content(
    answer: Answer, limit: int, because: str
) -> None:
    before = unanswered()
    with capture_logs() as logged:
        found = await inspect(content("windmills"), "clerk", [use(time_limit_ms=limit)], {"probe": Scripted(answer)})
    assert found["probe"] == Signal(check="probe", version="7", finding=Finding.UNKNOWN, because=because)
    assert unanswered() == before + 1
    assert [(entry["check"], entry["because"]) for entry in logged] == [("probe", because)]
    assert "windmills" not in str(logged)


async def test_the_log_says_where_a_check_failed() -> None:
    with capture_logs() as logged:
        await inspect(content("hi"), "clerk", [use()], {"probe": Scripted(breaks)})
    assert f"{__file__}:{breaks.__code__.co_firstlineno + 1}" == logged[0]["where"]


async def test_a_check_that_is_not_there_is_unknown() -> None:
    found = await inspect(content("hi"), "clerk", [use()], {})
    assert (found["probe"].finding, found["probe"].version) == (Finding.UNKNOWN, "")
    assert found["probe"].because == "there is no such check in this installation"


async def test_one_check_that_fails_keeps_no_other_from_answering() -> None:
    uses = [CheckUse(check="bad"), use()]
    found = await inspect(content("hi"), "clerk", uses, {"bad": Scripted(breaks), "probe": says(signal(Finding.CLEAR))})
    assert [each.finding for each in found.values()] == [Finding.UNKNOWN, Finding.CLEAR]


@pytest.mark.parametrize(
    ("answers", "finding", "kinds"),
    [
        ([signal(Finding.FOUND, "b"), signal(Finding.FOUND, "a")], Finding.FOUND, ["a", "b"]),
        ([signal(Finding.FOUND, "a"), signal(Finding.CLEAR)], Finding.FOUND, ["a"]),
        ([signal(Finding.CLEAR), signal(Finding.FOUND, "a")], Finding.FOUND, ["a"]),
        ([signal(Finding.FOUND, "a"), signal(Finding.UNKNOWN)], Finding.UNKNOWN, ["a"]),
        ([signal(Finding.CLEAR), signal(Finding.CLEAR)], Finding.CLEAR, []),
    ],
)
async def test_a_check_that_is_used_twice_says_the_worst_of_both(
    answers: list[Signal], finding: Finding, kinds: list[str]
) -> None:
    found = await inspect(content("hi"), "clerk", [use(), use()], {"probe": says(*answers)})
    assert (found["probe"].finding, found["probe"].kinds) == (finding, kinds)


async def test_being_cancelled_is_no_answer_of_the_check() -> None:
    running = asyncio.create_task(inspect(content("hi"), "clerk", [use()], {"probe": Scripted(waits)}))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
