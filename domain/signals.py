"""Signals: what content checks say about an action before it is judged.

A check may only raise risk. One that failed or ran out of time says `unknown`, which raises the tier by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.action import Context, Frozen
from domain.catalog.action_types import ActionType
from domain.catalog.use_cases import UseCase

_LONG_NUMBER = 10**8


class Finding(StrEnum):
    """What a check says."""

    CLEAR = "clear"
    FOUND = "found"
    UNKNOWN = "unknown"


class Signal(Frozen):
    """The answer of one check: what kinds of thing it found and in which fields. Never the values themselves."""

    check: str
    version: str
    finding: Finding
    kinds: list[str] = []
    fields: list[str] = []
    because: str = ""


@dataclass(frozen=True)
class Content:
    """What a check looks at. `texts` are the texts of the arguments, each with the path where it stands.

    Long whole numbers are among them, and names that the schema does not declare, which are the agent's words too.
    Such a name is `*` in a path: paths are shown and recorded, and must hold nothing that the agent wrote.
    """

    arguments: Mapping[str, Any]
    texts: list[tuple[str, str]]
    context: Context
    action_type: ActionType
    use_case: UseCase


def content_of(arguments: Mapping[str, Any], context: Context, action_type: ActionType, use_case: UseCase) -> Content:
    """Lay an action out for the checks."""
    texts = list(_texts(arguments, action_type.arguments, ""))
    return Content(arguments, texts, context, action_type, use_case)


def signal_variable(signal: Signal) -> dict[str, Any]:
    """Return a signal as conditions see it: `found`, `unknown`, `kinds`, `fields`. Unknown counts as found."""
    return {
        "found": signal.finding is not Finding.CLEAR,
        "unknown": signal.finding is Finding.UNKNOWN,
        "kinds": signal.kinds,
        "fields": signal.fields,
    }


def _texts(value: Any, schema: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        declared = _part(schema, "properties")
        for name, inner in value.items():
            place = f"{path}.{name if name in declared else '*'}".lstrip(".")
            if name not in declared:
                yield place, str(name)
            yield from _texts(inner, declared.get(name), place)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, _part(schema, "items"), f"{path}[]")
    elif isinstance(value, int) and abs(value) >= _LONG_NUMBER:
        yield path, str(value)


def _part(schema: Any, keyword: str) -> Mapping[str, Any]:
    part = schema.get(keyword) if isinstance(schema, Mapping) else None
    return part if isinstance(part, Mapping) else {}
