"""Text that others wrote, made fit for Slack: it shows what it is, and does nothing.

Slack reads three characters as control characters, so `escaped` replaces them. What cannot be seen, or makes
other text look different from what it is (control characters, bidirectional overrides, zero-width characters),
is shown as `\\uXXXX`. Worked examples:

>>> escaped("<!channel> & <@U1|bob>")
'&lt;!channel&gt; &amp; &lt;@U1|bob&gt;'
>>> one_line("two\\nlines")
'two\\\\nlines'
>>> code({"to": "a`b"})
'`{"to":"a\\\\u0060b"}`'
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from domain.canonical import canonical_bytes

Block = dict[str, Any]

SECTION = 3000
HEADER = 150
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks that take no ink: Hangul fillers, the grapheme joiner, variation selectors. U+FE0F stays,
# because it only asks for the coloured form of an emoji.
_INKLESS = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0xFE00, 0xFE0F)})
_SELECTORS = range(0xE0100, 0xE01F0)


def escaped(text: str) -> str:
    """Return `text` with Slack's control characters as entities: no mention, link or date can come of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def units(text: str) -> int:
    """Return the length of `text` as Slack counts it: in UTF-16 code units."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def units_of(blocks: Iterable[Block]) -> int:
    """Return the length of all that blocks say, as Slack counts it."""
    return sum(units(text) for block in blocks for text in _said(block))


def revealed(text: str) -> str:
    """Return `text` with everything unseen but the line feed written as a JSON escape."""
    return "".join(_escape(character) if _is_unseen(character) else character for character in text)


def hides_something(text: str) -> bool:
    """Whether characters stand in `text` that cannot be seen, or change how the rest of it looks."""
    return any(_is_unseen(character) for character in text)


def literal(text: str) -> str:
    """Return `text` so that different texts look different; line feeds stay."""
    return revealed(text.replace("\\", "\\\\"))


def one_line(text: str) -> str:
    """Return `text` as `literal` does, on one line."""
    return literal(text).replace("\n", "\\n")


def prose(text: str) -> str:
    """Return one line of somebody's words for a mrkdwn place."""
    return escaped(one_line(text))


def code(value: Any) -> str:
    """Return a JSON value as inline code that its content cannot end."""
    shown = revealed(canonical_bytes(value).decode()).replace("`", "\\u0060")
    return f"`{escaped(shown)}`"


def pretty(value: Any) -> str:
    """Return a JSON value on several lines, with everything unseen escaped: still the same JSON value."""
    return revealed(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True))


def quoted(text: str, limit: int = SECTION) -> Iterator[str]:
    """Yield `text` as a quote, line for line, in parts of at most `limit` units.

    A line may be emphasised in it, as in any quote, but no code fence can join lines and so leave it.
    """
    return _framed(text.replace("```", "\\u0060" * 3), "> ", "", limit)


def quoted_code(text: str, limit: int = SECTION) -> Iterator[str]:
    """Yield `text`, which is JSON, as a quote in which every line is code: nothing is formatted."""
    return _framed(text.replace("`", "\\u0060"), "> `", "`", limit)


def _framed(text: str, left: str, right: str, limit: int) -> Iterator[str]:
    """Yield `text`, escaped, with every line between `left` and `right`."""
    part, size = left, units(left + right)
    for character in text:
        shown = f"{right}\n{left}" if character == "\n" else escaped(character)
        if size + units(shown) > limit:
            yield part + right
            part, size = left, units(left + right)
            if character == "\n":
                continue
        part += shown
        size += units(shown)
    yield part + right


def lines_within(lines: Iterable[str], limit: int, link: str) -> str:
    """Join as many whole lines as fit; say how many do not, and where they are."""
    kept: list[str] = []
    waiting = list(lines)
    room = limit - units(_and_more(len(waiting), link)) - 1
    while waiting and units("\n".join([*kept, waiting[0]])) <= room:
        kept.append(waiting.pop(0))
    return "\n".join([*kept, _and_more(len(waiting), link)] if waiting else kept)


def fitted(text: str, limit: int, what: str, link: str) -> str:
    """Return somebody's words on one line for a mrkdwn place, or their size and where to read them."""
    shown = prose(text)
    if units(shown) <= limit:
        return shown
    return f"_{what} of {len(text):,} characters, too long for this card:_ <{link}|read it>"


def deadline(at: datetime) -> str:
    """Return a time to come in the reader's own zone; where that cannot be shown, in UTC."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{moment(at)}>"


def moment(at: datetime) -> str:
    """Return a time that has passed, as the ledger has it: in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def section(text: str) -> Block:
    """Return a section of mrkdwn in which Slack looks for no links and names of its own accord."""
    return {"type": "section", "text": mrkdwn(text)}


def mrkdwn(text: str) -> Block:
    """Return a mrkdwn text object. What goes in must be escaped."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str) -> Block:
    """Return a plain text object, in which `:names:` do not turn into pictures either."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _and_more(count: int, link: str) -> str:
    return f"... and {count} more that did not fit: <{link}|see all>"


def _is_unseen(character: str) -> bool:
    if character == "\n":
        return False
    number = ord(character)
    return unicodedata.category(character) in _UNSEEN or number in _INKLESS or number in _SELECTORS


def _escape(character: str) -> str:
    if ord(character) <= 0xFFFF:
        return f"\\u{ord(character):04x}"
    high, low = divmod(ord(character) - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _said(part: Any) -> Iterator[str]:
    """Yield every text in a block. Blocks are our own, and shallow."""
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"]
        for inner in part.values():
            yield from _said(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _said(inner)
