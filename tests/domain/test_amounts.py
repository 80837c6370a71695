import pytest

from domain.amounts import Entry, amounts_in, amounts_of


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("12.00 in total", [1200]),
        ("$30,000 and 1,234,567.89", [3_000_000, 123_456_789]),
        ("1.200,50 € or 1'200.5", [120_050, 120_050]),
        ("1\u202f000 EUR, 1200EUR", [100_000, 120_000]),
        ("a fee of 5.29.", [529]),
        ("-40", [4000]),
        ("on 2022-03-01 at 10:30, 19.5% or 7 %, v1.2.3, room-12, US12, 1/2, 3-4", []),
    ],
)
def test_amounts_are_read_as_numbers(text: str, minor: list[int]) -> None:
    assert list(amounts_in(text)) == minor


def test_numbers_of_a_record_are_amounts_unless_its_field_says_minor_units() -> None:
    entries: list[Entry] = [
        ("price", 12),
        ("price_minor", 1250),
        ("cents", 99),
        ("rate", 0.125),
        ("text", "1,200.00"),
        ("note", "12 a"),
    ]
    assert list(amounts_of(entries)) == [1200, 1250, 99, 13, 120_000]
    assert list(amounts_of([("n", float("nan")), ("n", float("inf")), ("n", 10**400)])) == []
