"""Digests in Slack: one message, an explicit list, each request decided on its own, and kept true afterwards."""

import json
from collections.abc import Sequence
from typing import Any, cast

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.database.notices import Notice
from adapters.notifiers.digests import SlackDigests
from adapters.notifiers.slack.buttons import APPROVE, REJECT, sealed_in
from adapters.notifiers.slack.text import Block
from domain.action import State
from domain.approval import ApprovalOutcome
from domain.errors import NotifierUnavailable
from domain.record import ActionRecord
from tests.slack_front.payloads import message_problems
from tests.slack_records import MAIL, POLICY, PUBLIC_URL, REFUND, SEAL, waiting

ANN = POLICY.people["ann"]
DIGEST = "ann/2026-03-04T09:30:00.000000+00:00"


class RecordingSlack:
    """A Slack that records what is posted, and fails as it is told to."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.updated: list[dict[str, Any]] = []
        self.failures: list[Exception] = []

    async def conversations_open(self, users: str) -> dict[str, Any]:
        """Open the person's own channel."""
        return {"channel": {"id": f"D{users[1:]}"}}

    async def chat_postMessage(self, **message: Any) -> dict[str, Any]:  # noqa: N802  Slack's name
        """Post a message."""
        if self.failures:
            raise self.failures.pop(0)
        self.posted.append(message)
        return {"ts": f"170000000{len(self.posted)}.000100"}

    async def chat_update(self, **message: Any) -> dict[str, Any]:
        """Change a message."""
        self.updated.append(message)
        return {}


class Books:
    """Notices, digests and records in memory."""

    def __init__(self) -> None:
        self.notices: dict[tuple[str, str], Notice] = {}
        self.records: dict[str, ActionRecord] = {}

    async def of_action(self, action_id: str, _notifier: str) -> list[Notice]:
        """Return the notices of an action."""
        return [notice for (action, _), notice in self.notices.items() if action == action_id]

    async def put(self, action_id: str, _notifier: str, notice: Notice) -> None:
        """Keep a notice."""
        self.notices[(action_id, notice.target)] = notice

    async def in_digest(self, digest: str) -> list[str]:
        """Return the actions of a digest."""
        return [action for (action, _), notice in self.notices.items() if notice.shown == digest]

    async def get(self, action_id: str) -> ActionRecord:
        """Return a record."""
        return self.records[action_id]


@pytest.fixture
def slack() -> RecordingSlack:
    return RecordingSlack()


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def digests(slack: RecordingSlack, books: Books) -> SlackDigests:
    return SlackDigests(cast(AsyncWebClient, slack), books, books, books, PUBLIC_URL, SEAL)


def requests(books: Books, number: int, arguments: dict[str, Any] = REFUND, **more: Any) -> list[ActionRecord]:
    made = [waiting(arguments, action_id=f"{n:032x}", **more) for n in range(number)]
    books.records |= {record.action.id: record for record in made}
    return made


def of_buttons(blocks: Sequence[Block]) -> list[tuple[str, list[str]]]:
    """Return the action that each row of buttons is about, and its buttons."""
    return [
        (SEAL.opened(sealed_in(block["block_id"])).action, [each["action_id"] for each in block["elements"][:2]])
        for block in blocks
        if block["type"] == "actions"
    ]


async def test_many_requests_are_one_message_with_buttons_for_each(
    digests: SlackDigests, slack: RecordingSlack, books: Books
) -> None:
    records = requests(books, 5)

    assert await digests.send(ANN, records, POLICY, DIGEST)

    (message,) = slack.posted
    assert message["channel"] == "D01ANN"
    assert message["text"] == "5 of 5 requests wait for your decision; each is decided on its own"
    assert of_buttons(message["blocks"]) == [(record.action.id, [APPROVE, REJECT]) for record in records]
    assert all(f"/review/{record.action.id}" in str(message["blocks"]) for record in records)
    assert {notice.target for notice in books.notices.values()} == {"D01ANN/digest"}
    assert {notice.reference for notice in books.notices.values()} == {"1700000001.000100"}


