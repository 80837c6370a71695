"""Mails what people without Slack would not see, and everybody what Slack could not show for too long."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from adapters.notifiers.email.due import SLACK, Sent, due
from adapters.notifiers.email.mailing import NAME, Mailing, NoticeStore
from adapters.notifiers.email.second import FirstChannel, is_shown
from adapters.smtp import MailServer
from domain.catalog import Person
from domain.errors import NotifierUnavailable
from domain.notification import asked_by_channel, whom_to_notify
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revision import Revision

_SLACK_SECONDS = 10
"""How long a showing waits for the one in Slack that goes on beside it."""

Whom = Callable[[ActionRecord, Policy], Awaitable[Sequence[str]]]


class RevisionSource(Protocol):
    """What the notifier needs of the store of revisions."""

    async def made(self, action_id: str) -> list[Revision]:
        """Return the revisions that were made, in their order; none where the first one still stands."""


async def whose_turn_it_is(record: ActionRecord, policy: Policy) -> Sequence[str]:
    """Return everybody whose turn it is now, however busy they are."""
    return whom_to_notify(record, policy, datetime.now(UTC))


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class EmailNotifier:
    """Sends each person one mail for each occasion: asked, reminded, escalated, decided.

    `slack` is the first channel: those who have it get a mail when it does not show them an action for too long. None
    where there is no Slack, so that everybody gets one at once. `whom` says who gets a message of their own.
    """

    def __init__(
        self,
        server: MailServer,
        notices: NoticeStore,
        revisions: RevisionSource,
        public_url: str,
        slack: FirstChannel | None,
        whom: Whom = whose_turn_it_is,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._server = server
        self._notices = notices
        self._revisions = revisions
        self._public_url = public_url
        self._slack = slack
        self._whom = whom
        self._clock = clock

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Send the mails that are due. Everything is told from the record, so that shown twice, each is sent once.

        Raises NotifierUnavailable, after all had their turn, when a mail is to be tried again, or while Slack still
        has time to show the action itself. What only a person can mend is logged with how.
        """
        if record.approval is None:
            return
        at = self._clock()
        sent = Sent(await self._notices.of_action(record.action.id, NAME))
        mailing = Mailing(self._server, self._notices, record, policy, sent, self._public_url, at)
        asked = [*await self._whom(record, policy), *asked_by_channel(record, policy, at)]
        readers = [policy.people[name] for name in dict.fromkeys(asked) if name in policy.people]
        now, wait = await self._whom_now(readers, mailing)
        mails = list(due(record, policy, now, sent, at))
        await mailing.send(mails, await self._earlier(record) if mails else None)
        if wait is not None:
            message = f"Slack does not show the action to all who are asked; they get a mail in {wait:.0f} s"
            raise NotifierUnavailable(message, retry_after=wait)

    async def _whom_now(self, readers: Iterable[Person], mailing: Mailing) -> tuple[list[str], float | None]:
        """Return who gets mail now, and in how many seconds the next of the others does; None where nobody is left."""
        approval = mailing.record.approval
        if self._slack is None or approval is None:
            return [reader.id for reader in readers], None
        await self._slack.ended(mailing.record.action.id, _SLACK_SECONDS)
        slack = await self._notices.of_action(mailing.record.action.id, SLACK)
        now, waits = list[str](), list[float]()
        for reader in readers:
            if reader.slack_user is None:
                now.append(reader.id)
            elif not is_shown(reader, approval, mailing.policy, slack):
                left = (await mailing.waiting_since(reader.id) + self._slack.patience - mailing.at).total_seconds()
                if left > 0:
                    waits.append(left)
                else:
                    now.append(reader.id)
        return now, min(waits, default=None)

    async def _earlier(self, record: ActionRecord) -> bytes | None:
        """Return the arguments of the revision before; None for a first revision."""
        if record.approval is None or record.approval.revisions < 2:
            return None
        made = await self._revisions.made(record.action.id)
        return made[-2].arguments_bytes if len(made) > 1 else None
