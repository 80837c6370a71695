"""The differences between two bundles, in plain words, for whoever approves the change.

What loosens comes first, then what could do either, then what tightens; within each, what decides comes before what
it decides about. Nothing is left out: two bundles without a difference have the same canonical bytes.
"""

import json
from collections.abc import Mapping
from typing import Any

from domain.catalog import Bundle
from domain.document_diff import Change, Kind, changes
from domain.policy_direction import Direction, direction_of

MAX_LINES = 2000
MAX_LENGTH = 2000
_MAX_SHOWN = 850
_BEFORE_DIFFERENCE = 100
_NOUNS = {
    ("policy_changes",): "policy changes",
    ("approvals", "*"): "approval",
    ("routes", "*"): "route",
    ("risk", "tiers", "*"): "tier",
    ("risk", "rules", "*"): "rule",
    ("use_cases", "*"): "use case",
    ("guardrails", "rate_limits", "*"): "rate limit",
    ("guardrails", "budgets", "*"): "budget",
    ("guardrails", "permissions", "*"): "permission",
    ("guardrails", "checks", "*"): "check",
    ("guardrails", "aggregates", "*"): "aggregate",
    ("agents", "*"): "agent",
    ("groups", "*"): "group",
    ("rotations", "*"): "rotation",
    ("attention",): "attention",
    ("people", "*"): "person",
    ("action_types", "*"): "action type",
    ("tests", "*"): "test",
}
"""What a risk officer calls the parts of a bundle, what decides first."""
_ORDER = list(_NOUNS)
_DIRECTIONS = [Direction.LOOSENS, Direction.UNCERTAIN, Direction.TIGHTENS]
_JOINED = {Kind.ADDED: "joins", Kind.REMOVED: "leaves"}


def differences(old: Bundle, new: Bundle) -> list[str]:
    """Return what changes from one bundle to another, the most important first; nothing where nothing changes.

    At most 2000 lines of at most 2000 characters; where there are more, the last one says how many are left out.
    """
    found = changes(old.model_dump(mode="json"), new.model_dump(mode="json"))
    rewritten = _rewritten(old, new)
    ranked = sorted(((_direction(change, rewritten), change) for change in found), key=_rank)
    lines = [_line(change, direction) for direction, change in ranked]
    if len(lines) > MAX_LINES:
        left = len(lines) - MAX_LINES + 1
        lines = [*lines[: MAX_LINES - 1], f"{left} more differences are not listed; compare the files of the bundles"]
    return lines


def _rewritten(old: Bundle, new: Bundle) -> set[str]:
    """Name the approvals that go from one group to stages or back: their quorums cannot be compared one by one."""
    before = {approval.id: bool(approval.stages) for approval in old.approvals}
    return {each.id for each in new.approvals if before.get(each.id, bool(each.stages)) != bool(each.stages)}


def _direction(change: Change, rewritten: set[str]) -> Direction:
    is_rewritten = change.place[0] == "approvals" and len(change.place) > 1 and change.place[1] in rewritten
    return Direction.UNCERTAIN if is_rewritten else direction_of(change)


def _rank(ranked: tuple[Direction, Change]) -> tuple[int, int]:
    direction, change = ranked
    pattern = _pattern(change.place)
    return _DIRECTIONS.index(direction), _ORDER.index(pattern) if pattern else len(_ORDER)


def _pattern(place: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the kind of part that a place is in."""
    for pattern in _NOUNS:
        if len(place) >= len(pattern) and all(p in ("*", n) for p, n in zip(pattern, place, strict=False)):
            return pattern
    return None


def _line(change: Change, direction: Direction) -> str:
    """Write one difference as one line. What a bundle holds is quoted so that it cannot pass for a line of its own."""
    mark = "" if direction is Direction.UNCERTAIN else f"{direction.value}: "
    line = mark + _visible(f"{_subject(change.place)}{_said(change)}")
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 3]}..."


def _subject(place: tuple[str, ...]) -> str:
    pattern = _pattern(place)
    if pattern is None:
        return ".".join(place)
    name = f"{_NOUNS[pattern]} {_name(place[len(pattern) - 1])}" if pattern[-1] == "*" else _NOUNS[pattern]
    rest = ".".join(place[len(pattern) :])
    return f"{name}, {rest}" if rest else name


def _name(name: str) -> str:
    return name if name.isdigit() else f"'{name}'"


def _said(change: Change) -> str:
    if change.kind is Kind.CHANGED:
        return ": {} -> {}".format(*_pair(change.old, change.new))
    if change.kind is Kind.REORDERED:
        return ": in another order: {} -> {}".format(*_pair(_ordered(change.old), _ordered(change.new), bare=True))
    value = change.new if change.kind is Kind.ADDED else change.old
    if change.entry:
        return f" is {change.kind.value}: {_summary(value)}"
    if change.place[-1] == "members":
        return f": {_shown(value)} {_JOINED[change.kind]}"
    return f": {_cut(_shown(value))} is {change.kind.value}"


def _summary(value: Any) -> str:
    """Say what an entry holds, without what it leaves empty."""
    if not isinstance(value, Mapping):
        return _cut(_shown(value))
    held = [f"{name} {_shown(each)}" for name, each in value.items() if name != "id" and each not in (None, [], {})]
    return "; ".join(held)


def _ordered(items: list[Any]) -> str:
    """Write a list in its order, each entry as it is written alone."""
    return " | ".join(_summary(item) for item in items)


def _pair(old: Any, new: Any, bare: bool = False) -> tuple[str, str]:
    """Return both values, the long ones from shortly before they begin to differ."""
    one, other = (old, new) if bare else (_shown(old), _shown(new))
    if max(len(one), len(other)) <= _MAX_SHOWN:
        return one, other
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, same - _BEFORE_DIFFERENCE)
    dots = "..." if start else ""
    return f"{dots}{_cut(one[start:])}", f"{dots}{_cut(other[start:])}"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return f"'{_visible(value)}'"
    return _visible(json.dumps(value, ensure_ascii=False))


def _visible(text: str) -> str:
    """Return a text with every character that cannot be seen, or turns the direction of text, written as its code."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
