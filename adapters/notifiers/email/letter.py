"""A mail with its headers. Only Remit writes headers; a line break in one is impossible, the email package refuses it.

The mails to one person about one action form a thread: the first one's Message-ID is what the later ones answer. Each
Message-ID follows from action, person and name, so that a mail that was sent twice is known for the same.
"""

import hashlib
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from adapters.notifiers.email.card import title_of
from adapters.notifiers.email.parts import Part, as_html, as_text
from adapters.notifiers.slack.text import one_line
from adapters.smtp import MailServer
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord

_SUBJECT = 120
_NAME = "Remit"


def subject_of(record: ActionRecord, policy: Policy) -> str:
    """Return the subject of the mails about an action: one line, and the same for all of them."""
    tier = f"{record.tier.value} risk, " if record.tier else ""
    rest = f" ({tier}agent {record.action.agent}, {record.action.id[:8]})"
    title = title_of(record, policy)
    room = max(_SUBJECT - len(rest), 20)
    return f"{title if len(title) <= room else record.action.action_type}{rest}"


def message_id(action_id: str, person: str, name: str, domain: str) -> str:
    """Return the Message-ID of a mail. It does not spell who got it."""
    whom = hashlib.sha256(f"{action_id}/{person}/{name}".encode()).hexdigest()[:16]
    return f"<{action_id}.{whom}@{domain}>"


def letter(
    server: MailServer, reader: Person, subject: str, parts: list[Part], number: str, root: str | None, at: datetime
) -> EmailMessage:
    """Write a mail to one person. `root` is the Message-ID that it answers; None for the first of a thread.

    Raises what the email package raises for an address that it cannot write.
    """
    mail = EmailMessage(policy=SMTP)
    mail["To"] = Address(display_name=one_line(reader.name), addr_spec=reader.email)
    mail["From"] = Address(display_name=_NAME, addr_spec=server.sender)
    mail["Subject"] = f"Re: {subject}" if root is not None else subject
    mail["Date"] = at
    mail["Message-ID"] = number
    if root is not None:
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(as_text(parts))
    mail.add_alternative(as_html(parts), subtype="html")
    return mail
