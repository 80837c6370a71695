"""Texts that a bundle may not hold are found wherever they stand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog.problems import place_name
from domain.catalog.texts import unstorable

SOUND: dict[str, Any] = {"id": "x", "risk": {"rules": [{"when": "a == 'é😀\t\n'", "points": 1}]}, "tests": [None, True]}
TEXTS = st.text(st.sampled_from("aé😀\x00\ud800\udfff\x01"), max_size=4)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (SOUND, []),
        ({**SOUND, "version": "1\x00"}, ["version"]),
        ({**SOUND, "risk": {"rules": [{"when": "true"}, {"when": "'\ud83d' == ''"}]}}, ["risk.rules[1].when"]),
        ({"fo\x00o": 1, "b\udfffr": {"c": "\x00"}}, [r"fo\u0000o", r"b\udfffr", r"b\udfffr.c"]),
        ({"a": [["x", "\x00"]]}, ["a[0][1]"]),
    ],
    ids=["none", "value", "list", "names", "lists in lists"],
)
def test_a_text_that_cannot_be_stored_is_named_by_its_place(document: Any, where: list[str]) -> None:
    assert [place_name(problem.place) for problem in unstorable(document)] == where


@pytest.mark.parametrize(
    ("text", "said"), [("a\x00", "a NUL character"), ("a\ud800", "half of a character"), ("\udc00\x00", "half of")]
)
def test_what_is_wrong_with_a_text_is_said_in_words_that_can_be_written(text: str, said: str) -> None:
    (problem,) = unstorable({text: 1})

    assert said in problem.message
    assert "\x00" not in str(problem).encode().decode()


@given(DOCUMENTS)
def test_exactly_the_documents_that_can_be_stored_have_no_such_text(document: Any) -> None:
    try:
        storable = b"\x00" not in texts_of(document)
    except UnicodeEncodeError:
        storable = False

    assert (unstorable(document) == []) == storable


def texts_of(document: Any) -> bytes:
    """Return all texts of a document as UTF-8. Raises UnicodeEncodeError where one has none."""
    if isinstance(document, dict):
        return b"".join(texts_of(part) for pair in document.items() for part in pair)
    if isinstance(document, list):
        return b"".join(map(texts_of, document))
    return document.encode() if isinstance(document, str) else b""
