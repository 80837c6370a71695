"""Patterns that are looked for in texts nobody trusts.

The engine is RE2: its time is linear in the text, whatever the pattern and however hostile the text. All patterns of a
table are one automaton, so that fifty of them cost hardly more than one.

A pattern is about the bytes of the text unless `unicode` is given; bytes are far cheaper to repeat and count. A
character beyond ASCII is then two to four bytes from 0x80 up.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import re2


class PatternTable:
    """Named patterns. A name may have several patterns; one of them found is the name found. `names` are all names."""

    def __init__(
        self, patterns: Iterable[tuple[str, str]], *, unicode: bool = False, ignore_case: bool = False
    ) -> None:
        """Compile `(name, pattern)` pairs. Raises re2.error for a pattern that RE2 does not know."""
        self._names: list[str] = []
        self._set = re2.Set.SearchSet(_options(unicode, ignore_case))
        for name, pattern in patterns:
            self._set.Add(pattern.encode())
            self._names.append(name)
        self._set.Add(b"")  # always found, so that an engine that gave up is told from one that found nothing
        self._set.Compile()
        self.names = frozenset(self._names)

    def found_in(self, text: str | bytes) -> set[str]:
        """Return the names that stand in the text. Raises MemoryError if the engine could not search it."""
        found = self._set.Match(_encoded(text)) or []
        if len(self._names) not in found:
            raise MemoryError("the text could not be searched")
        if len(found) == 1:
            return set()
        return {self._names[number] for number in found if number < len(self._names)}


class Pattern:
    """One pattern, for where it stands."""

    def __init__(self, pattern: str, *, unicode: bool = False, ignore_case: bool = False) -> None:
        """Compile it. Raises re2.error for a pattern that RE2 does not know."""
        self._compiled: Any = re2.compile(pattern.encode(), _options(unicode, ignore_case))

    def is_in(self, text: str | bytes) -> bool:
        """Whether it stands somewhere in the text."""
        return self._compiled.search(_encoded(text)) is not None

    def is_all_of(self, text: str | bytes) -> bool:
        """Whether it is the whole text."""
        return self._compiled.fullmatch(_encoded(text)) is not None

    def first(self, text: bytes, start: int = 0) -> tuple[int, int] | None:
        """Return from where to where it stands first, from `start` on."""
        match = self._compiled.search(text, start)
        return None if match is None else match.span()

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Yield from where to where it stands, each time after the time before."""
        for match in self._compiled.finditer(text):
            yield match.span()


def _options(unicode: bool, ignore_case: bool) -> Any:
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    if not unicode:
        options.encoding = re2.Options.Encoding.LATIN1
    return options


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")
