"""The card as a mail: what it says, and that nothing an agent wrote can be anything but a shown text."""

import json
import re
import unicodedata
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.notifiers.email.arguments import ROOM
from adapters.notifiers.email.card import Occasion, card
from adapters.notifiers.email.letter import letter, message_id, subject_of
from adapters.notifiers.email.parts import as_html, as_text
from adapters.smtp import MailServer
from domain.action import Context, State
from domain.approval import Decision, Door, Questions
from domain.canonical import revision_bytes
from domain.catalog import Person
from domain.holds import Hold, HoldScope
from domain.record import ActionRecord
from tests.api.browser import opened_page
from tests.bundles import DOCUMENT, policy
from tests.slack_records import MAIL, NOW, POLICY, REFUND, asked, executed, voted, waiting

LINK = "https://remit.test.example/review/0123456789abcdef0123456789abcdef"
SERVER = MailServer(host="127.0.0.1", port=25, sender="remit@test.example")
READER = Person.model_validate(
    {"id": "ann", "name": "Ann Approver", "email": "ann@test.example", "calendar": {"time_zone": "Europe/Berlin"}}
)
TAGS = {"html", "head", "meta", "title", "body", "div", "h1", "h2", "p", "strong", "br", "table", "tr", "th", "td"}
TAGS |= {"blockquote", "a"}
HEADERS = ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"]
HEADERS += ["X-Auto-Response-Suppress"]
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></table><a href='https://evil.example'>Approve</a>",
    '"><a href="https://evil.example">',
    "&lt;b&gt; &amp; <b>",
    "line\n\nRead all of it and decide on the review page:\nhttps://evil.example/review",
    "line\r\n.\r\nBcc: all@test.example",
    "\u202egnitirw sdrawkcab\u202c",
    "zero\u200bwidth \u2028 separator \x0b tab \x85 next",
    "\u0000\u001b[31m",
    "> a quote of its own\n>> deeper",
    "{{ 7 * 7 }} {% raw %} %s %(x)s ${x}",
    "\\u202e is not an override",
]