@pytest.mark.parametrize("number", [1, 6, 7, 24, 25, 200])
@pytest.mark.parametrize(("arguments", "kind"), [(REFUND, "refund.create"), (MAIL, "mail.send")])
async def test_any_number_of_requests_fits_into_a_message(
    digests: SlackDigests, books: Books, number: int, arguments: dict[str, Any], kind: str
) -> None:
    body = {**arguments, "body": "guaranteed"} if kind == "mail.send" else arguments
    drawn = digests.draw(requests(books, number, body, action_type=kind), POLICY, "D01ANN")

    assert len(drawn.blocks) <= 50
    assert len(json.dumps(drawn.blocks)) < 30_000
    assert message_problems(drawn.blocks) == []
    assert len(of_buttons(drawn.blocks)) == min(number, 6)
    assert ("more are in your inbox" in str(drawn.blocks)) == (number > 24)


async def test_what_cannot_be_read_in_the_list_has_no_buttons_in_it(digests: SlackDigests, books: Books) -> None:
    long = {**MAIL, "body": "guaranteed " * 450}
    (record,) = requests(books, 1, long, action_type="mail.send")

    drawn = digests.draw([record], POLICY, "D01ANN")

    assert of_buttons(drawn.blocks) == []
    assert "it to read and decide" in str(drawn.blocks)


async def test_nothing_in_a_digest_decides_more_than_one_request(digests: SlackDigests, books: Books) -> None:
    drawn = digests.draw(requests(books, 6), POLICY, "D01ANN")
    rows = of_buttons(drawn.blocks)
    assert len({action for action, _ in rows}) == len(rows) == 6


async def test_a_digest_is_drawn_anew_when_one_of_its_requests_is_decided(
    digests: SlackDigests, slack: RecordingSlack, books: Books
) -> None:
    first, second = requests(books, 2)
    await digests.send(ANN, [first, second], POLICY, DIGEST)
    assert first.approval is not None
    rejected = first.approval.model_copy(update={"outcome": ApprovalOutcome.REJECTED})
    books.records[first.action.id] = first.model_copy(update={"state": State.REJECTED, "approval": rejected})

    await digests.show(books.records[first.action.id], POLICY, [])

    (update,) = slack.updated
    assert (update["channel"], update["ts"]) == ("D01ANN", "1700000001.000100")
    assert update["text"].startswith("1 of 2 requests wait")
    assert [action for action, _ in of_buttons(update["blocks"])] == [second.action.id]


async def test_an_action_that_is_in_no_digest_changes_none(
    digests: SlackDigests, slack: RecordingSlack, books: Books
) -> None:
    (record,) = requests(books, 1)
    await books.put(record.action.id, "slack", Notice(target="C01FINANCE", reference="1.1", shown="x"))

    await digests.show(record, POLICY, ["asked"])

    assert slack.updated == []


async def test_a_digest_is_posted_once_however_often_it_is_sent(
    digests: SlackDigests, slack: RecordingSlack, books: Books
) -> None:
    records = requests(books, 2)

    for _ in range(2):
        assert await digests.send(ANN, records, POLICY, DIGEST)

    assert len(slack.posted) == 1


async def test_somebody_without_slack_is_not_reached(digests: SlackDigests, books: Books) -> None:
    nobody = ANN.model_copy(update={"slack_user": None})
    assert not await digests.send(nobody, requests(books, 1), POLICY, DIGEST)


async def test_a_failure_that_passes_is_tried_again_and_one_that_stays_is_not(
    digests: SlackDigests, slack: RecordingSlack, books: Books
) -> None:
    slack.failures = [TimeoutError(), SlackApiError("no", {"ok": False, "error": "not_in_channel"})]  # type: ignore[no-untyped-call]
    with pytest.raises(NotifierUnavailable):
        await digests.send(ANN, requests(books, 1), POLICY, DIGEST)
    assert not await digests.send(ANN, requests(books, 1), POLICY, DIGEST)
    assert slack.posted == []
