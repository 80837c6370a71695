"""Words and numbers of an action as mails write them: plain text in which nothing hides and no line begins unasked."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from adapters.notifiers.slack.text import hides_something, one_line, revealed
from domain.canonical import canonical_bytes
from domain.catalog import Person
from domain.policy import Policy

HIDDEN = r"characters that cannot be seen or that reorder text stand there, written as \uXXXX"


def json_line(value: Any) -> str:
    """Return a JSON value on one line, with everything unseen written as a JSON escape."""
    return revealed(canonical_bytes(value).decode())


def fitted(text: str, limit: int, what: str) -> str:
    """Return somebody's words on one line, or their size where they are longer than `limit`."""
    shown = one_line(text)
    return shown if len(shown) <= limit else f"({what} of {len(text):,} characters: read it on the review page)"


def noted(title: str, text: str) -> str:
    """Return the title of a quote, with a warning where its text hides something."""
    return f"{title}; {HIDDEN}" if hides_something(text) else title


def name_of(person: str, policy: Policy) -> str:
    """Return a person's name; their id when the catalog no longer has them."""
    found = policy.people.get(person)
    return one_line(found.name) if found else person


def local_time(at: datetime, reader: Person) -> str:
    """Return a moment in the reader's own time zone, which it names."""
    zone = reader.calendar.time_zone
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} ({zone})"