class Page(HTMLParser):
    """The tags, addresses and words of an HTML page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "background")]

    def handle_data(self, data: str) -> None:
        self.words += data


def drawn(record: ActionRecord, occasion: Occasion = Occasion.ASKED, **changes: Any) -> tuple[str, Page]:
    """Return a mail as text and as a page."""
    parts = card(record, changes.pop("rules", POLICY), READER, occasion, LINK, **changes)
    return as_text(parts), Page(as_html(parts))


def holding(arguments: dict[str, Any], context: Context | None = None) -> ActionRecord:
    """Return a record with any arguments, whatever their action type takes."""
    record = waiting(REFUND, context=context)
    return record.model_copy(
        update={"action": record.action.model_copy(update={"arguments_bytes": revision_bytes(arguments)})}
    )


def said(text: str) -> str:
    """Return text without the differences that lines and spaces make."""
    return re.sub(r"[\s>:]+", "", text)


def test_the_mail_says_who_asks_what_why_by_whom_and_until_when() -> None:
    context = Context(reasoning="The parcel came broken.", on_behalf_of="Mallory", region="EU")
    text, page = drawn(waiting(REFUND, context=context))

    for line in (
        "Your decision is asked for: Refund a customer",
        "Medium risk. Waiting for finance: 0 of 1 approvals, until Fri 2026-03-06 10:30 (Europe/Berlin).",
        "  Agent: Clerk (clerk)",
        "  Use case: Customer support (support)",
        "  Owner: Olga Owner",
        '  On behalf of (the agent says): "Mallory"',
        '  Region (the agent says): "EU"',
        "  Approvals: 0 of 1: finance",
        "  Deadline: Fri 2026-03-06 10:30 (Europe/Berlin)",
        "  Can it be undone?: No.",
        "  Risk: medium tier; of 5 points: financial 3",
        "  financial 3: money leaves the company (fin.refund)",
        "  amount_minor: 4200",
        '  customer: "c-7"',
        "The agent's own reasoning (its claim: nobody has checked it):",
        "> The parcel came broken.",
        LINK,
    ):
        assert line in text.splitlines()
        assert said(line) in said(page.words)


def test_the_only_address_in_a_mail_is_the_page_and_nothing_in_it_decides() -> None:
    for record in (waiting(REFUND), voted(waiting(REFUND), "ann"), executed(voted(waiting(REFUND), "ann"))):
        for occasion in Occasion:
            _, page = drawn(record, occasion)

            assert set(page.links) == {LINK}
            assert page.tags <= TAGS and page.attributes <= {"style", "lang", "dir", "href", "scope", "charset"} | {
                "name",
                "content",
            }


def test_amounts_recipients_and_what_can_be_undone_are_said_in_words() -> None:
    types = [dict(each) for each in DOCUMENT["action_types"]]
    types[2] |= {
        "roles": {"amount": "amount_minor", "recipients": ["note"]},
        "reversible": True,
        "undo": "Charge again.",
    }
    text, _ = drawn(waiting({**REFUND, "note": "bob@test.example"}), rules=policy(action_types=types))

    assert "  Amount: 42.00 (no currency named)" in text
    assert '  Recipient: "bob@test.example" (Bob Approver)' in text
    assert "  Can it be undone?: Yes: Charge again." in text


def test_votes_questions_and_a_hold_are_shown() -> None:
    record = voted(
        waiting(REFUND, rules=policy(routes=[{"do": "ask", "approval": "two"}])), "ann", reason="Fine by me."
    )
    questions = [
        Questions(person="bob", text="Why?", door=Door.PAGE, at=NOW, answer="It broke.", answered_at=NOW),
        Questions(person="bob", text="When?", door=Door.PAGE, at=NOW),
    ]
    hold = Hold(id="h1", scope=HoldScope.EVERYTHING, subject=None, reason="Fire", placed_by="admin", placed_at=NOW)
    approval = asked(record).model_copy(update={"questions": questions})
    text, _ = drawn(record.model_copy(update={"approval": approval, "hold": hold}))

    assert "Returned to the agent with questions: nobody can approve before it answers." in text
    assert (
        "  Ann Approver (finance): \n    approved Wed 2026-03-04 10:35 (Europe/Berlin) by slack\n    “Fine by me.”"
        in text
    )
    assert "Bob Approver asks the agent, Wed 2026-03-04 10:30 (Europe/Berlin):\n> Why?" in text
    assert "The agent answers (its claim):\n> It broke." in text
    assert "Held since Wed 2026-03-04 10:30 (Europe/Berlin) by admin: Fire" in text


def test_nobody_learns_of_a_canary_before_it_is_decided() -> None:
    canary = waiting(REFUND).model_copy(update={"canary": True})

    assert drawn(canary)[0] == drawn(waiting(REFUND))[0]
    assert "This was a canary" in drawn(voted(canary, "bob", Decision.REJECT, "Odd."), Occasion.DECIDED)[0]


def test_deadlines_are_in_the_time_zone_of_the_reader() -> None:
    record = waiting(REFUND)
    far = READER.model_copy(update={"calendar": READER.calendar.model_copy(update={"time_zone": "Pacific/Auckland"})})

    assert "Deadline: Fri 2026-03-06 22:30 (Pacific/Auckland)" in as_text(
        card(record, POLICY, far, Occasion.ASKED, LINK)
    )


def test_a_value_is_shown_whole_or_named_with_its_size() -> None:
    long = "x" * (ROOM + 1)
    text, page = drawn(holding({**MAIL, "body": long}))

    assert long[:50] not in text and long[:50] not in page.words
    assert "Not everything fits here. Read all arguments on the review page before you decide." in text
    assert f"> body: text of {ROOM + 1:,} characters" in text
    assert '  to: "ana@customer.example"' in text


def test_a_long_claim_is_shown_from_its_beginning_with_its_size() -> None:
    text, _ = drawn(waiting(REFUND, context=Context(reasoning="y" * 9000)))

    assert "; the beginning of 9,000 characters, all of it is on the review page:" in text
    assert text.count("y" * 4000) == 1 and "y" * 4001 not in text


def test_many_arguments_and_nested_ones_stay_within_bounds() -> None:
    many = {f"field_{number}": [{"n": number}] * 15 for number in range(300)}
    text, _ = drawn(holding(many))

    assert len(text) < 2 * ROOM and "more" in text


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("place", ["argument", "name", "claim", "behalf", "reason", "result", "question", "nested"])
def test_what_others_wrote_is_shown_and_does_nothing(hostile: str, place: str) -> None:
    benign, _ = drawn(record_with(place, "x"))
    record = record_with(place, hostile)
    text, page = drawn(record)

    assert page.tags <= TAGS and set(page.links) == {LINK}
    assert nothing_hides(text) and nothing_hides(page.words)
    titles = ("Argument ", "The agent's own reasoning", "Look twice at ")
    assert all(line.startswith(titles) for line in own_lines(text) - own_lines(benign))


def record_with(place: str, text: str) -> ActionRecord:
    """Return a record that has somebody's text in one place."""
    if place == "argument":
        return holding({**MAIL, "body": text})
    if place == "nested":
        return holding({**MAIL, "more": [{"deep": {text: [text]}}]})
    if place == "name":
        return holding({**MAIL, text: "value"})
    if place == "claim":
        return waiting(REFUND, context=Context(reasoning=text))
    if place == "behalf":
        return waiting(REFUND, context=Context(on_behalf_of=text.replace("\x00", "")[:100]))
    record = waiting(REFUND, rules=policy(routes=[{"do": "ask", "approval": "two"}]))
    if place == "reason":
        return voted(record, "ann", reason=text)
    if place == "question":
        asking = Questions(person="bob", text=text, door=Door.PAGE, at=NOW, answer=text, answered_at=NOW)
        return record.model_copy(update={"approval": asked(record).model_copy(update={"questions": [asking]})})
    done = executed(voted(waiting(REFUND), "ann"))
    execution = done.execution
    assert execution is not None
    return done.model_copy(update={"execution": execution.model_copy(update={"result": {"answer": text}})})


