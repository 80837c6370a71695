"""Slack is down for hours: people get mails, the clock of the escalation goes on, and they decide all the same."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from adapters.database.notices import Notice
from adapters.notifiers.email import EmailNotifier, FirstChannel
from adapters.smtp import MailServer
from domain.action import State
from domain.errors import NotifierUnavailable
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revision import Revision
from tests.mailbox import Mailbox, running_mailbox
from tests.workflows.world import World, world

HOUR = timedelta(hours=1)


class Shelf:
    """Notices in memory, and no revisions."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str], Notice] = {}

    async def of_action(self, action_id: str, notifier: str) -> list[Notice]:
        """Return the notices of an action."""
        return [notice for key, notice in self.kept.items() if key[:2] == (action_id, notifier)]

    async def put(self, action_id: str, notifier: str, notice: Notice) -> None:
        """Keep a notice."""
        self.kept[action_id, notifier, notice.target] = notice

    async def made(self, action_id: str) -> list[Revision]:
        """Return nothing: the first revision stands."""
        return []


class DownSlack:
    """A Slack that is away."""

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Fail."""
        raise NotifierUnavailable("Slack cannot be reached; trying again")


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with running_mailbox() as made:
        yield made


def readers(box: Mailbox, beginning: str) -> set[str]:
    """Return who got a mail that begins so."""
    return {
        mail["To"].addresses[0].username
        for mail in box.messages
        if (body := mail.get_body(("plain",))) is not None and str(body.get_content()).startswith(beginning)
    }


async def test_slack_is_down_and_everybody_is_asked_reminded_and_told_by_mail_while_the_clock_goes_on(
    here: World, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, slack = Shelf(), FirstChannel(DownSlack(), timedelta(minutes=2))
    server = MailServer(host="127.0.0.1", port=box.port, starttls=False, sender="remit@test.example")

    async def show(record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        here.notifier.shown.append((record.state, list(occasions)))
        now = await here.environment.get_current_time()
        await EmailNotifier(server, shelf, shelf, "http://remit.test", slack, clock=lambda: now).show(
            record, policy, []
        )
        if not record.state.final:
            await slack.show(record, policy, occasions)

    monkeypatch.setattr(here.notifier, "show", show)
    action = await here.refund()
    await here.environment.sleep(HOUR)
    assert readers(box, "Your decision is asked for") == {"ann", "bob", "olga"}

    await here.environment.sleep(HOUR * 4)
    assert [each.kind for each in here.approval(action).escalations] == ["remind", "escalate"]
    assert readers(box, "Reminder") == {"ann", "bob", "olga"}
    assert readers(box, "No decision yet") == {"ann", "bob", "olga"}
    assert readers(box, "Your decision is asked for") == {"ann", "bob", "olga", "cem"}

    receipt = await here.vote(action, "cem")
    assert receipt is not None
    assert receipt.accepted
    assert await here.ended(action) is State.SUCCEEDED
    assert readers(box, "How it ended") == {"ann", "bob", "olga", "cem"}
    assert len(box.messages) == 3 + 3 + 3 + 1 + 4
