import pytest

from domain.links import Link, link_of, links_in


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("I read it on www.example.com!", ["example.com"]),
        ("(see example.com/a/b for details).", ["example.com/a/b"]),
        ("https://www.Example.com/A?x=1#y", ["example.com/A?x=1#y"]),
        ("<a href='http://example.com:80/'>here</a>", ["example.com"]),
        ("[here](https://example.com/a)", ["example.com/a"]),
        ("http://intranet:8080/a and HTTP://10.0.0.1/b", ["intranet:8080/a", "10.0.0.1/b"]),
        ("https://example.com@attacker.example/x", ["attacker.example/x"]),
        ("//attacker.example and ..attacker.example", ["attacker.example", "attacker.example"]),
        ("bücher.example", ["bücher.example"]),
        ("to bob@example.com, or j.doe@example.com", []),
        ("report.pdf, notes.txt, e.g. 3.5 or v1.2.3, i.e. U.S.", []),
        ("ftp://example.com/a", ["ftp://example.com/a"]),
    ],
)
def test_a_text_mentions_these_addresses(text: str, addresses: list[str]) -> None:
    shown = [
        f"{link.scheme}{'://' if link.scheme else ''}{link.host}{link.path}{link.query}" for link in links_in(text)
    ]
    assert shown == addresses


def test_a_full_stop_without_its_space_may_end_a_sentence_or_go_on_with_the_address() -> None:
    assert {link.host for link in links_in("our site www.example.com.They sent it")} == {
        "example.com",
        "example.com.they",
    }
    assert {link.host for link in links_in("our site docs.example.co.uk")} == {"docs.example.co.uk"}


@pytest.mark.parametrize(
    ("value", "link"),
    [
        ("www.example.com", Link("", "example.com")),
        (" https://example.com/ ", Link("", "example.com")),
        ("HTTPS://WWW.EXAMPLE.COM:443/Path/", Link("", "example.com", "/Path")),
        ("example.com.", Link("", "example.com")),
        ("ｅxample.com", Link("", "example.com")),
        ("localhost:8080/x", Link("", "localhost:8080", "/x")),
        ("ftp://example.com", Link("ftp", "example.com")),
    ],
)
def test_addresses_are_compared_without_what_does_not_matter(value: str, link: Link) -> None:
    assert link_of(value) == link


@pytest.mark.parametrize(
    "value",
    [
        *("", "javascript:alert(1)", "mailto:bob@example.com", "https://", "example.com/a b", "a\u200b.example"),
        *("https://example.com\\@attacker.example", "example.com/\x00", "x" * 3000),
    ],
)
def test_what_is_no_address_as_a_whole_is_none(value: str) -> None:
    assert link_of(value) is None


def test_a_site_and_a_folder_cover_what_lies_in_them_and_nothing_beside() -> None:
    page = link_of("https://example.com/docs/a?x=1")
    assert page is not None
    covering = set(page.covering())
    assert {link_of("example.com"), link_of("example.com/docs/"), link_of("example.com/docs/a")} <= covering
    assert not {link_of("example.com/doc"), link_of("docs.example.com"), link_of("example.com/docs/a?x=2")} & covering


@pytest.mark.parametrize("path", ["/docs/../private", "/docs/%2e%2E/private", "/docs/./a"])
def test_a_path_that_climbs_is_covered_by_nothing_but_itself(path: str) -> None:
    link = link_of(f"example.com{path}")
    assert link is not None
    assert list(link.covering()) == [link]
