"""Whatever fails on the way: one card that can be clicked in each place, and each happening told once."""

import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from adapters.notifiers.slack import client
from domain.action import Context
from domain.errors import NotifierUnavailable
from domain.policy import Policy
from domain.record import ActionRecord
from local.postgres import EmbeddedPostgres
from tests.adapters.slack_place import Place, opened
from tests.slack_records import POLICY, executed, voted
from tests.slack_workspace import CHANNEL, cards, replies, shown

METHODS = ("conversations.open", "chat.postMessage", "chat.update", "conversations.history", "conversations.replies")
PASSING = [("ratelimited", 429), ("internal_error", 200), ("service_unavailable", 503), ("<html>", 502)]
MOST_TRIES = 30


@pytest.fixture(scope="module")
async def open_place(shared_postgres: EmbeddedPostgres) -> AsyncIterator[Place]:
    async with opened(shared_postgres, "slack_faults") as found:
        yield found


@pytest.fixture
def place(open_place: Place) -> Place:
    open_place.fresh()
    open_place.notified[:] = ["ann", "bob"]
    return open_place


def break_it(place: Place, method: str, error: str, status: int, after: bool) -> None:
    """Let the next call of a method fail in one way."""
    if error == "<html>":
        place.front.break_off(method, after=after)
    else:
        place.front.fail(method, error, status, after=after)


async def shown_at_last(place: Place, record: ActionRecord, policy: Policy = POLICY) -> int:
    """Show a record as Temporal does, each time by another process, until it is done; return how often it failed."""
    for tries in range(MOST_TRIES):
        try:
            await place.notifier.show(record, policy, [])
        except NotifierUnavailable:
            continue
        return tries
    raise AssertionError("it was never shown")


async def require_whole(place: Place, record: ActionRecord) -> None:
    """Require that an executed action is shown once in each place, without buttons, and its story told once."""
    everything = await place.messages(record)
    copies = [cards(everything), await place.direct(record, "U01ANN"), await place.direct(record, "U01BOB")]
    for (card,) in copies:
        assert "Approved and done" in shown(card) and "remit_approve" not in shown(card)
    told = Counter(replies(everything))
    assert len(told) == 3 and set(told.values()) == {1}, told
    news = Counter(str(message["text"]) for message in await place.direct(record, "U01OUT"))
    assert len(news) == 3 and set(news.values()) == {1}, news


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after it took effect"])
@pytest.mark.parametrize(("error", "status"), PASSING, ids=[error for error, _ in PASSING])
@pytest.mark.parametrize("method", ["conversations.open", "chat.postMessage", "chat.update"])
async def test_one_fault_at_any_call_leaves_nothing_double_and_nothing_out(
    place: Place, method: str, error: str, status: int, after: bool
) -> None:
    record = await place.accepted(context=Context(on_behalf_of="out"))
    failed = 0

    for stage in (record, voted(record, "ann"), executed(voted(record, "ann"))):
        break_it(place, method, error, status, after)
        failed += await shown_at_last(place, stage)
        place.front.heal()

    assert failed >= 1
    await require_whole(place, record)


@pytest.mark.parametrize("seed", range(12))
async def test_a_storm_of_faults_leaves_nothing_double_and_nothing_out(place: Place, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  a storm that can be had again
    record = await place.accepted(context=Context(on_behalf_of="out"))

    for stage in (record, voted(record, "ann"), executed(voted(record, "ann"))):
        for _ in range(dice.randrange(6)):
            error, status = dice.choice(PASSING)
            break_it(place, dice.choice(METHODS), error, status, dice.random() < 0.5)
        await shown_at_last(place, stage)
    place.front.heal()

    await require_whole(place, record)


async def test_a_call_that_is_never_answered_is_given_up_and_found_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await place.accepted()
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.5)
    place.front.hang("chat.postMessage", after=True)

    failed = await shown_at_last(place, record)

    assert failed == 1
    assert len(await place.messages(record)) == 1


async def test_where_a_lost_card_cannot_be_found_again_only_the_noted_one_counts(place: Place) -> None:
    record = await place.accepted()
    place.front.break_off("chat.postMessage", after=True)
    with pytest.raises(NotifierUnavailable):
        await place.notifier.show(record, POLICY, [])
    place.front.fail("conversations.history", "missing_scope")

    with capture_logs() as logs:
        await place.notifier.show(record, POLICY, [])

    lost, noted = await place.messages(record)
    assert (await place.notices(record))[CHANNEL].reference == noted["ts"] != lost["ts"]
    assert [line["event"] for line in logs] == ["slack_history_unread"]
