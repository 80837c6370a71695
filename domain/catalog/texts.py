"""Texts that no bundle may hold: what neither the database nor UTF-8 has a place for."""

import re
from collections.abc import Iterator
from typing import Any

from domain.catalog.problems import Place, Problem

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def fault_of(text: str) -> str | None:
    """Return what keeps a text from being stored, and what to do; None for a sound one."""
    found = _UNSTORABLE.search(text)
    if found is None:
        return None
    if found[0] == "\x00":
        return r"the text has a NUL character (an escape such as \0 or \u0000), which cannot be stored: take it out"
    return (
        r"the text has half of a character (an escape from \ud800 to \udfff): write the whole character, or take it out"
    )


def unstorable(document: Any) -> list[Problem]:
    """Return a problem for each text of a document of plain JSON values, and each name in it, that cannot be stored.

    A wrong name is written with escapes in the place. The document must be shallow: it is walked by recursion.
    """
    return list(_found(document, ()))


def _found(value: Any, place: Place) -> Iterator[Problem]:
    if isinstance(value, str):
        if fault := fault_of(value):
            yield Problem(place, fault)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _found(item, (*place, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            inner = (*place, _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", name))
            if fault := fault_of(name):
                yield Problem(inner, fault, at_name=True)
            yield from _found(item, inner)
