"""`links`: only to the domains that the use case lists, and never in disguise."""

from typing import Any

import pytest

from tests.adapters.checks.contents import ORDINARY_MAIL, kinds, look

STYLE: dict[str, Any] = {"link_domains": ["northwind.example", "shop.de", "xn--mnchen-3ya.de"]}
FOUND = [
    ("see https://evil.com/x", ["unlisted_domain"]),
    ("see evil.com now", ["unlisted_domain"]),
    ("EVIL.COM", ["unlisted_domain"]),
    ("www.evil.unknowntld", ["unlisted_domain"]),
    ("Website:evil.de", ["unlisted_domain"]),
    ("(evil.co.uk)", ["unlisted_domain"]),
    ("“evil.com”", ["unlisted_domain"]),
    ("//cdn.evil.io/x", ["unlisted_domain"]),
    ("https:/evil.com", ["unlisted_domain"]),
    (r"https:\\evil.com", ["unlisted_domain"]),
    ("[northwind.example](https://evil.com)", ["unlisted_domain"]),
    ("<https://evil.com|northwind.example>", ["unlisted_domain"]),
    ("https://northwind.example.evil.com", ["unlisted_domain"]),
    ("https://notnorthwind.example", ["unlisted_domain"]),
    ("https://northwind.example/?next=https://evil.com", ["unlisted_domain"]),
    ("ｅｖｉｌ．ｃｏｍ", ["unlisted_domain"]),
    ("evil。com", ["unlisted_domain"]),
    ("evil\u200b.com", ["unlisted_domain"]),
    ("пример.рф", ["unlisted_domain"]),
    ("report.zip/download", ["unlisted_domain"]),
    ("ftp://files.evil.com", ["unlisted_domain"]),
    ("https://northwind.example@evil.com/", ["unlisted_domain", "userinfo"]),
    ("https://ann:pw@northwind.example/", ["userinfo"]),
    ("https://xn--80ak6aa92e.com", ["punycode", "unlisted_domain"]),
    ("http://192.0.2.1/", ["ip_address", "unlisted_domain"]),
    ("http://3232235777", ["ip_address", "unlisted_domain"]),
    ("http://0x7f.1", ["ip_address", "unlisted_domain"]),
    ("http://[2001:db8::1]:80/", ["ip_address", "unlisted_domain"]),
    ("javascript:alert(1)", ["dangerous_scheme"]),
    ("JaVaScript:alert(1)", ["dangerous_scheme"]),
    ("data:text/html;base64,PHNjcmlwdD4", ["dangerous_scheme"]),
    ("file:///etc/passwd", ["dangerous_scheme", "unlisted_domain"]),
]
CLEAR = [
    ORDINARY_MAIL,
    "https://northwind.example/a?b=c#d, www.northwind.example; help.shop.de! HTTPS://SHOP.DE:443/x",
    "https://xn--mnchen-3ya.de",
    "write to bob@evil.com or ann.lee@mail.evil.co.uk",
    "report.pdf, notes.md, script.sh, archive.zip, Node.js, e.g. this, i.e. that, a.m., z.B., etc.Then",
    "Thanks.Best regards from Müller GmbH & Co.KG",
    "user.name, 1.299, v2.3.1, 12.05.2026, 299.00",
    "JavaScript: the good parts. Data: see below. File: attached. Note: https: is better",
    "https://shop.de/files/readme.txt/evil.com-is-a-page",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
async def test_a_link_elsewhere_or_in_disguise_is_found(text: str, expected: list[str]) -> None:
    assert await kinds("links", text, style=STYLE) == expected


@pytest.mark.parametrize("text", CLEAR)
async def test_listed_domains_addresses_and_file_names_are_left_alone(text: str) -> None:
    assert await kinds("links", text, style=STYLE) == []


async def test_without_listed_domains_every_link_is_found() -> None:
    assert await kinds("links", "https://northwind.example") == ["unlisted_domain"]


async def test_arguments_that_name_files_are_not_searched_for_links() -> None:
    signal = await look("links", "", arguments={"attachments": ["evil.com"], "note": "evil.com"})
    assert signal.fields == ["arguments.note"]
