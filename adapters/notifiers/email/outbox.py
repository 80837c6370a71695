"""Hands mails to the mail server, over one connection that is opened for the first one."""

from email.message import EmailMessage
from types import TracebackType

import aiosmtplib

from adapters.smtp import MailServer, connected
from domain.errors import NotifierUnavailable

TIMEOUT_SECONDS = 10
_PERMANENT = 500
_SIGN_IN = "check REMIT_SMTP_USERNAME and REMIT_SMTP_PASSWORD"
_SENDER = "have the mail server take mails from REMIT_MAIL_FROM, or set another one"


class MailRefused(Exception):
    """The mail server will never take this mail."""

    def __init__(self, said: str, remedy: str) -> None:
        super().__init__(said)
        self.remedy = remedy


class ServerAway(Exception):
    """The mail server takes no mail at all now, so the others need not be tried."""


class Outbox:
    """Sends mails one after the other. It is a context: at its end the connection is closed."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._client: aiosmtplib.SMTP | None = None

    async def __aenter__(self) -> "Outbox":
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _problem: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    async def send(self, mail: EmailMessage) -> None:
        """Send a mail. Raises MailRefused for this one alone, NotifierUnavailable for later, or ServerAway for all.

        When the server breaks off after it got a mail, nobody knows whether it took it. It gets it again then, under
        the same Message-ID: rather two mails than none.
        """
        client = await self._connected()
        try:
            await client.send_message(mail)
        except aiosmtplib.SMTPRecipientsRefused as problem:
            if all(refused.code >= _PERMANENT for refused in problem.recipients):
                raise MailRefused("the recipient", "check the person's email in the policy") from problem
            raise NotifierUnavailable("the mail server does not take a recipient for now; trying again") from problem
        except aiosmtplib.SMTPSenderRefused as problem:
            raise ServerAway(
                f"the mail server refuses the sender ({problem.code}): {_SENDER}; trying again"
            ) from problem
        except aiosmtplib.SMTPResponseException as problem:
            if problem.code >= _PERMANENT:
                remedy = "look into the mail server's log; let its filters pass mails from REMIT_MAIL_FROM"
                raise MailRefused(f"the mail ({problem.code})", remedy) from problem
            raise NotifierUnavailable(f"the mail server answered {problem.code}; trying again") from problem
        except (aiosmtplib.SMTPException, OSError) as problem:
            raise ServerAway(f"the mail server broke off ({type(problem).__name__}); trying again") from problem

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None:
            return self._client
        try:
            self._client = await connected(self._server, TIMEOUT_SECONDS)
        except aiosmtplib.SMTPAuthenticationError as problem:
            raise ServerAway(f"the mail server refuses the sign-in: {_SIGN_IN}; trying again") from problem
        except (aiosmtplib.SMTPException, OSError) as problem:
            raise ServerAway(f"the mail server cannot be reached ({type(problem).__name__}); trying again") from problem
        return self._client