def own_lines(text: str) -> set[str]:
    """Return the lines that look like Remit's own: no quote, and no value of a table."""
    varying = ("Action 0", "Arguments (", ">", "  ")
    return {line for line in text.splitlines() if not line.startswith(varying)}


def nothing_hides(text: str) -> bool:
    """Whether every character can be seen."""
    return not any(unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp") and each != "\n" for each in text)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@settings(deadline=None, max_examples=100)
@given(text=TEXT, name=TEXT)
def test_whatever_an_agent_writes_stays_in_its_place(text: str, name: str) -> None:
    record = holding({**MAIL, "body": text, name: text}, Context(reasoning=text))
    shown, page = drawn(record)

    assert page.tags <= TAGS and set(page.links) == {LINK}
    assert nothing_hides(shown) and nothing_hides(page.words.replace("\xa0", " "))
    assert said(page.words.replace("\xa0", " ")).endswith(said(shown.splitlines()[-1]))
    titles = ("Argument", "The agent's own reasoning", "Look twice")
    odd = own_lines(shown) - own_lines(drawn(holding(MAIL))[0])
    assert all(line.startswith(titles) for line in odd), odd


@settings(deadline=None, max_examples=60)
@given(title=st.text(min_size=1, max_size=200), name=st.text(min_size=1, max_size=200))
def test_headers_are_what_they_are_meant_to_be_whatever_stands_in_the_policy(title: str, name: str) -> None:
    types = [{**each, "title": title} for each in DOCUMENT["action_types"]]
    rules, record = policy(action_types=types), waiting(REFUND)
    reader = READER.model_copy(update={"name": name})
    number, subject = message_id(record.action.id, "ann", "asked-1-1", SERVER.domain), subject_of(record, rules)
    mail = letter(SERVER, reader, subject, card(record, rules, reader, Occasion.ASKED, LINK), number, None, NOW)

    read = message_from_bytes(mail.as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    assert sorted(read.keys()) == HEADERS
    assert [each.addr_spec for each in read["To"].addresses] == ["ann@test.example"]
    assert len(str(read["Subject"])) <= 200 and "\n" not in str(read["Subject"])


def test_message_ids_differ_by_action_person_and_name_and_do_not_spell_them() -> None:
    ids = {
        message_id(*each, "x.example") for each in (("a", "b", "c"), ("a", "b", "d"), ("a", "e", "c"), ("f", "b", "c"))
    }

    assert len(ids) == 4
    assert all(re.fullmatch(r"<[a-f]\.[0-9a-f]{16}@x\.example>", each) for each in ids)


async def test_the_html_of_a_mail_renders_in_a_browser_and_a_hostile_one_shows_what_it_is() -> None:
    hostile = "\n".join(HOSTILE).replace("\x00", "")
    record = waiting({**MAIL, "body": hostile}, action_type="mail.send", context=Context(reasoning=hostile))
    async with opened_page() as page:
        asked_for: list[str] = []
        page.on("request", lambda request: asked_for.append(request.url))
        await page.set_content(as_html(card(record, POLICY, READER, Occasion.ASKED, LINK)))

        assert await page.title() == "Remit"
        assert await page.locator("script, img, form, button, input").count() == 0
        assert await page.locator("a").count() == 2
        assert "<script>alert(1)</script>" in await page.locator("blockquote").first.inner_text()
        box = await page.locator("table").first.bounding_box()
        assert box is not None and box["width"] <= 680
        assert asked_for == []


def test_the_argument_names_and_json_are_the_values_that_will_run() -> None:
    values = {"text": 'say "hi" \\ \u00e9', "number": 9007199254740991, "flag": None, "list": [1, {"a": "b"}]}
    text, _ = drawn(holding(values))

    for name, value in values.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {name}: ")]
        assert json.loads(line.partition(": ")[2]) == value


def test_an_approval_that_was_not_used_in_time_is_told_with_until_when_it_was_good() -> None:
    approved = voted(waiting(REFUND), "ann")
    plan = asked(approved).plan.model_copy(update={"approval_lifetime": timedelta(hours=1)})
    approval = asked(approved).model_copy(update={"plan": plan})
    text, _ = drawn(approved.model_copy(update={"approval": approval, "state": State.EXPIRED}), Occasion.DECIDED)

    assert "Approved, but not executed in time. The approval was good until Wed 2026-03-04 11:35" in text


def test_arguments_that_hide_something_are_pointed_at() -> None:
    text, _ = drawn(holding({**MAIL, "subject": "pay \u202eABC", "more": [{"x\u200b": 1}]}))

    assert "Look twice at more, subject: characters that cannot be seen" in text
    assert "Look twice" not in drawn(holding(MAIL))[0]
