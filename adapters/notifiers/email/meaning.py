"""What an action would do, in words: the amount, whom it goes to, and whether it can be taken back."""

import json
from typing import Any

from adapters.notifiers.email.words import fitted, json_line
from adapters.notifiers.slack.text import one_line
from domain.action import Action
from domain.authority import find_person
from domain.catalog import ActionType
from domain.money import decimals_of, money
from domain.policy import Policy
from domain.roles import MAX_AMOUNT, Meaning, meaning_of, values_at

_MOST_NAMED = 5
_LONGEST = 300
_CURRENCY = 20


def meaning_rows(action: Action, policy: Policy) -> list[tuple[str, str]]:
    """Return what the arguments mean; nothing for an action type that the catalog does not have."""
    action_type = policy.action_types.get(action.action_type)
    if action_type is None:
        return []
    arguments: dict[str, Any] = json.loads(action.arguments_bytes)
    meaning = meaning_of(action_type, arguments)
    rows = [
        *_amount(action_type, arguments, meaning),
        *_named("Recipient", meaning.recipients, policy),
        *_named("Account", meaning.accounts, policy),
    ]
    if action_type.roles.count:
        rows.append(("How many", f"{meaning.count:,}"))
    return [*rows, ("Can it be undone?", _undoing(action_type))]


def _amount(action_type: ActionType, arguments: dict[str, Any], meaning: Meaning) -> list[tuple[str, str]]:
    roles = action_type.roles
    values = list(values_at(arguments, roles.amount)) if roles.amount else []
    if not values:
        return []
    if meaning.amount >= MAX_AMOUNT:
        return [("Amount", "none that can be read: look at the arguments")]
    currency = one_line(meaning.currency.upper())
    currency = currency if len(currency) <= _CURRENCY else ""
    shown = money(meaning.amount, "", 2 if roles.amount_unit == "major" else decimals_of(currency))
    shown += f" {currency}" if currency else " (no currency named)"
    if any(str(value).strip().startswith("-") for value in values):
        shown += " (counted without its sign)"
    return [("Amount" if len(values) == 1 else f"Amount of {len(values):,} in total", shown)]


def _named(title: str, names: list[str], policy: Policy) -> list[tuple[str, str]]:
    """Name the recipients as they are, and who of the catalog they are."""
    if not names:
        return []
    lines = []
    for name in names[:_MOST_NAMED]:
        shown = json_line(name)
        if len(shown) > _LONGEST:
            shown = f"a name of {len(name):,} characters: read it on the review page"
        person = find_person(policy.people.values(), name)
        lines.append(f"{shown} ({one_line(person.name)})" if person is not None else shown)
    if len(names) > _MOST_NAMED:
        lines.append(f"and {len(names) - _MOST_NAMED:,} more: read them on the review page")
    return [(title if len(names) == 1 else f"{title}s ({len(names):,})", "\n".join(lines))]


def _undoing(action_type: ActionType) -> str:
    how = fitted(action_type.undo, _LONGEST, "a text") if action_type.undo else ""
    if not action_type.reversible:
        return f"No. {how}".rstrip()
    return f"Yes: {how}" if how else "Yes"
