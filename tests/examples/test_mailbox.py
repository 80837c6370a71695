import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from adapters.executors.email_send import EmailSend
from adapters.smtp import MailServer
from examples.marketing.demo import example_bundle
from examples.marketing.journal import Journal
from examples.marketing.mailbox import MAX_MESSAGE_BYTES, Mailbox, create_app, smtp_server
from examples.marketing.tasks import TASKS


@dataclass
class Running:
    """A mailbox that takes mail on a free port."""

    mailbox: Mailbox
    port: int
    state: Path


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    state = tmp_path / "mail.jsonl"
    with closing(Journal(state)) as journal:
        mailbox = Mailbox(journal)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: smtp_server(mailbox), "127.0.0.1", 0)
        async with server:
            yield Running(mailbox, server.sockets[0].getsockname()[1], state)


async def test_a_message_that_was_answered_with_250_is_kept_and_survives_a_restart(running: Running) -> None:
    message = EmailMessage()
    message["From"] = "sales@northwind.example"
    message["To"] = "ida.holm@brightforge.example"
    message["Subject"] = "Grüße aus dem Norden"
    message["Message-ID"] = "<abc@northwind.example>"
    message.set_content("Ein Gruß.\n.\nMit einem Punkt allein auf einer Zeile.\n")
    await aiosmtplib.send(message, hostname="127.0.0.1", port=running.port, start_tls=False)
    with closing(Journal(running.state)) as reopened:
        [kept] = reopened.records
    assert kept["message_id"] == "<abc@northwind.example>"
    assert kept["to"] == ["ida.holm@brightforge.example"]
    assert kept["subject"] == "Grüße aus dem Norden"
    assert kept["body"].splitlines() == ["Ein Gruß.", ".", "Mit einem Punkt allein auf einer Zeile."]


async def test_the_executor_of_the_policy_delivers_the_letter_that_was_decided_on(running: Running) -> None:
    task = next(task for task in TASKS if task.name == "write-to-a-lead")
    settings = next(known.settings for known in example_bundle().action_types if known.id == task.action_type)
    executor = EmailSend(
        MailServer(host="127.0.0.1", port=running.port, starttls=False, sender="remit@northwind.example")
    )
    await executor.run(settings, task.arguments, "a" * 32)
    [kept] = running.mailbox.messages
    assert kept["message_id"] == f"<{'a' * 32}@northwind.example>"
    assert (kept["to"], kept["subject"]) == ([task.arguments["to"]], task.arguments["subject"])
    assert kept["body"].splitlines() == task.arguments["body"].splitlines()
    assert "Northwind Instruments" in kept["from"]


async def test_a_message_over_the_limit_is_refused(running: Running) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "sales@northwind.example", "ida.holm@brightforge.example"
    message.set_content("x" * 70 + "\n" + ("y" * 70 + "\n") * (MAX_MESSAGE_BYTES // 70))
    with pytest.raises(aiosmtplib.SMTPResponseException):
        await aiosmtplib.send(message, hostname="127.0.0.1", port=running.port, start_tls=False)
    assert running.mailbox.messages == []


async def test_messages_are_shown_as_json_and_as_text_on_the_page(running: Running) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "sales@northwind.example", "ida.holm@brightforge.example"
    message["Subject"] = "<b>Hello</b>"
    message.set_content("<script>alert(1)</script>")
    await aiosmtplib.send(message, hostname="127.0.0.1", port=running.port, start_tls=False)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(running.mailbox)), base_url="http://mailbox"
    ) as client:
        assert [shown["subject"] for shown in (await client.get("/messages")).json()["messages"]] == ["<b>Hello</b>"]
        page = (await client.get("/")).text
    assert "&lt;b&gt;Hello" in page
    assert "<script>" not in page
