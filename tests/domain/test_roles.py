"""What arguments mean, whatever a tool calls them."""

from typing import Any

import pytest

from domain.catalog import ActionType, Roles
from domain.roles import MAX_AMOUNT, meaning_of

PAY = ActionType(
    id="pay",
    title="Pay",
    arguments={"type": "object"},
    executor="http.request",
    roles=Roles(amount="lines[].amount", accounts=["lines[].account"], recipients=["to"], count="lines"),
)
MAJOR = PAY.model_copy(update={"roles": Roles(amount="amount", amount_unit="major")})


@pytest.mark.parametrize(
    ("of", "arguments", "amount"),
    [
        (PAY, {"lines": [{"amount": 250}, {"amount": 100}]}, 350),
        (PAY, {"lines": [{"amount": -250}]}, 250),
        (PAY, {}, 0),
        (MAJOR, {"amount": 98.7}, 9870),
        (MAJOR, {"amount": 0.001}, 1),
        (MAJOR, {"amount": "12.50"}, 1250),
        (MAJOR, {"amount": "12,50 EUR"}, MAX_AMOUNT),
        (MAJOR, {"amount": "NaN"}, MAX_AMOUNT),
        (MAJOR, {"amount": True}, MAX_AMOUNT),
        (MAJOR, {"amount": 1e300}, MAX_AMOUNT),
    ],
)
def test_an_amount_never_counts_as_less_than_it_is(of: ActionType, arguments: dict[str, Any], amount: int) -> None:
    assert meaning_of(of, arguments).amount == amount


def test_the_other_roles_are_gathered_from_where_they_stand() -> None:
    lines = [{"account": " GB29 ", "amount": 1}, {"account": "gb29", "amount": 1}]

    found = meaning_of(PAY, {"to": "Ann", "lines": lines})

    assert (found.recipients, found.accounts, found.count) == (["Ann"], [" GB29 ", "gb29"], 2)
    assert found.counterparties == ["ann", "gb29"]
