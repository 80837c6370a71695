"""What an action would do, in words: the amount, whom it goes to, and whether it can be taken back.

Which arguments are the amount and the recipients, the roles of the action type say. The arguments themselves stand
below it on the card, as they are.
"""

import json
from typing import Any

from adapters.notifiers.slack.text import Block, code, fitted, mrkdwn, prose, units
from domain.action import Action
from domain.authority import find_person
from domain.catalog import ActionType
from domain.money import decimals_of, money
from domain.policy import Policy
from domain.roles import MAX_AMOUNT, Meaning, meaning_of, values_at

_MOST_NAMED = 4
_LONGEST = 150


def meaning_block(action: Action, policy: Policy, link: str) -> list[Block]:
    """Return what the arguments mean, as fields; nothing for an action type that the catalog does not have."""
    action_type = policy.action_types.get(action.action_type)
    if action_type is None:
        return []
    arguments: dict[str, Any] = json.loads(action.arguments_bytes)
    meaning = meaning_of(action_type, arguments)
    facts = [
        *_amount(action_type, arguments, meaning),
        *_named("Recipient", meaning.recipients, policy, link),
        *_named("Account", meaning.accounts, policy, link),
    ]
    if action_type.roles.count:
        facts.append(("How many", f"{meaning.count:,}"))
    facts.append(("Can it be undone?", _undoing(action_type, link)))
    return [{"type": "section", "fields": [mrkdwn(f"*{name}*\n{value}") for name, value in facts]}]


def _amount(action_type: ActionType, arguments: dict[str, Any], meaning: Meaning) -> list[tuple[str, str]]:
    roles = action_type.roles
    values = list(values_at(arguments, roles.amount)) if roles.amount else []
    if not values:
        return []
    if meaning.amount >= MAX_AMOUNT:
        return [("Amount", ":warning: none that can be read: look at the arguments")]
    currency = meaning.currency if len(meaning.currency) <= _LONGEST else ""
    shown = money(meaning.amount, "", 2 if roles.amount_unit == "major" else decimals_of(currency))
    shown += f" {prose(currency.upper())}" if currency else " (no currency named)"
    if any(str(value).strip().startswith("-") for value in values):
        shown += " (counted without its sign)"
    return [("Amount" if len(values) == 1 else f"Amount of {len(values):,} in total", shown)]


def _named(title: str, names: list[str], policy: Policy, link: str) -> list[tuple[str, str]]:
    """Name the recipients as they are, and who of the catalog they are."""
    if not names:
        return []
    lines = []
    for name in names[:_MOST_NAMED]:
        shown = code(name)
        if units(shown) > _LONGEST:
            shown = f"<{link}|a name of {len(name):,} characters>"
        person = find_person(policy.people.values(), name)
        lines.append(f"{shown} ({prose(person.name)})" if person is not None else shown)
    if len(names) > _MOST_NAMED:
        lines.append(f"<{link}|and {len(names) - _MOST_NAMED:,} more>")
    return [(title if len(names) == 1 else f"{title}s ({len(names):,})", "\n".join(lines))]


def _undoing(action_type: ActionType, link: str) -> str:
    how = fitted(action_type.undo, _LONGEST, "a text", link) if action_type.undo else ""
    if not action_type.reversible:
        return f":warning: *No.* {how}".rstrip()
    return f"Yes: {how}" if how else "Yes"
