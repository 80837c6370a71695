"""Which way a change of a bundle goes, where that is certain: it loosens or it tightens.

What is not listed here is neither: a condition, for instance, says nothing about its direction by itself.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from domain.catalog.values import Duration
from domain.document_diff import Change, Kind

_DURATION: TypeAdapter[Any] = TypeAdapter(Duration)


class Direction(StrEnum):
    """What a change does to what agents may do without a person."""

    LOOSENS = "loosens"
    TIGHTENS = "tightens"
    UNCERTAIN = "uncertain"


_OTHER = {
    Direction.LOOSENS: Direction.TIGHTENS,
    Direction.TIGHTENS: Direction.LOOSENS,
    Direction.UNCERTAIN: Direction.UNCERTAIN,
}

_ENTRIES = {
    "risk.rules.*": Direction.TIGHTENS,
    "agents.*": Direction.LOOSENS,
    "use_cases.*": Direction.LOOSENS,
    "use_cases.*.data_sources.*": Direction.LOOSENS,
    "action_types.*": Direction.LOOSENS,
    "guardrails.rate_limits.*": Direction.TIGHTENS,
    "guardrails.budgets.*": Direction.TIGHTENS,
    "guardrails.checks.*": Direction.TIGHTENS,
    "approvals.*.stages.*": Direction.TIGHTENS,
}
"""What one more entry does; one fewer does the other."""

_VALUES = {
    "groups.*.members": Direction.LOOSENS,
    "rotations.*.members": Direction.LOOSENS,
    "approvals.*.step_up": Direction.TIGHTENS,
    "use_cases.*.agents": Direction.LOOSENS,
    "use_cases.*.action_types": Direction.LOOSENS,
    "use_cases.*.data_sources.*.values": Direction.LOOSENS,
    "use_cases.*.style.banned_phrases": Direction.TIGHTENS,
    "use_cases.*.style.required_phrases": Direction.TIGHTENS,
    "action_types.*.editable": Direction.LOOSENS,
}
"""What one more value in a list does."""

_STRICTER = {
    "agents.*.status": ["active", "suspended"],
    "use_cases.*.autonomy": ["autonomous", "reviewed_above_low", "reviewed", "suggest_only", "off"],
    "use_cases.*.controls.on_lapse": ["ask", "high", "deny"],
    "use_cases.*.controls.*.required": [False, True],
    "use_cases.*.data_sources.*.scope": ["write", "read"],
    "use_cases.*.data_sources.*.trust": ["trusted", "untrusted"],
    "approvals.*.exclude_earlier_stages": [False, True],
    "approvals.*.exclude_agent_owner": [False, True],
    "approvals.*.require_known_requester": [False, True],
    "approvals.*.edit_counts_as_approval": [True, False],
    "approvals.*.reason_required": ["never", "high", "always"],
    "guardrails.rate_limits.*.on_exceed": ["medium", "high", "refuse"],
    "guardrails.budgets.*.on_exceed": ["medium", "high", "refuse"],
    "guardrails.checks.*.on_unknown": ["medium", "high"],
}
"""Values from the loosest to the strictest."""

_NUMBERS = {
    "risk.rules.*.points": Direction.TIGHTENS,
    "approvals.*.quorum": Direction.TIGHTENS,
    "approvals.*.stages.*.quorum": Direction.TIGHTENS,
    "approvals.*.stages.*.vetoes": Direction.LOOSENS,
    "guardrails.rate_limits.*.limit": Direction.LOOSENS,
    "guardrails.budgets.*.limit": Direction.LOOSENS,
}
"""What a larger number does."""

_DURATIONS = {
    "guardrails.rate_limits.*.window": Direction.TIGHTENS,
    "guardrails.budgets.*.window": Direction.TIGHTENS,
    "approvals.*.approval_lifetime": Direction.LOOSENS,
}
"""What a longer time does."""


def direction_of(change: Change) -> Direction:
    """Return which way a change goes."""
    if change.kind is Kind.REORDERED:
        return Direction.UNCERTAIN
    if change.kind is Kind.CHANGED:
        return _of_value(change.place, change.old, change.new)
    found = _found(_ENTRIES, change.place) if change.entry else _found(_VALUES, change.place)
    found = found or Direction.UNCERTAIN
    return found if change.kind is Kind.ADDED else _OTHER[found]


def _of_value(place: Sequence[str], old: Any, new: Any) -> Direction:
    if (order := _found(_STRICTER, place)) and old in order and new in order:
        return _compared(order.index(old), order.index(new), Direction.TIGHTENS)
    if number := _found(_NUMBERS, place):
        return _compared(old, new, number)
    if (longer := _found(_DURATIONS, place)) and old is not None and new is not None:
        return _compared(_DURATION.validate_python(old), _DURATION.validate_python(new), longer)
    return Direction.UNCERTAIN


def _compared(old: Any, new: Any, more: Direction) -> Direction:
    return more if new > old else _OTHER[more]


def _found(table: Mapping[str, Any], place: Sequence[str]) -> Any:
    """Return the entry of a table for a place: `*` stands for one name."""
    for pattern, value in table.items():
        parts = pattern.split(".")
        if len(parts) == len(place) and all(part in ("*", name) for part, name in zip(parts, place, strict=True)):
            return value
    return None
