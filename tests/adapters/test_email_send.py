"""`email.send` against a real SMTP server on this loop, and against one that breaks off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.executors.email_send import EmailSend
from adapters.smtp import MailServer
from domain.errors import EffectError, EffectNotSent, EffectRefused, EffectUnknown
from local.processes import free_port
from tests.mailbox import Mailbox, running_mailbox, serving

SENDER = "agents@test.example"
MAIL = {"to": "ann@test.example", "subject": "Your refund", "body": "Dear Ann,\n\nit is on its way.\n.\nYours"}


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with running_mailbox() as box:
        yield box


async def send(port: int, arguments: dict[str, Any] = MAIL, **settings: str) -> dict[str, Any]:
    server = MailServer(host="127.0.0.1", port=port, starttls=False, sender=SENDER)
    return await EmailSend(server).run(settings, arguments, "a1")


async def test_a_message_is_delivered_once_and_can_be_looked_up_by_the_action(mailbox: Mailbox) -> None:
    answer = await send(mailbox.port, from_name="Refunds, Test Ltd.")

    assert answer == {"message_id": "<a1@test.example>", "answer": "2.0.0 kept"}
    (envelope,), (message,) = mailbox.envelopes, mailbox.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, ["ann@test.example"])
    assert message["Message-ID"] == "<a1@test.example>"
    assert message["To"] == "ann@test.example"
    assert message["From"] == f'"Refunds, Test Ltd." <{SENDER}>'
    assert message["Subject"] == "Your refund"
    assert message.get_content().rstrip("\r\n").replace("\r\n", "\n") == MAIL["body"]


async def test_text_of_any_language_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    await send(mailbox.port, {**MAIL, "subject": "Ihre Rückzahlung ✓", "body": "Grüße, 你好 😀\n"})

    (message,) = mailbox.messages
    assert message["Subject"] == "Ihre Rückzahlung ✓"
    assert message.get_content().strip() == "Grüße, 你好 😀"


async def test_the_catalog_says_which_arguments_hold_the_parts(mailbox: Mailbox) -> None:
    arguments = {"customer_email": "bob@test.example", "title": "Hello", "text": "there"}

    await send(mailbox.port, arguments, to="customer_email", subject="title", body="text")

    (message,) = mailbox.messages
    assert (message["To"], message["Subject"]) == ("bob@test.example", "Hello")


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "ann@test.example\r\nBcc: all@test.example"},
        {"to": "ann@test.example, all@test.example"},
        {"to": "ann@test.example; all@test.example"},
        {"to": "Ann <ann@test.example>"},
        {"to": "ann"},
        {"to": ""},
        {"to": "@test.example"},
        {"to": ["ann@test.example"]},
        {"to": None},
        {"subject": "Hello\r\nBcc: all@test.example"},
        {"subject": "Hello\nX: y"},
        {"subject": "Hello\r\n\r\nAnother body"},
    ],
)
async def test_arguments_that_would_write_headers_or_add_recipients_are_refused(
    mailbox: Mailbox, changes: dict[str, Any]
) -> None:
    with pytest.raises(EffectRefused, match="nothing was sent"):
        await send(mailbox.port, {**MAIL, **changes})

    assert mailbox.envelopes == []


@pytest.mark.parametrize("missing", ["to", "subject", "body"])
async def test_a_message_without_one_of_its_parts_is_refused(mailbox: Mailbox, missing: str) -> None:
    arguments = {name: value for name, value in MAIL.items() if name != missing}

    with pytest.raises(EffectRefused, match=f"KeyError '{missing}'; nothing was sent"):
        await send(mailbox.port, arguments)


async def test_an_address_that_the_server_cannot_write_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(EffectRefused):
        await send(mailbox.port, {**MAIL, "to": "jörg@test.example"})

    assert mailbox.envelopes == []


@pytest.mark.parametrize(
    ("where", "answer", "error"),
    [
        ("to_recipient", "550 5.1.1 no such user", EffectRefused),
        ("to_recipient", "450 4.2.0 greylisted, try again later", EffectNotSent),
        ("to_data", "554 5.7.1 this is spam", EffectRefused),
        ("to_data", "451 4.3.0 disk full", EffectNotSent),
        ("to_data", "299 what", EffectUnknown),
    ],
)
async def test_each_answer_says_what_may_have_happened(
    mailbox: Mailbox, where: str, answer: str, error: type[EffectError]
) -> None:
    setattr(mailbox, where, answer)

    with pytest.raises(error) as failure:
        await send(mailbox.port)

    # Only a refusal quotes the answer: the others are tried again, and their messages stand in Temporal's history.
    assert (answer[4:] in str(failure.value)) == (error is EffectRefused)
    assert mailbox.envelopes == []


async def test_a_server_that_is_away_means_not_sent() -> None:
    with pytest.raises(EffectNotSent, match="the mail server could not be reached"):
        await send(free_port())


async def test_without_a_server_it_is_refused_with_the_setting_to_set() -> None:
    with pytest.raises(EffectRefused, match="REMIT_SMTP_HOST"):
        await EmailSend(None).run({}, MAIL, "a1")


class Scripted(asyncio.Protocol):
    """Answers each line as the script says, and hangs up where it ends."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n" in self._received:
            line, _, self._received = self._received.partition(b"\r\n")
            if self._answers and self._answers[0] == b"" and line != b".":
                continue  # a line of the message
            if self._answers and self._answers[0] == b"":
                self._answers.pop(0)
            self._next()

    def _next(self) -> None:
        assert self._transport is not None
        if not self._answers:
            self._transport.abort()
            return
        self._transport.write(self._answers.pop(0))


