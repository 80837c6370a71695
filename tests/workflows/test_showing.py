"""Showing an action to people when a place where they look does not answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.action import Action, State
from domain.errors import InvalidRequest, NotifierUnavailable
from tests.workflows.world import World, world

AWAY = "Slack does not answer"


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def refund(here: World) -> Action:
    """Submit a refund, and return it when people were first to be shown it."""
    action = await here.submit("refund.create", {"customer": "c-1", "amount_minor": 5000})
    while not here.notifier.tries:
        await asyncio.sleep(0.01)
    return action


async def test_what_could_not_be_shown_is_shown_after_the_time_that_was_named(here: World) -> None:
    here.notifier.failures = [NotifierUnavailable(AWAY, retry_after=300)]
    action = await refund(here)

    await here.environment.sleep(timedelta(seconds=290))
    assert here.notifier.shown == []
    await here.environment.sleep(timedelta(seconds=20))

    assert here.notifier.shown == [(State.PENDING_APPROVAL, ["asked"])]
    await here.vote(action, "ann")
    assert await here.ended(action) is State.SUCCEEDED


async def test_a_change_is_shown_at_once_however_long_the_last_failure_wanted_to_wait(here: World) -> None:
    here.notifier.failures = [NotifierUnavailable(AWAY, retry_after=3600)]
    action = await refund(here)

    await here.vote(action, "ann")

    assert await here.ended(action) is State.SUCCEEDED
    assert here.notifier.shown[0][1] == ["asked"], "nobody missed that they were asked"
    assert here.notifier.shown[-1][0] is State.SUCCEEDED


async def test_people_can_decide_and_time_goes_on_while_nothing_can_be_shown(here: World) -> None:
    here.notifier.failures = [NotifierUnavailable(AWAY)] * 1000
    decided, silent = await refund(here), await refund(here)

    receipt = await here.vote(decided, "ann")

    assert receipt is not None and receipt.accepted
    while "approval.escalated" not in here.actions.kinds(silent.id):
        await here.environment.sleep(timedelta(minutes=30))
    assert await here.ended_after(silent, timedelta(hours=6)) is State.EXPIRED
    assert await here.ended(decided) is State.SUCCEEDED
    assert here.executor.runs == [decided.id]


async def test_what_cannot_be_shown_at_all_is_not_tried_again_until_it_changes(here: World) -> None:
    here.notifier.failures = [InvalidRequest("no such channel")]
    action = await refund(here)
    await here.environment.sleep(timedelta(hours=1))
    assert here.notifier.tries == 1

    await here.vote(action, "ann")

    assert await here.ended(action) is State.SUCCEEDED
    assert here.notifier.shown[-1] == (State.SUCCEEDED, [])
