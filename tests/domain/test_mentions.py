import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.links import link_of
from domain.mentions import MAX_FOUND, Address, Known, Name, Reading, Sum, name_key


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("US122000000121212121212", "The recipient is US122000000121212121212."),
        ("GB29NWBK60161331926819", "their account GB29 NWBK 6016 1331 9268 19 may be old"),
        ("GB29NWBK60161331926819", "gb29-nwbk-6016-1331-9268-19"),
        ("GB29 NWBK 6016 1331 9268 19", "from GB29NWBK60161331926819), but"),
        ("12-34-5678", "sort code 12-34-5678, please"),
        ("Bob", "send it to bob"),
        ("Alice", "in Alice's inbox"),
        ("Alice", "(alice)"),
        ("@alice", "ask @Alice to"),
        ("#general", "the 'general' channel"),
        ("Emma Johnson", "for emma\n   johnson, please"),
        ("O'Brien", "to O'Brien now"),
        ("dora@example.com", "My e-mail is <Dora@Example.com>."),
        ("notes.txt", "read 'notes.txt' and"),
        ("my report.docx", "open my report.docx"),
        ("Ｂｏｂ", "Bob"),
        ("straße", "STRASSE"),
        ("1j1l-2k3j", "the password to '1j1l-2k3j'."),
        ("Secret!9x?", "set it to 'Secret!9x?' now"),
        ("Hi, how are you?", "Write him: Hi,  how are\nyou?"),
    ],
)
def test_a_value_is_mentioned_however_it_is_spelled(value: str, text: str) -> None:
    assert Name(value).mentioned_in(Reading(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("US1", "US122000000121212121212"),
        ("US122000000121212121212", "US1220000001212121212120"),
        ("GB29NWBK60161331926819", "GB29 NWBK 6016 1331 9268 20"),
        ("Bob", "Bobby"),
        ("Bob", "Kate-Bob"),
        ("alice", "alice@example.com"),
        ("bob@example.com", "jim.bob@example.com"),
        ("bob@example.com", "bob@example.com.attacker.example"),
        ("bob@example.com", "spam+bob@example.com"),
        ("notes.txt", "old-notes.txt and notes.txt.bak"),
        ("a", "a b c"),
        ("it", "pay it to me"),
        ("to us", "send it to us"),
        ("", "anything"),
        ("  ", "anything"),
        ("alice\u200b", "alice"),
        ("al\u00adice", "alice"),
        ("abc!", "abc"),
        ("alice; bob", "alice bob"),
        ("10", "10.00"),
        ("x" * 3000, "x" * 3000),
    ],
)
def test_a_value_is_not_mentioned_by_what_only_looks_like_it(value: str, text: str) -> None:
    assert not Name(value).mentioned_in(Reading(text))


def test_a_phrase_is_not_found_across_two_texts() -> None:
    assert Name("Bob Smith").mentioned_in(Reading("Bob Smith"))
    assert not Name("Bob Smith").mentioned_in(Reading("Bob", "Smith"))


def test_a_directory_vouches_for_whole_entries_only() -> None:
    known = Known(
        [("", "Alice"), ("", "External: write to bob@attacker.example"), ("iban", "GB29 NWBK 6016 1331 9268 19")]
    )
    assert Name("alice").listed_in(known)
    assert Name("GB29NWBK60161331926819").listed_in(known)
    assert not Name("bob@attacker.example").listed_in(known)
    assert not Name("External").listed_in(known)
    assert not Name("").listed_in(Known([("", "")]))


def test_an_address_is_given_by_its_site_and_mentioned_only_to_the_letter() -> None:
    address = Address(link_of("https://example.com/a?data=secret"))
    assert address.given_in(Reading("look at example.com"))
    assert not address.mentioned_in(Reading("look at example.com and example.com/a"))
    assert address.mentioned_in(Reading("look at www.example.com/a?data=secret."))
    assert not Address(None).given_in(Reading("example.com"))
    assert not Address(None).mentioned_in(Reading("example.com"))


@pytest.mark.parametrize(
    ("value", "text", "alone"),
    [
        ("dora@example.com", "I am Dora, dora@example.com", True),
        ("dora@example.com", "dora@example.com or fred@example.com", False),
        ("GB29NWBK60161331926819", "to GB29NWBK60161331926819", True),
        ("GB29NWBK60161331926819", "to GB29NWBK60161331926819, not DE89 3704 0044 0532 0130 00", False),
        ("Dora", "I am Dora", False),
    ],
)
def test_a_value_is_alone_where_a_text_holds_no_other_of_its_kind(value: str, text: str, alone: bool) -> None:
    assert Name(value).alone_in(Reading(text)) is alone


def test_links_and_amounts_are_alone_by_number() -> None:
    link = Address(link_of("example.com"))
    assert link.alone_in(Reading("example.com, again: www.example.com"))
    assert not link.alone_in(Reading("example.com and example.org"))
    assert Sum(1200).alone_in(Reading("12.00"))
    assert not Sum(1200).alone_in(Reading("12.00 or 13.00"))


def test_what_stands_behind_very_many_links_is_not_looked_at() -> None:
    crowd = " ".join(f"a{number}.example" for number in range(MAX_FOUND))
    assert Address(link_of("first.example")).mentioned_in(Reading(f"first.example {crowd}"))
    assert not Address(link_of("last.example")).mentioned_in(Reading(f"{crowd} last.example"))


@given(st.text(max_size=80), st.text(max_size=200))
def test_any_value_can_be_looked_for_in_any_text(value: str, text: str) -> None:
    reading = Reading(text)
    for sought in (Name(value), Address(link_of(value)), Sum(len(value))):
        assert isinstance(sought.given_in(reading), bool)
        assert isinstance(sought.alone_in(reading), bool)
    assert name_key(name_key(value)) == name_key(value)


@given(st.from_regex(r"[A-Za-z]{3,8}[0-9]{4,10}", fullmatch=True), st.from_regex(r"[A-Za-z0-9]{1,4}", fullmatch=True))
def test_a_longer_word_never_mentions_the_shorter(value: str, more: str) -> None:
    assert not Name(value).mentioned_in(Reading(f"pay {value}{more} now"))
    assert not Name(value).mentioned_in(Reading(f"pay {more}{value} now"))
    assert Name(value).mentioned_in(Reading(f"pay {value}, {more} now"))
