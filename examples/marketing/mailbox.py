"""Where the example's e-mail ends: a real SMTP server that keeps every message, and a page of them over HTTP.

    SMTP      takes messages for anybody and answers 250 once a message is on the disk
    GET /messages       what came in, as JSON, oldest first
    GET /               the same, for people
    GET /healthz

Run: `python -m examples.marketing.mailbox --smtp-port 9125 --http-port 9126 --state mail.jsonl`
"""

import argparse
import asyncio
import html
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from examples.marketing.journal import Journal

MAX_MESSAGE_BYTES = 1_000_000


class Mailbox:
    """The messages that came in; an aiosmtpd handler."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Every message, oldest first."""
        return self._journal.records

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        """Keep a message. The answer comes after it is on the disk: 250 means delivered."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self._journal.add(_record(content, str(envelope.mail_from), envelope.rcpt_tos))
        return f"250 2.0.0 kept as number {len(self.messages)}"


def smtp_server(mailbox: Mailbox) -> SMTP:
    """Return the protocol of one connection, for `loop.create_server`: no thread of its own."""
    return SMTP(
        mailbox, data_size_limit=MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, hostname="mailbox.localhost", ident="mailbox"
    )


def create_app(mailbox: Mailbox) -> Starlette:
    """Return the HTTP side. It only reads, so it asks for no token."""

    async def messages(_: Request) -> Response:
        return JSONResponse({"messages": mailbox.messages})

    async def page(_: Request) -> Response:
        return HTMLResponse(_page(mailbox))

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/messages", messages), Route("/healthz", healthz), Route("/", page)])


def _record(content: bytes, sender: str, recipients: Sequence[str]) -> dict[str, Any]:
    message = message_from_bytes(content, _class=EmailMessage, policy=default)
    body = message.get_body(("plain",))
    return {
        "message_id": str(message.get("Message-ID", "")),
        "from": str(message.get("From", sender)),
        "to": list(recipients),
        "subject": str(message.get("Subject", "")),
        "body": body.get_content() if body is not None else "",
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def _page(mailbox: Mailbox) -> str:
    articles = "\n".join(
        f"<article><h2>{html.escape(message['subject'])}</h2>"
        f"<p>{html.escape(message['at'])}: from {html.escape(message['from'])}"
        f" to {html.escape(', '.join(message['to']))}, {html.escape(message['message_id'])}</p>"
        f"<pre>{html.escape(message['body'])}</pre></article>"
        for message in reversed(mailbox.messages)
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mailbox: what was sent</title>
<style>body {{ font: 14px sans-serif; margin: 2em }} pre {{ white-space: pre-wrap; background: #f4f4f4;
padding: 1em }}</style>
<h1>What was sent</h1>
<p>{len(mailbox.messages)} messages, newest first.</p>
{articles}
</html>
"""


async def serve(smtp_port: int, http_port: int, state: Path) -> None:
    """Take mail and show it, on loopback, until the process is told to stop."""
    with closing(Journal(state)) as journal:
        mailbox = Mailbox(journal)
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(lambda: smtp_server(mailbox), "127.0.0.1", smtp_port)
        config = uvicorn.Config(
            create_app(mailbox), host="127.0.0.1", port=http_port, log_level="warning", server_header=False
        )
        async with smtp:
            await uvicorn.Server(config).serve()


def main() -> None:
    """Run the mailbox."""
    parser = argparse.ArgumentParser(prog="python -m examples.marketing.mailbox", description="The example mailbox")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="file that keeps the messages")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.smtp_port, arguments.http_port, arguments.state))


if __name__ == "__main__":
    main()
