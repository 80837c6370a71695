"""Marks of instructions that speak to a model instead of a reader: what an injected prompt looks like.

They are phrases, not proof. Whoever knows them can write around them, so that a text without marks is not a safe text;
provenance, not this, keeps out a payee whom nobody named.
"""

from collections.abc import Iterator
from typing import Literal, get_args

from domain.characters import plain, tagged
from domain.injection_phrases import PHRASES
from domain.patterns import Pattern, PatternTable

Marker = Literal[
    "override",
    "role_play",
    "addressed_to_assistant",
    "exfiltration",
    "secrecy",
    "authority",
    "urgency",
    "hidden_instruction",
]
MARKERS: tuple[Marker, ...] = get_args(Marker)
"""Every kind of mark."""

HIDDEN: Marker = "hidden_instruction"

_TABLE = PatternTable((kind, phrase) for kind, phrases in PHRASES.items() for phrase in phrases)
_HIDING = Pattern(
    r"display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|[\s\"';]color\s{0,3}:\s{0,3}(?:white|#fff|transparent)"
    r"|(?:font-size|opacity)\s{0,3}:\s{0,3}0(?:\.0)?(?:px|pt|em|rem|%)?\s{0,3}[;\"'}]"
)
_HIDDEN_REACH = 2000
_LEAST_TAGGED = 4


def instruction_markers(text: str) -> list[str]:
    """Return the kinds of marks in the text, sorted. Time is linear in the text.

    `hidden_instruction` is a mark where people do not see it: in tag characters, broken up by characters without
    width, in a comment of HTML or in an element that is not shown.
    """
    shown = plain(text)
    kinds = _TABLE.found_in(shown)
    if _spelled_invisibly(text, kinds) or (kinds and _TABLE.found_in("\n".join(_unseen(shown)))):
        kinds.add(HIDDEN)
    return sorted(kinds)


def _spelled_invisibly(text: str, kinds: set[str]) -> bool:
    """Whether tag characters spell a text, or a mark only appears once the invisible characters in it are gone."""
    if text.isascii():
        return False
    if sum(each.isalpha() for each in tagged(text)) >= _LEAST_TAGGED:
        return True
    return bool(kinds) and kinds != _TABLE.found_in(plain(text, invisible="\x00"))


def _unseen(markup: str) -> Iterator[str]:
    """Yield the comments of HTML, and what follows a style that hides it. What is not closed goes on to the end."""
    end = 0
    while (start := markup.find("<!--", end)) >= 0:
        end = markup.find("-->", start)
        end = len(markup) if end < 0 else end
        yield markup[start:end]
    encoded, reached = markup.encode("utf-8", "replace"), 0
    while span := _HIDING.first(encoded, reached):
        reached = span[1] + _HIDDEN_REACH
        yield encoded[span[1] : reached].decode("utf-8", "replace").partition("</")[0]
