"""What an action would do, in words: the amount, whom it goes to, and whether it can be taken back."""

from typing import Any

import pytest

from adapters.notifiers.slack.meaning import meaning_block
from domain.policy import Policy
from tests.bundles import DOCUMENT, policy
from tests.slack_records import POLICY, waiting

LINK = "https://remit.test.example/review/x"
PAYMENT = {"type": "object", "properties": {}}
ROLES = {"amount": "amount", "currency": "currency", "recipients": ["to"], "accounts": ["iban"]}


def paying(**changes: Any) -> Policy:
    """Return the policy with an action type `pay` that means what `changes` say."""
    entry = {"id": "pay", "title": "Pay", "arguments": PAYMENT, "executor": "http.request", "roles": ROLES, **changes}
    entry["settings"] = {"system": "crm", "method": "POST", "path": "/pay"}
    use_cases = [
        {**each, "action_types": ["pay"]} if each["id"] == "support" else each for each in DOCUMENT["use_cases"]
    ]
    return policy(action_types=[*DOCUMENT["action_types"], entry], use_cases=use_cases)


def said(arguments: dict[str, Any], **changes: Any) -> list[str]:
    """Return the fields that a card shows for a payment."""
    rules = paying(**changes)
    record = waiting(arguments, action_type="pay", rules=rules)
    (block,) = meaning_block(record.action, rules, LINK)
    return [field["text"] for field in block["fields"]]


@pytest.mark.parametrize(
    ("arguments", "unit", "shown"),
    [
        ({"amount": 123450, "currency": "eur"}, "minor", "*Amount*\n1,234.50 EUR"),
        ({"amount": 123450, "currency": "JPY"}, "minor", "*Amount*\n123,450 JPY"),
        ({"amount": "1234.5", "currency": "JPY"}, "major", "*Amount*\n1,234.50 JPY"),
        ({"amount": 12, "currency": "KWD"}, "minor", "*Amount*\n0.012 KWD"),
        ({"amount": 4200}, "minor", "*Amount*\n42.00 (no currency named)"),
        ({"amount": -4200, "currency": "EUR"}, "minor", "*Amount*\n42.00 EUR (counted without its sign)"),
        ({"amount": [100, 250], "currency": "EUR"}, "minor", "*Amount of 2 in total*\n3.50 EUR"),
        ({"amount": "a lot"}, "minor", "*Amount*\n:warning: none that can be read: look at the arguments"),
        ({"amount": 1, "currency": "<!here>"}, "minor", "*Amount*\n0.01 &lt;!HERE&gt;"),
    ],
)
def test_the_amount_is_written_with_its_currency(arguments: dict[str, Any], unit: str, shown: str) -> None:
    assert said(arguments, roles={**ROLES, "amount_unit": unit})[0] == shown


def test_recipients_are_named_as_they_are_and_as_whom_the_catalog_knows() -> None:
    fields = said({"to": "ANN@test.example", "iban": ["DE1", "DE2"]})

    assert fields[:2] == [
        '*Recipient*\n`"ANN@test.example"` (Ann Approver)',
        '*Accounts (2)*\n`"DE1"`\n`"DE2"`',
    ]


def test_many_recipients_and_long_names_are_counted_and_linked() -> None:
    fields = said({"to": [f"p{n}@test.example" for n in range(7)] + ["x" * 500], "iban": "y" * 500})

    assert fields[0].startswith("*Recipients (8)*") and fields[0].endswith(f"<{LINK}|and 4 more>")
    assert fields[1] == f"*Account*\n<{LINK}|a name of 500 characters>"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "*Can it be undone?*\n:warning: *No.*"),
        ({"undo": "Ask the bank."}, "*Can it be undone?*\n:warning: *No.* Ask the bank."),
        ({"reversible": True}, "*Can it be undone?*\nYes"),
        ({"reversible": True, "undo": "Void it."}, "*Can it be undone?*\nYes: Void it."),
    ],
)
def test_the_card_says_whether_it_can_be_undone_and_how(changes: dict[str, Any], shown: str) -> None:
    assert said({}, **changes) == [shown]


def test_a_count_is_shown_where_the_action_type_has_one() -> None:
    assert "*How many*\n3" in said({"to": ["a", "b", "c"]}, roles={**ROLES, "count": "to"})


def test_an_action_type_that_the_catalog_no_longer_has_means_nothing() -> None:
    record = waiting({"amount": 1}, action_type="pay", rules=paying())

    assert meaning_block(record.action, POLICY, LINK) == []
