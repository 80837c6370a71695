"""References: which parts of the variables some conditions ask for, so that only those need be made.

Turning values into the evaluator's own costs more than evaluating, and some values, such as where a long text comes
from, take long to find out. What is left out is never more than what no condition names.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from domain.expression import without_texts

Asked = Mapping[str, "Asked | None"]
"""For each name the parts that are asked for, and None for all of it."""

# A name with the members asked of it. A call, an index or anything else ends the path: the whole of it is meant then.
_PATH = re.compile(r"(?<![\w.])[A-Za-z_]\w*+(?:\s*+\.\s*+[A-Za-z_]\w*+(?!\s*+\())*+")


def asked_by(conditions: Iterable[str]) -> Asked:
    """Return what some conditions ask for, by the names of variables, their members, and the members of those."""
    found: dict[str, Any] = {}
    for condition in conditions:
        for path in _PATH.findall(without_texts(condition)):
            _add(found, [part.strip() for part in path.split(".")])
    return found


def asked_part(value: Any, asked: Asked | None) -> Any:
    """Return the part of a value that is asked for. What is asked for and not there stays away."""
    if asked is None or not isinstance(value, Mapping):
        return value
    return {name: asked_part(value[name], parts) for name, parts in asked.items() if name in value}


def _add(found: dict[str, Any], path: list[str]) -> None:
    for name in path[:-1]:
        inner = found.setdefault(name, {})
        if inner is None:
            return
        found = inner
    found[path[-1]] = None
