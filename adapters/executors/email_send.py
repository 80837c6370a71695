"""`email.send`: send one message through the deployment's SMTP server.

SMTP has no idempotency key, so a message whose sending was cut off is never sent again: the action becomes
`in_doubt`. The Message-ID is derived from the action, so that a person can look for it. Settings:

    to: to                      # names of the arguments that hold each part
    subject: subject
    body: body
    from_name: Sales team       # shown beside the deployment's sender address
"""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

import aiosmtplib
from pydantic import BaseModel, ConfigDict

from adapters.smtp import MailServer, connected
from domain.errors import EffectNotSent, EffectRefused, EffectUnknown

_TIMEOUT_SECONDS = 30
_TRANSIENT = 400
_PERMANENT = 500


class EmailSendSettings(BaseModel):
    """The settings of an action type that uses this executor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str = "to"
    subject: str = "subject"
    body: str = "body"
    from_name: str = ""


class EmailSend:
    """The executor. Each message gets a connection of its own: approvals are far apart."""

    def __init__(self, server: MailServer | None) -> None:
        self._server = server

    def is_short(self, settings: Mapping[str, Any]) -> bool:
        """Mail servers take their time."""
        return False

    def is_idempotent(self, settings: Mapping[str, Any]) -> bool:
        """SMTP cannot tell a repeat."""
        return False

    async def run(self, settings: Mapping[str, Any], arguments: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Send the message and return `{"message_id": ..., "answer": ...}`."""
        if self._server is None:
            raise EffectRefused("no mail server is configured (REMIT_SMTP_HOST); nothing was sent")
        message = _message(EmailSendSettings.model_validate(settings), arguments, key, self._server)
        client = await _connected(self._server)
        try:
            answer = await _deliver(client, message)
        finally:
            client.close()
        return {"message_id": message["Message-ID"], "answer": answer[:300]}


async def _connected(server: MailServer) -> aiosmtplib.SMTP:
    try:
        return await connected(server, _TIMEOUT_SECONDS)
    except aiosmtplib.SMTPAuthenticationError as problem:
        raise EffectRefused(f"the mail server refused the sign-in: {problem.message[:200]}") from problem
    except (aiosmtplib.SMTPException, OSError) as problem:
        raise EffectNotSent(f"the mail server could not be reached: {type(problem).__name__}") from problem


async def _deliver(client: aiosmtplib.SMTP, message: EmailMessage) -> str:
    """Hand the message over. Everything before the last dot can be refused; what is lost after it is unknown."""
    try:
        _, answer = await client.send_message(message)
    except aiosmtplib.SMTPRecipientsRefused as problem:
        if all(refused.code >= _PERMANENT for refused in problem.recipients):
            raise EffectRefused(f"the mail server refused the recipient: {problem}"[:300]) from problem
        # Greylisting: the server wants it again later.
        raise EffectNotSent("the mail server does not take the recipient for now") from problem
    except aiosmtplib.SMTPNotSupported as problem:
        raise EffectRefused(f"the mail server cannot take this message: {problem.message[:200]}") from problem
    except aiosmtplib.SMTPResponseException as problem:
        said = f"the mail server answered {problem.code}"
        if problem.code >= _PERMANENT:
            raise EffectRefused(f"{said}: {problem.message[:200]}") from problem
        if problem.code >= _TRANSIENT:
            raise EffectNotSent(said) from problem
        raise EffectUnknown(said) from problem  # no answer that SMTP knows
    except (aiosmtplib.SMTPException, OSError) as problem:
        raise EffectUnknown(f"the mail server broke off: {type(problem).__name__}") from problem
    return answer


def _message(settings: EmailSendSettings, arguments: Mapping[str, Any], key: str, server: MailServer) -> EmailMessage:
    message = EmailMessage()
    try:
        message["To"] = Address(addr_spec=str(arguments[settings.to]))
        message["From"] = Address(display_name=settings.from_name, addr_spec=server.sender)
        message["Subject"] = str(arguments[settings.subject])
        message["Message-ID"] = f"<{key}@{server.domain}>"
        message.set_content(str(arguments[settings.body]))
    except Exception as problem:
        # The email package raises ValueError, IndexError and errors of its own parser for what it cannot write.
        said = f"the message could not be written: {type(problem).__name__} {problem}"[:300]
        raise EffectRefused(f"{said}; nothing was sent") from problem
    return message
