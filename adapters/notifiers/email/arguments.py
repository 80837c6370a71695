"""An action's arguments in a mail, drawn from the very bytes that will run.

A value is shown whole or not at all; what is not shown is named with its size. Text of several lines stands as a
quote, so that no line of it can pass for a line of the mail.
"""

import json
import re
from typing import Any

from adapters.notifiers.email.parts import Paragraph, Part, Quote, Table
from adapters.notifiers.email.words import json_line, noted
from adapters.notifiers.slack.text import literal, pretty

ROOM = 20_000
"""Characters that the arguments may take of a mail."""

_MOST_VALUES = 60
_LONGEST_NAME = 120
_SHORT = 300
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def argument_parts(arguments: bytes) -> list[Part]:
    """Show the arguments of one revision."""
    values: dict[str, Any] = json.loads(arguments)
    title = f"Arguments ({len(arguments):,} bytes)"
    rows: list[tuple[str, str]] = []
    quotes: list[Part] = []
    hidden: list[str] = []
    room = ROOM
    for name, value in values.items():
        label, text = _label(name), _written(value)
        room_after = room - len(label) - len(text)
        if room_after < 0 or len(rows) + len(quotes) >= _MOST_VALUES:
            hidden.append(f"{label}: {_size(value, text)}")
            continue
        room = room_after
        if _is_short(value, text):
            rows.append((label, text))
        else:
            quotes.append(Quote(noted(f"Argument {label} ({_size(value, text)})", text_of(value)), text))
    shown: list[Part] = [Table(title, rows or [("none", "")] if not values else rows)] if rows or not values else []
    return [*shown, *quotes, *_not_shown(hidden)]


def text_of(value: Any) -> str:
    """Return a text itself, and nothing for any other value: JSON is written with its escapes already."""
    return value if isinstance(value, str) else ""


def _not_shown(hidden: list[str]) -> list[Part]:
    if not hidden:
        return []
    kept = hidden[:_MOST_VALUES]
    kept += [f"and {len(hidden) - len(kept):,} more"] * (len(hidden) > len(kept))
    return [Paragraph("Not everything fits here. Read all arguments on the review page. Not shown:", True)] + [
        Quote("Arguments that are not shown", "\n".join(kept))
    ]


def _written(value: Any) -> str:
    """Return a value as it is shown: text of several lines as it is, JSON that is long on several lines."""
    if isinstance(value, str) and ("\n" in value or len(value) > _SHORT):
        return literal(value)
    line = json_line(value)
    return line if len(line) <= _SHORT else pretty(value)


def _is_short(value: Any, text: str) -> bool:
    return "\n" not in text and len(text) <= _SHORT and not (isinstance(value, str) and "\n" in value)


def _size(value: Any, text: str) -> str:
    return f"text of {len(value):,} characters" if isinstance(value, str) else f"JSON of {len(text):,} characters"


def _label(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        return f"an argument with a name of {len(name):,} characters"
    return name if _PLAIN_NAME.fullmatch(name) else json_line(name)
