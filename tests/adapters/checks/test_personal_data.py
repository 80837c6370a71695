"""`personal_data`: what identifies a person is found by its form and its check digits, and ordinary numbers are not."""

import pytest
from stdnum.iso7064 import mod_97_10

from adapters.checks.identifiers import IBAN_LENGTHS
from tests.adapters.checks.contents import ORDINARY_MAIL, content, kinds, look

FOUND = [
    ("write to maria.ortiz+refund@customer.example today", "email"),
    ("müller@exämple.de", "email"),
    ("<mailto:a@b.co>", "email"),
    ("Call +49 30 901820.", "phone"),
    ("+1 (415) 555-2671", "phone"),
    ("+49 30 901820 2026", "phone"),
    ("Tel.: 0049 30 901820", "phone"),
    ("pay to DE89 3704 0044 0532 0130 00 and tell us", "iban"),
    ("GB29NWBK60161331926819", "iban"),
    ("ref AB12 de89370400440532013000", "iban"),
    ("FR14-2004-1010-0505-0001-3M02-606", "iban"),
    ("card 4111 1111 1111 1111 12/27", "payment_card"),
    ("5555555555554444", "payment_card"),
    ("3782-822463-10005", "payment_card"),
    ("3056 930902 5904", "payment_card"),
    ("6304 0000 0000 0000 000", "payment_card"),
    ("4111\u00a01111\u00a01111\u00a01111", "payment_card"),
    ("4111\u200b1111 1111 1111", "payment_card"),
    ("from 203.0.113.9 at noon", "ip_address"),
    ("2001:db8::8a2e:370:7334", "ip_address"),
    ("his SSN: 536904399", "us_ssn"),
    ("536-90-4399", "us_ssn"),
    ("AB 12 34 56 C", "uk_nino"),
    ("National Insurance number AB123456C", "uk_nino"),
    ("Steuer-ID 86 095 742 719", "de_tax_id"),
    ("86095742719 (IdNr)", "de_tax_id"),
    ("1 85 05 78 006 084 91", "fr_nir"),
    ("DNI 12345678Z", "es_dni"),
    ("X-1234567-L", "es_nie"),
    ("RSSMRA85T10A562S", "it_codice_fiscale"),
    ("BSN 111222333", "nl_bsn"),
    ("PESEL: 44051401359", "pl_pesel"),
]
CLEAR = [
    ORDINARY_MAIL,
    "Order 4500012345, PO 4111111111111112, tracking 1Z999AA10123456784",
    "01.11.2026 - 30.11.2026, 2026-11-01, 12/2026, 10:30:00, Q3/2026",
    "EUR 1.299,00 or 1 234 567 890.00, +1,299.00, +20 %, 100.000.000 EUR",
    "INV-86095742719 and RE/44051401359 and 111222333",
    "550e8400-e29b-41d4-a716-446655440000 and 00:1A:2B:3C:4D:5E",
    "std::vector<int> ab::cd, section 1.2.3.4, v2.4.1.10, 10.0.0.1, 127.0.0.1, ::1, 192.168.1.1",
    "4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 01",
    "DE89370400440532013000EXTRA",
    "the number 12345678Z is printed on the box",
    "call us about order 4500012345",
    "@everyone meet user@ noon",
]


@pytest.mark.parametrize(("text", "kind"), FOUND)
async def test_personal_data_is_found(text: str, kind: str) -> None:
    assert kind in await kinds("personal_data", text)


@pytest.mark.parametrize("text", CLEAR)
@pytest.mark.parametrize("region", [None, "DE", "US", "CA"])
async def test_ordinary_numbers_are_no_personal_data(text: str, region: str | None) -> None:
    assert await kinds("personal_data", text, {"region": region}) == []


@pytest.mark.parametrize(
    ("text", "region"),
    [("Telefon 030 901820", "DE"), ("phone: (415) 555-2671", "US"), ("Fax no. 020 7946 0018", "GB")],
)
async def test_a_national_phone_number_is_found_beside_its_word_in_its_region(text: str, region: str) -> None:
    assert await kinds("personal_data", text, {"region": region}) == ["phone"]
    assert await kinds("personal_data", text) == []
    assert await kinds("personal_data", text.split(" ", 1)[1], {"region": region}) == []


async def test_the_name_of_an_argument_counts_as_a_word_beside_the_number() -> None:
    signal = await look("personal_data", "", {"region": "DE"}, arguments={"phone": "030 901820", "note": "030 901820"})
    assert signal.fields == ["arguments.phone"]


async def test_a_recipient_may_be_an_address_and_nothing_else() -> None:
    arguments = {"to": "a@b.example", "cc": ["c@d.example"], "account": "DE89370400440532013000", "body": "Hello"}
    assert (await look("personal_data", "", arguments=arguments)).kinds == []
    signal = await look("personal_data", "", arguments={**arguments, "to": "a@b.example, SSN 536904399"})
    assert (signal.kinds, signal.fields) == (["us_ssn"], ["arguments.to"])


async def test_only_the_kinds_asked_for_are_found() -> None:
    assert await kinds("personal_data", "a@b.example +49 30 901820", {"kinds": ["phone"]}) == ["phone"]


async def test_what_is_to_be_ignored_is_ignored_however_it_is_spaced() -> None:
    settings = {"ignore": ["+49 30 901820", "DE89370400440532013000", "@northwind.example", "jörg@exämple.de"]}
    ours = (
        "call +49 (30) 90-1820, pay to DE89 3704 0044 0532 0130 00, write to help@Northwind.example or Jörg@exämple.de"
    )
    assert await kinds("personal_data", ours, settings) == []
    assert await kinds("personal_data", f"{ours} or ann@northwind.example.org", settings) == ["email"]


async def test_numbers_and_names_that_the_agent_made_up_are_looked_at_and_not_quoted() -> None:
    signal = await look(
        "personal_data", "", arguments={"amount": 4111111111111111, "bob@example.com": {"x": "536-90-4399"}}
    )
    assert signal.kinds == ["email", "payment_card", "us_ssn"]
    assert signal.fields == ["arguments.*", "arguments.*.*", "arguments.amount"]


@pytest.mark.parametrize("country", sorted(IBAN_LENGTHS))
async def test_an_iban_of_each_country_ends_where_it_ends(country: str) -> None:
    account = "0" * (IBAN_LENGTHS[country] - 4)
    digits = mod_97_10.calc_check_digits(f"{account}{country}")
    for text in (f"{country}{digits}{account}", f"{country}{digits}{account} 12 and more"):
        assert await kinds("personal_data", text, {"kinds": ["iban"]}) == ["iban"]
    assert await kinds("personal_data", f"{country}{digits}{account}0", {"kinds": ["iban"]}) == []


def test_the_fields_of_content_hold_no_names_that_the_agent_chose() -> None:
    assert content(arguments={"body": "a", "cc": ["b"], "made up": 3}).texts == [
        ("body", "a"),
        ("cc[]", "b"),
        ("*", "made up"),
    ]
