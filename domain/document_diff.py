"""Where two JSON documents differ: place by place, with lists of named entries compared by name.

Two documents without a change between them have the same canonical bytes, and the other way round.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from domain.canonical import canonical_bytes

_NAMES = ("id", "check", "tier", "group")
"""The fields that name an entry of a list, where every entry has another one."""


class Kind(StrEnum):
    """What happened at a place."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "reordered"


@dataclass(frozen=True)
class Change:
    """One difference. `entry` says whether it is about an entry of a list; `place` ends with its name or number."""

    kind: Kind
    place: tuple[str, ...]
    old: Any = None
    new: Any = None
    entry: bool = False


def changes(old: Any, new: Any, place: tuple[str, ...] = ()) -> Iterator[Change]:
    """Yield every difference between two documents. Recursion is as deep as the documents are."""
    if canonical_bytes(old) == canonical_bytes(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _of_records(old, new, place)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_lists(old, new, place)
    else:
        yield Change(Kind.CHANGED, place, old, new)


def _of_records(old: dict[str, Any], new: dict[str, Any], place: tuple[str, ...]) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield Change(Kind.REMOVED, (*place, name), old=old[name])
        elif name not in old:
            yield Change(Kind.ADDED, (*place, name), new=new[name])
        else:
            yield from changes(old[name], new[name], (*place, name))


def _of_lists(old: list[Any], new: list[Any], place: tuple[str, ...]) -> Iterator[Change]:
    if (field := _naming(old, new)) is not None:
        yield from _of_named(old, new, field, place)
        return
    before, after = ([canonical_bytes(item) for item in items] for items in (old, new))
    if Counter(before) == Counter(after):
        yield Change(Kind.REORDERED, place, old, new)
    elif any(isinstance(item, dict | list) for item in (*old, *new)):
        yield from _of_rows(old, new, before, after, place)
    else:
        yield from _of_values(old, new, before, after, place)


def _naming(old: list[Any], new: list[Any]) -> str | None:
    """Return the field by which entries of both lists can be told apart."""
    for field in _NAMES:
        if all(_is_named(items, field) for items in (old, new)):
            return field
    return None


def _is_named(items: list[Any], field: str) -> bool:
    names = [item.get(field) if isinstance(item, dict) else None for item in items]
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _of_named(old: list[Any], new: list[Any], field: str, place: tuple[str, ...]) -> Iterator[Change]:
    before, after = ({item[field]: item for item in items} for items in (old, new))
    for name, item in before.items():
        if name not in after:
            yield Change(Kind.REMOVED, (*place, name), old=item, entry=True)
        else:
            yield from changes(item, after[name], (*place, name))
    for name, item in after.items():
        if name not in before:
            yield Change(Kind.ADDED, (*place, name), new=item, entry=True)
    stayed, stays = [name for name in before if name in after], [name for name in after if name in before]
    if stayed != stays:
        yield Change(Kind.REORDERED, place, list(before), list(after))


def _of_rows(
    old: list[Any], new: list[Any], before: Sequence[bytes], after: Sequence[bytes], place: tuple[str, ...]
) -> Iterator[Change]:
    """Compare lists whose entries have only their place: those in between equal ones are compared in turn."""
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        paired = min(j - i, m - k)
        for offset in range(paired):
            yield from changes(old[i + offset], new[k + offset], (*place, str(k + offset + 1)))
        for number in range(i + paired, j):
            yield Change(Kind.REMOVED, (*place, str(number + 1)), old=old[number], entry=True)
        for number in range(k + paired, m):
            yield Change(Kind.ADDED, (*place, str(number + 1)), new=new[number], entry=True)


def _of_values(
    old: list[Any], new: list[Any], before: Sequence[bytes], after: Sequence[bytes], place: tuple[str, ...]
) -> Iterator[Change]:
    """Compare lists of plain values by what is in them."""
    gone, came = Counter(before) - Counter(after), Counter(after) - Counter(before)
    for items, keys, counted, kind in ((old, before, gone, Kind.REMOVED), (new, after, came, Kind.ADDED)):
        for item, key in zip(items, keys, strict=True):
            if counted[key]:
                counted[key] -= 1
                yield Change(kind, place, item if kind is Kind.REMOVED else None, item if kind is Kind.ADDED else None)
