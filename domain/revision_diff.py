"""What an edit changed: two revisions of an action's arguments, field by field.

>>> for change in diff({"to": "ann", "lines": [{"n": 1}, {"n": 2}]}, {"to": "ann", "lines": [{"n": 1}, {"n": 3}]}):
...     print(change.path, change.before, change.after)
lines[1].n 2 3
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from domain.canonical import canonical_bytes

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Difference(NamedTuple):
    """One field that differs. `before` and `after` are its values as canonical JSON; None where it is not there."""

    path: str
    before: str | None
    after: str | None


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the fields in which two argument objects differ, in the order of the later one, then what was removed.

    Lists of one length are compared item by item, others as a whole. Nothing differs exactly when both are one
    revision.
    """
    return list(_of_objects(before, after, ""))


def _of_objects(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Difference]:
    for name, value in after.items():
        inner = _joined(path, name)
        if name in before:
            yield from _of_values(before[name], value, inner)
        else:
            yield Difference(inner, None, _written(value))
    for name, value in before.items():
        if name not in after:
            yield Difference(_joined(path, name), _written(value), None)


def _of_values(before: Any, after: Any, path: str) -> Iterator[Difference]:
    was, now = _written(before), _written(after)
    if was == now:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _of_values(old, new, f"{path}[{number}]")
    else:
        yield Difference(path, was, now)


def _joined(path: str, name: str) -> str:
    """Return the path of a field: `lines[0].note`; a name that could be taken for a path stands quoted."""
    if not _PLAIN.fullmatch(name):
        return f"{path}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{path}.{name}" if path else name


def _written(value: Any) -> str:
    return canonical_bytes(value).decode()
