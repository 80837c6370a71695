"""Public holidays by country and part of it, from the library `holidays`: pure tables, the same on every machine."""

from datetime import date
from functools import lru_cache

import holidays

from domain.catalog.problems import suggestion


def holiday_problem(code: str) -> str | None:
    """Say what is wrong with a holidays code such as `DE` or `DE-BY`; None when there are tables for it."""
    country, _, part = code.partition("-")
    try:
        known = holidays.country_holidays(country).subdivisions
    except NotImplementedError:
        return f"no public holidays are known for the country '{country}'; write its ISO 3166 code, such as DE or DE-BY"
    if part and part not in known:
        return f"'{country}' has no part '{part}' with public holidays of its own{suggestion(part, known)}"
    return None


def is_holiday(code: str, day: date) -> bool:
    """Say whether a day is a public holiday. Raises NotImplementedError for a code that has no tables."""
    return day in _holidays(code, day.year)


@lru_cache(maxsize=512)
def _holidays(code: str, year: int) -> frozenset[date]:
    country, _, part = code.partition("-")
    # A holiday of one year may be kept on a day of the year before or after, so the neighbours are asked, too.
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=range(year - 1, year + 2)))
