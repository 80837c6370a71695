"""Text as people must see it: characters that hide, reorder or imitate are drawn as visible markers.

Agents choose the words on these pages. A right-to-left override, a zero-width space or a tag character can make
a reviewer read something else than what will run, so each becomes a marker such as `U+202E`. The templates send
every value through `visible` (it is Jinja's `finalize`), so that no template can forget it.
"""

import re
import unicodedata
from typing import Any

from markupsafe import Markup, escape

_SHOWN_OF_A_RUN = 8
# Neither control nor format characters, and still drawn as nothing or as a blank by common fonts.
_BLANKS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
_HIDING_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PLAIN = re.compile(r"[\x20-\x7e\n\t]*")


def visible(value: Any) -> Markup:
    """Return a value as safe HTML in which every character can be seen. Markup is ours already and stays."""
    if isinstance(value, Markup):
        return value
    text = str(value).replace("\r\n", "\n")
    if _PLAIN.fullmatch(text):
        return escape(text)
    parts: list[str] = []
    run: list[str] = []
    for character in text:
        if hides(character):
            run.append(character)
            continue
        if run:
            parts.append(_markers(run))
            run = []
        parts.append(escape(character))
    if run:
        parts.append(_markers(run))
    return Markup("".join(parts))  # noqa: S704  every part is escaped above or a marker of ours


def unchanged(text: str) -> Markup:
    """Return a person's own words for a form field that gives them back, where a marker would become content."""
    return escape(text)


def hides(character: str) -> bool:
    """Whether a character is not drawn, or changes how its neighbours are drawn. Line breaks and tabs are fine."""
    if character in "\n\t":
        return False
    return character in _BLANKS or unicodedata.category(character) in _HIDING_CATEGORIES


def _markers(run: list[str]) -> str:
    """Draw a run of hidden characters; a long one is counted, because thousands would bury the text around them."""
    marks = [f'<b class="hidden">U+{ord(character):04X}</b>' for character in run[:_SHOWN_OF_A_RUN]]
    if len(run) > _SHOWN_OF_A_RUN:
        marks.append(f'<b class="hidden">and {len(run) - _SHOWN_OF_A_RUN} more hidden characters</b>')
    return "".join(marks)
