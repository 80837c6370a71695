"""Sources: what an agent read before it asked, laid out so that values can be looked for in it.

A source that the use case trusts vouches for its entries: each value of its records as a whole, or all of an answer
that is no JSON. What stands inside a longer entry is not vouched for, so that a sentence in a channel's name is only a
sentence. Every source, trusted or not, is also a text that mentions things.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from domain.action import Source
from domain.amounts import Entry, amounts_of
from domain.catalog.use_cases import DataSource
from domain.injection import instruction_markers
from domain.instructions import is_instruction
from domain.mentions import Known, Reading, Sought

# Also where somebody wrote on without a space, as those do who hide a sentence behind another one.
_SENTENCE_END = re.compile(r"[\r\n]+|(?<=[.!?])(?:\s+|(?=[A-Z][a-z]|[#<>\[({*|~=]))")


class Passage:
    """One piece of running text of a source: a message, a page, a field of a record."""

    def __init__(self, text: str) -> None:
        self._reading = Reading(text)

    def instructs(self, sought: Sought) -> bool:
        """Say whether the value stands in a sentence that tells its reader to do something, or in a passage with
        marks of prompt injection."""
        if not sought.mentioned_in(self._reading):
            return False
        instructing, ordinary = self._sentences
        if sought.mentioned_in(instructing) or self._has_markers:
            return True
        # A value with a full stop of its own may stand in no single sentence: it is taken to be part of each.
        return bool(instructing.text) and not sought.mentioned_in(ordinary)

    @cached_property
    def _sentences(self) -> tuple[Reading, Reading]:
        """Its sentences that tell their reader to do something, and the others. What ends in a colon goes on."""
        instructing: list[str] = []
        ordinary: list[str] = []
        carried = False
        for sentence in filter(str.strip, _SENTENCE_END.split(self._reading.text)):
            instructs = carried or is_instruction(sentence)
            carried = instructs and sentence.rstrip().endswith(":")
            (instructing if instructs else ordinary).append(sentence)
        return Reading(*instructing), Reading(*ordinary)

    @cached_property
    def _has_markers(self) -> bool:
        try:
            return bool(instruction_markers(self._reading.text))
        except MemoryError:  # what could not be searched is not vouched for
            return True


class ReadSource:
    """One source. `declared` is what the use case says about it, None for a source it does not name."""

    def __init__(self, source: Source, declared: DataSource | None) -> None:
        self.locator = source.locator
        self._content = source.content
        self._declared = declared

    @property
    def is_public(self) -> bool:
        """Whether anybody can write there, as far as the use case says."""
        return self._declared is None or self._declared.classification == "public"

    @cached_property
    def _values(self) -> list[Entry] | None:
        """Every value of its records with the name of its field, None where the content is not JSON."""
        try:
            return list(_walk(json.loads(self._content), ""))
        except (ValueError, RecursionError):
            return None

    @cached_property
    def known(self) -> Known:
        """What it vouches for: nothing unless the use case trusts it."""
        declared = self._declared
        if declared is None or (declared.trust != "trusted" and not declared.trusted_fields):
            return Known([])
        fields = declared.trusted_fields
        if self._values is not None:
            return Known(entry for entry in self._values if not fields or entry[0] in fields)
        return Known([] if fields else [("", self._content)])

    @cached_property
    def passages(self) -> list[Passage]:
        """Its texts one by one: the texts of its records, or all of what is not JSON."""
        if self._values is None:
            return [Passage(self._content)]
        return [Passage(value) for _, value in self._values if isinstance(value, str)]

    @cached_property
    def reading(self) -> Reading:
        """All of it as one text."""
        if self._values is None:
            return Reading(self._content)
        numbers = amounts_of(entry for entry in self._values if not isinstance(entry[1], str))
        return Reading(*(str(value) for _, value in self._values), numbers=list(numbers))

    def instructs(self, sought: Sought) -> bool:
        """Say whether it mentions the value in an instruction to its reader."""
        return any(passage.instructs(sought) for passage in self.passages)


def _walk(value: Any, field: str) -> Iterator[Entry]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, field)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield field, value
