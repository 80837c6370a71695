"""Argument roles at work: the recipients, amounts and counts of one action, whatever its tool calls them."""

from collections.abc import Iterator, Mapping
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import Any

from domain.action import Frozen
from domain.catalog.action_types import ActionType, Roles

LIST_ROLES = ("recipients", "accounts", "urls", "files", "texts")
MAX_AMOUNT = 10**15


class Meaning(Frozen):
    """What the arguments of one action mean. Amounts are minor units (two decimals); a missing one counts 0."""

    amount: int = 0
    currency: str = ""
    count: int = 1
    recipients: list[str] = []
    accounts: list[str] = []
    urls: list[str] = []
    files: list[str] = []
    texts: list[str] = []

    @property
    def counterparties(self) -> list[str]:
        """Recipients and accounts as they are counted and compared: trimmed, without regard to case, each once."""
        return sorted({name.strip().casefold()[:200] for name in (*self.recipients, *self.accounts)} - {""})


def meaning_of(action_type: ActionType, arguments: Mapping[str, Any]) -> Meaning:
    """Return what the arguments mean. An argument that is not there, or of no use for its role, counts as missing."""
    roles = action_type.roles
    lists = {
        role: [str(value) for path in getattr(roles, role) for value in values_at(arguments, path) if _is_scalar(value)]
        for role in LIST_ROLES
    }
    currencies = list(values_at(arguments, roles.currency)) if roles.currency else []
    return Meaning(
        amount=_amount(roles, arguments),
        currency=str(currencies[0]) if currencies else "",
        count=_count(roles, arguments),
        **lists,
    )


def values_at(arguments: Any, path: str) -> Iterator[Any]:
    """Yield the values at a path; `[]` goes through the items of a list. Nothing there yields nothing."""
    head, _, rest = path.partition(".")
    name, each = head.removesuffix("[]"), head.endswith("[]")
    if not isinstance(arguments, Mapping) or arguments.get(name) is None:
        return
    value = arguments[name]
    for inner in (value if isinstance(value, list) else []) if each else [value]:
        if rest:
            yield from values_at(inner, rest)
        elif isinstance(inner, list):
            yield from inner
        else:
            yield inner


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _amount(roles: Roles, arguments: Mapping[str, Any]) -> int:
    """Return the sum of the amounts in minor units, rounded up: an amount is never counted as less than it is."""
    if roles.amount is None:
        return 0
    factor = 100 if roles.amount_unit == "major" else 1
    total = sum((_number(value) * factor for value in values_at(arguments, roles.amount)), Decimal(0))
    return int(min(total, Decimal(MAX_AMOUNT)).to_integral_value(rounding=ROUND_UP))


def _number(value: Any) -> Decimal:
    """Return an amount as a number; what is there and cannot be read as one counts as more than any limit."""
    if value is None:
        return Decimal(0)
    try:
        number = abs(Decimal(str(value).strip()))
    except InvalidOperation:
        return Decimal(MAX_AMOUNT)
    return number if number.is_finite() else Decimal(MAX_AMOUNT)


def _count(roles: Roles, arguments: Mapping[str, Any]) -> int:
    if roles.count is None:
        return 1
    values = list(values_at(arguments, roles.count))
    if len(values) == 1 and isinstance(values[0], int | float) and not isinstance(values[0], bool):
        return max(0, min(int(values[0]), MAX_AMOUNT))
    return len(values)
