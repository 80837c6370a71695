"""Laws of the checks that find things: no text breaks them, and what was found stays found when more is written."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.checks import CHECKS
from domain.signals import Finding
from tests.adapters.checks import (
    test_hidden_characters,
    test_injection,
    test_links,
    test_personal_data,
    test_secrets,
)
from tests.adapters.checks.contents import content

SEEDS = {
    "hidden_characters": [text for text, _ in test_hidden_characters.FOUND],
    "injection": [text for text, _ in test_injection.FOUND],
    "links": [text for text, _ in test_links.FOUND],
    "personal_data": [text for text, _ in test_personal_data.FOUND],
    "secrets": [text for text, _ in test_secrets.FOUND],
}
EVERY_SEED = [text for texts in SEEDS.values() for text in texts]
IN_THE_OPEN_NOW = {"hidden_instruction"}
"""What is no longer hidden when the same stands in the open beside it. The open one is found."""

ANY_TEXT = st.text(st.characters(exclude_categories=()))
PIECES = st.lists(st.one_of(ANY_TEXT, st.sampled_from(EVERY_SEED), st.sampled_from(" \n-./@:<>{}0A")), max_size=8).map(
    "".join
)


def kinds(check: str, text: str) -> set[str]:
    signal = asyncio.run(CHECKS[check].inspect(content(text), {}))
    assert signal.finding is not Finding.UNKNOWN
    return set(signal.kinds)


@pytest.mark.parametrize("check", SEEDS)
@settings(max_examples=100, deadline=None)
@given(data=st.data(), more=PIECES)
def test_writing_more_never_makes_a_finding_go_away(check: str, data: st.DataObject, more: str) -> None:
    text = data.draw(st.sampled_from(SEEDS[check]))
    found, later = kinds(check, text), kinds(check, f"{text}\n{more}")
    assert found - IN_THE_OPEN_NOW <= later
    assert later


@pytest.mark.parametrize("check", [*SEEDS, "style"])
@settings(max_examples=100, deadline=None)
@given(text=PIECES)
def test_no_text_breaks_a_check(check: str, text: str) -> None:
    assert kinds(check, text) == kinds(check, text)
