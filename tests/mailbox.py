"""A mail server for tests, on this loop: it takes every mail, unless a test tells it what to answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from local.processes import free_port


@dataclass
class Mailbox:
    """Takes every message, unless a test tells it what to answer; `to` has answers for single recipients."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    to_recipient: str = "250 ok"
    to: dict[str, str] = field(default_factory=dict)
    to_data: str = "250 2.0.0 kept"

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer for a recipient."""
        answer = self.to.get(address, self.to_recipient)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message, if it is to be kept."""
        if self.to_data.startswith("250"):
            self.envelopes.append(envelope)
        return self.to_data

    @property
    def messages(self) -> list[EmailMessage]:
        """What was delivered, parsed."""
        raw = [envelope.content for envelope in self.envelopes]
        return [message_from_bytes(content, policy=default) for content in raw if isinstance(content, bytes)]


@contextlib.asynccontextmanager
async def serving(protocol: Any) -> AsyncIterator[int]:
    """Serve a protocol on a free port."""
    port = free_port()
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    async with server:
        yield port


@contextlib.asynccontextmanager
async def running_mailbox() -> AsyncIterator[Mailbox]:
    """Run a mail server."""
    box = Mailbox()
    async with serving(lambda: SMTP(box, hostname="mail.test.example")) as port:
        box.port = port
        yield box