HELLO = (b"220 mail.test.example\r\n", b"250 mail.test.example\r\n")
UP_TO_DATA = (*HELLO, b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ((), EffectNotSent),
        ((b"421 shutting down\r\n",), EffectNotSent),
        ((b"554 go away\r\n",), EffectNotSent),
        (HELLO[:1], EffectUnknown),  # the library does not say how far it came, so nothing is assumed
        ((*HELLO, b"550 not from you\r\n"), EffectRefused),
        ((*HELLO, b"451 later\r\n"), EffectNotSent),
        ((*UP_TO_DATA, b""), EffectUnknown),
        ((*UP_TO_DATA, b"", b"perhaps\r\n"), EffectUnknown),
        ((*UP_TO_DATA, b"", b"250 kept\r\n"), None),
    ],
    ids=[
        "hangs up at once",
        "greets with 421",
        "greets with 554",
        "hangs up after the greeting",
        "refuses the sender",
        "refuses the sender for now",
        "hangs up after the message",
        "answers nonsense after the message",
        "takes the message and hangs up",
    ],
)
async def test_where_a_server_breaks_off_says_what_may_have_happened(
    script: tuple[bytes, ...], error: type[EffectError] | None
) -> None:
    expectation = pytest.raises(error) if error else contextlib.nullcontext()
    async with serving(lambda: Scripted(*script)) as port, asyncio.timeout(5):
        with expectation:
            await send(port)


async def test_a_wrong_password_is_refused(mailbox: Mailbox) -> None:
    server = MailServer(
        host="127.0.0.1",
        port=mailbox.port,
        starttls=False,
        sender=SENDER,
        username="remit",
        password=SecretStr("wrong-s3cret"),
    )
    async with serving(lambda: Scripted(HELLO[0], b"250-mail\r\n250 AUTH PLAIN\r\n", b"535 5.7.8 no\r\n")) as port:
        with pytest.raises(EffectRefused, match="refused the sign-in") as refusal:
            await EmailSend(server.model_copy(update={"port": port})).run({}, MAIL, "a1")

    assert "s3cret" not in str(refusal.value)


async def test_a_server_without_encryption_gets_nothing_where_encryption_is_wanted(mailbox: Mailbox) -> None:
    server = MailServer(host="127.0.0.1", port=mailbox.port, starttls=True, sender=SENDER)

    with pytest.raises(EffectNotSent):
        await EmailSend(server).run({}, MAIL, "a1")

    assert mailbox.envelopes == []


def test_mail_is_neither_short_nor_safe_to_repeat() -> None:
    executor = EmailSend(None)

    assert not executor.is_short({})
    assert not executor.is_idempotent({})
