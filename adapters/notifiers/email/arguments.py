"""An action's arguments in a mail, drawn from the very bytes that will run.

A value is shown whole or not at all; what is not shown is named with its size. Text of several lines stands as a
quote, so that no line of it can pass for a line of the mail.
"""

import json
import re
from typing import Any

from adapters.notifiers.email.parts import Paragraph, Part, Quote, Table
from adapters.notifiers.email.words import HIDDEN, json_line
from adapters.notifiers.slack.text import hides_something, literal, pretty

ROOM = 20_000
"""Characters that the arguments may take of a mail."""

_MOST_VALUES = 60
_MOST_FLAGGED = 5
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
            quotes.append(Quote(f"Argument {label} ({_size(value, text)})", text))
    table = Table(title, rows) if values else Paragraph(f"{title}: none")
    return [table, *_flagged(values), *quotes, *_not_shown(hidden)]


def _flagged(values: dict[str, Any]) -> list[Part]:
    """Point at the arguments that hold characters which cannot be seen; in the mail they are written out."""
    names = [_label(name) for name, value in values.items() if _hides(name) or _hides(value)]
    if not names:
        return []
    shown = ", ".join(names[:_MOST_FLAGGED]) + f" and {len(names) - _MOST_FLAGGED:,} more" * (
        len(names) > _MOST_FLAGGED
    )
    return [Paragraph(f"Look twice at {shown}: {HIDDEN}.", strong=True)]


def _hides(value: Any) -> bool:
    """Whether a value hides characters anywhere. Recursion is as deep as arguments may be."""
    if isinstance(value, dict):
        return any(_hides(name) or _hides(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(_hides, value))
    return isinstance(value, str) and hides_something(value)


def _not_shown(hidden: list[str]) -> list[Part]:
    if not hidden:
        return []
    kept = hidden[:_MOST_VALUES]
    kept += [f"and {len(hidden) - len(kept):,} more"] * (len(hidden) > len(kept))
    warning = "Not everything fits here. Read all arguments on the review page before you decide."
    return [Paragraph(warning, strong=True), Quote("Arguments that are not shown", "\n".join(kept))]


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
