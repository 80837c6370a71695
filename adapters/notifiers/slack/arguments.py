"""An action's arguments as Slack blocks, drawn from the very bytes that will run.

Short values stand side by side as JSON. Long text and nested values stand on their own, as quotes, so that no
line of theirs can pass for a line of the card. A value is shown whole or not at all; what is not shown is named
with its size.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.notifiers.slack.text import (
    Block,
    code,
    hides_something,
    lines_within,
    literal,
    mrkdwn,
    pretty,
    quoted,
    quoted_code,
    section,
    units,
)

MAX_UNITS = 6000
"""What the arguments may take of a card, in Slack's units: Slack bounds a message as a whole, too."""

_MAX_BLOCKS = 24
_HIDDEN = 800
_SHORT = 150
_MAX_KEY = 120
_MAX_FLAGGED = 5
_FIELDS_PER_SECTION = 10
_MAX_FIELDS = 20
_PLAIN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(_[A-Za-z0-9.-]+)*")


class ShownArguments(NamedTuple):
    """The blocks, and whether they show every argument."""

    blocks: list[Block]
    complete: bool


def argument_blocks(arguments: bytes, link: str, room: int = MAX_UNITS) -> ShownArguments:
    """Show the arguments of one revision, in `room` units. `link` leads to the whole of them."""
    values: dict[str, Any] = json.loads(arguments)
    if not values:
        return ShownArguments([section("*Arguments:* none")], complete=True)
    short = {key: value for key, value in values.items() if _is_short(key, value)}
    if len(short) > _MAX_FIELDS or sum(units(_field(key, value)) for key, value in short.items()) > room:
        fields: list[str] = []
        texts: list[tuple[str | None, Any]] = [(None, values)]
    else:
        fields = [_field(key, value) for key, value in short.items()]
        texts = [(key, value) for key, value in values.items() if key not in short]
    blocks = [
        _field_section(fields[at : at + _FIELDS_PER_SECTION]) for at in range(0, len(fields), _FIELDS_PER_SECTION)
    ]
    shown, hidden = _texts(texts, room - sum(units(field) for field in fields))
    blocks += shown
    title = f"*Arguments*, {len(arguments):,} bytes"
    if hidden:
        warning = f":warning: *Not everything fits here.* <{link}|Read all arguments on the review page>.\nNot shown:"
        blocks.append(section(lines_within([warning, *hidden], _HIDDEN, link)))
        title += f" (*{len(hidden)} not shown here*)"
    return ShownArguments([section(title), *_flagged(values), *blocks], complete=not hidden)


def _flagged(values: dict[str, Any]) -> list[Block]:
    """Point at the arguments that hold characters which cannot be seen; on the card they are written out."""
    names = [_short_label(key) for key, value in values.items() if _hides_something(key) or _hides_something(value)]
    if not names:
        return []
    shown = ", ".join(names[:_MAX_FLAGGED]) + (f" and {len(names) - _MAX_FLAGGED:,} more" * (len(names) > _MAX_FLAGGED))
    return [section(rf":warning: *Characters that cannot be seen or that reorder text*, as `\uXXXX`, in {shown}.")]


def _hides_something(value: Any) -> bool:
    """Whether a value holds such characters anywhere. Recursion is as deep as arguments may be."""
    if isinstance(value, dict):
        return any(_hides_something(key) or _hides_something(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(map(_hides_something, value))
    return isinstance(value, str) and hides_something(value)


def _texts(values: Sequence[tuple[str | None, Any]], room: int) -> tuple[list[Block], list[str]]:
    """Show the values that fit, whole and under their whole name; name the others."""
    blocks: list[Block] = []
    hidden: list[str] = []
    for key, value in values:
        name, is_text = _label(key), isinstance(value, str)
        text = literal(value) if is_text else pretty(value)
        kind = f"text of {len(value):,} characters" if is_text else f"JSON of {len(text):,} characters"
        # Escaping only lengthens, so what is too long before it need not be escaped to know.
        fits = len(text) <= room and units(key or "") <= _MAX_KEY
        parts = list(quoted(text) if is_text else quoted_code(text)) if fits else []
        cost = units(name) + sum(units(part) for part in parts)
        if not fits or cost > room or len(blocks) + len(parts) >= _MAX_BLOCKS:
            hidden.append(f"• {name}: {kind}")
            continue
        room -= cost
        blocks += [section(f"{name} ({kind})"), *(section(part) for part in parts)]
    return blocks, hidden


def _is_short(key: str, value: Any) -> bool:
    if isinstance(value, dict | list) and value:
        return False
    if isinstance(value, str) and "\n" in value:
        return False
    return units(key) <= _MAX_KEY and units(code(value)) <= _SHORT


def _field(key: str, value: Any) -> str:
    return f"{_label(key)}\n{code(value)}"


def _field_section(fields: list[str]) -> Block:
    return {"type": "section", "fields": [mrkdwn(field) for field in fields]}


def _short_label(key: str) -> str:
    label = _label(key)
    return label if units(label) <= _SHORT else f"an argument with a name of {len(key):,} characters"


def _label(key: str | None) -> str:
    if key is None:
        return "*All of them*"
    if units(key) > _MAX_KEY:
        return f"an argument with a name of {len(key):,} characters"
    return f"*{key}*" if _PLAIN_KEY.fullmatch(key) else code(key)
