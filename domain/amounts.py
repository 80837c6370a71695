"""Amounts: the sums of money that texts and records mention, in minor units of two decimals."""

import re
from collections.abc import Iterable, Iterator
from decimal import ROUND_UP, Decimal

Scalar = str | int | float
Entry = tuple[str, Scalar]
"""One value of a record: the name of the field it stands in (empty where it has none), and the value."""

_MAX_AMOUNT = 10**15

_AMOUNT = re.compile(
    r"""(?<![\w.,:/@\#+])(?<!\w-)
    (?P<whole>\d{1,3}(?:[.,'’\u00a0\u2009\u202f]\d{3}){1,4}|\d{1,15})(?:[.,](?P<cents>\d{1,2}))?
    (?=[A-Za-z]{3}\b|[^\w%]|$)(?![.,:/\-]\d)(?!\s%)""",
    re.VERBOSE,
)
_MINOR_UNITS = re.compile(r"minor|cents?$|pence$", re.IGNORECASE)


def amounts_in(text: str) -> Iterator[int]:
    """Yield the amounts of a text in minor units: `1200`, `1,200.00`, `1.200,5`. Dates, times and shares are none."""
    for found in _AMOUNT.finditer(text):
        whole = int("".join(filter(str.isdecimal, found["whole"])))
        yield min(whole * 100 + int((found["cents"] or "0").ljust(2, "0")), _MAX_AMOUNT)


def amounts_of(entries: Iterable[Entry]) -> Iterator[int]:
    """Yield the amounts among entries in minor units: numbers, and texts that hold nothing else."""
    for field, value in entries:
        if isinstance(value, str):
            if found := _AMOUNT.fullmatch(value.strip()):
                yield from amounts_in(found[0])
        elif abs(value) < _MAX_AMOUNT:
            factor = 1 if isinstance(value, int) and _MINOR_UNITS.search(field) else 100
            yield int((abs(Decimal(str(value))) * factor).to_integral_value(rounding=ROUND_UP))
