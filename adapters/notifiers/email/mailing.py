"""One showing of one action by mail: writes the mails that are due, hands them over, and notes what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol

import structlog

from adapters.database.notices import Notice
from adapters.notifiers.email.card import card
from adapters.notifiers.email.due import SLACK, Due, Sent
from adapters.notifiers.email.letter import letter, message_id, subject_of
from adapters.notifiers.email.outbox import MailRefused, Outbox, ServerAway
from adapters.smtp import MailServer
from domain.catalog import Person, has_left
from domain.errors import NotifierUnavailable
from domain.policy import Policy
from domain.record import ActionRecord

log = structlog.get_logger(__name__)

NAME = "email"


class NoticeStore(Protocol):
    """What the notifier needs of the store of notices."""

    async def of_action(self, action_id: str, notifier: str) -> list[Notice]:
        """Return where a notifier shows an action."""

    async def put(self, action_id: str, notifier: str, notice: Notice) -> None:
        """Note what was sent."""


@dataclass(frozen=True)
class Mailing:
    """What is shown, by which policy, when, and what was sent about it before."""

    server: MailServer
    notices: NoticeStore
    record: ActionRecord
    policy: Policy
    sent: Sent
    public_url: str
    at: datetime

    async def send(self, mails: Sequence[Due], earlier: bytes | None) -> None:
        """Send mails, each once. `earlier` are the arguments of the revision before, if any.

        Raises NotifierUnavailable, after all had their turn, when one is to be tried again.
        """
        trouble = ""
        async with Outbox(self.server) as outbox:
            for each in mails:
                reader = self.policy.people.get(each.person)
                if reader is None or has_left(reader, self.at):
                    continue
                try:
                    await self._send(outbox, reader, each, earlier)
                except NotifierUnavailable as problem:
                    trouble = str(problem)
                except ServerAway as problem:
                    trouble = str(problem)
                    break
        if trouble:
            raise NotifierUnavailable(trouble)

    async def waiting_since(self, person: str) -> datetime:
        """Return since when Slack does not show the action to somebody; from now on, where that is new."""
        since = self.sent.at(person, SLACK)
        if since is None:
            await self._note(person, SLACK, "")
        return since or self.at

    async def _send(self, outbox: Outbox, reader: Person, what: Due, earlier: bytes | None) -> None:
        """Send one mail and note it. One that is refused for good is noted, too: the next occasion tries anew."""
        number = message_id(self.record.action.id, reader.id, what.name, self.server.domain)
        try:
            await outbox.send(self._written(reader, what, number, earlier))
        except MailRefused as refusal:
            said, number = str(refusal), ""
            log.error(
                "email_refused", action=self.record.action.id, person=reader.id, refused=said, to_do=refusal.remedy
            )
        await self._note(reader.id, what.name, number)

    def _written(self, reader: Person, what: Due, number: str, earlier: bytes | None) -> EmailMessage:
        link = f"{self.public_url.rstrip('/')}/review/{self.record.action.id}"
        parts = card(self.record, self.policy, reader, what.occasion, link, earlier)
        subject, root = subject_of(self.record, self.policy), self.sent.root(reader.id)
        try:
            return letter(self.server, reader, subject, parts, number, root, self.at)
        except Exception as problem:
            # The email package raises ValueError, IndexError and errors of its own parser for what it cannot write.
            remedy = "write the person's email in the policy as name@domain, in ASCII"
            raise MailRefused("an address that cannot be written", remedy) from problem

    async def _note(self, person: str, name: str, reference: str) -> None:
        notice = Notice(target=f"{person}/{name}", reference=reference, shown=self.at.isoformat())
        await self.notices.put(self.record.action.id, NAME, notice)
