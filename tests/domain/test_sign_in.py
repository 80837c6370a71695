"""Whom a sign-in provider's claims name, and when a sign-in is new."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.catalog import Person
from domain.errors import Forbidden
from domain.sign_in import is_protected, person_of, signed_in_at

PEOPLE = [
    Person(id="ann", name="Ann", email="Ann@test.example"),
    Person(id="bob", name="Bob", email="bob@test.example"),
    Person(id="kim", name="Kim", email="kim@test.example"),
    Person(id="bob2", name="Another Bob", email="BOB@test.example"),
]
NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)


def test_a_verified_address_names_a_person_whatever_its_case() -> None:
    claims = {"email": "ann@TEST.example", "email_verified": True}

    assert person_of(claims, "email", PEOPLE).id == "ann"


def test_another_claim_names_a_person_by_their_id() -> None:
    assert person_of({"staff_id": "bob", "email": "ann@test.example"}, "staff_id", PEOPLE).id == "bob"


@pytest.mark.parametrize(
    ("claims", "claim", "why"),
    [
        ({}, "email", "did not say your 'email'"),
        ({"email": "", "email_verified": True}, "email", "did not say your 'email'"),
        ({"email": ["ann@test.example"], "email_verified": True}, "email", "did not say your 'email'"),
        ({"email": "ann@test.example"}, "email", "does not vouch"),
        ({"email": "ann@test.example", "email_verified": False}, "email", "does not vouch"),
        ({"email": "ann@test.example", "email_verified": "true"}, "email", "does not vouch"),
        ({"email": "ann@test.example", "email_verified": 1}, "email", "does not vouch"),
        ({"email": "ann@evil.example", "email_verified": True}, "email", "not a person of the active policy"),
        ({"email": "\u212aim@test.example", "email_verified": True}, "email", "not a person of the active policy"),
        ({"email": "bob@test.example", "email_verified": True}, "email", "belongs to bob and bob2"),
        ({"sub": "Ann"}, "sub", "not a person of the active policy"),
        ({"sub": 17}, "sub", "did not say your 'sub'"),
    ],
)
def test_claims_that_name_no_single_person_are_refused(claims: dict[str, Any], claim: str, why: str) -> None:
    with pytest.raises(Forbidden, match=why):
        person_of(claims, claim, PEOPLE)


@pytest.mark.parametrize(("seconds_ago", "counts_from"), [(0, 0), (299, 299), (300, 300), (-59, 0)])
def test_a_sign_in_of_the_last_minutes_is_new(seconds_ago: int, counts_from: int) -> None:
    claims = {"auth_time": int(NOW.timestamp()) - seconds_ago}

    assert signed_in_at(claims, NOW, FIVE_MINUTES) == NOW - timedelta(seconds=counts_from)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"auth_time": None},
        {"auth_time": True},
        {"auth_time": "1793613600"},
        {"auth_time": int(NOW.timestamp()) - 301},
        {"auth_time": int(NOW.timestamp()) + 61},
        {"auth_time": float("nan")},
        {"auth_time": 1e300},
    ],
)
def test_an_old_or_unknown_sign_in_is_not_new(claims: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        signed_in_at(claims, NOW, FIVE_MINUTES)


@pytest.mark.parametrize(
    ("url", "protected"),
    [
        ("https://id.test.example", True),
        ("http://127.0.0.1:9400", True),
        ("http://[::1]:9400/realm", True),
        ("http://localhost:9400", True),
        ("http://id.test.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost@evil.example", False),
        ("https://", False),
        ("https://[", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_only_https_and_this_machine_are_protected(url: str, protected: bool) -> None:
    assert is_protected(url) is protected
