"""The small values that catalog entries are made of: durations, titles, expressions, paths into arguments."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from domain.expression import MAX_LENGTH

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"[0-9]{1,9}[smhd]")


def parse_duration(value: object) -> object:
    """Turn `30s`, `15m`, `4h` or `2d` into a timedelta. ISO 8601 (`PT4H`), as stored bundles have it, goes on to
    pydantic; a number without a unit is refused."""
    if isinstance(value, int | float):
        raise ValueError(f"{value} of what? write 30s, 15m, 4h or 2d")
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return timedelta(seconds=int(value[:-1]) * _UNITS[value[-1]])
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(gt=timedelta(0), le=timedelta(days=30))]
Expression = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]
Title = Annotated[str, Field(min_length=1, max_length=200)]
ArgumentPath = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\[\])?(\.[A-Za-z_][A-Za-z0-9_]*(\[\])?)*$")]
"""Where in the arguments a value stands: `to`, `refund.amount_minor`, `recipients[]`, `lines[].account`."""
