"""Problems of a bundle: where in the document, what is wrong, and what to write instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Place = tuple[str | int, ...]
"""Keys and list indices from the top of the bundle: `("risk", "rules", 3, "when")`."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a bundle.

    `offset` is the character inside a text value where it starts. With `at_name` it is about the name that stands
    before the value: a field nobody knows, a key that leads nowhere.
    """

    place: Place
    message: str
    offset: int = 0
    at_name: bool = False

    def __str__(self) -> str:
        return f"{place_name(self.place)}: {self.message}"


def place_name(place: Place) -> str:
    """Return a place as people write it: `risk.rules[3].when`."""
    name = ""
    for part in place:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name or "bundle"


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """Return a hint that ends a message: the nearest known name, or all of them when they are few."""
    names = sorted(set(known))
    if near := get_close_matches(wrong, names, n=1):
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names) or 'none'}" if len(names) <= 16 else ""
