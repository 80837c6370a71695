"""Revisions against limits: more than what was submitted meets them as a submission would."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.bundles import DOCUMENT, bundle
from tests.editing import revise
from tests.installation import Installation, installed

ROLES = {"amount": "amount_minor", "recipients": ["customer"]}
BUNDLE = bundle(
    action_types=[
        {**kind, "roles": ROLES, "editable": ["amount_minor"]} if kind["id"] == "refund.create" else kind
        for kind in DOCUMENT["action_types"]
    ],
    guardrails={
        "budgets": [
            {"id": "asks-more", "per": ["recipient"], "limit": 10_000, "window": "1d", "on_exceed": "high"},
            {"id": "stops", "per": ["recipient"], "limit": 50_000, "window": "1d"},
        ]
    },
)


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    async with installed(shared_postgres, shared_temporal, "limitedrevisions", BUNDLE) as installation:
        yield installation


async def refund(remit: Installation, amount: int, customer: str) -> dict[str, Any]:
    answer = await remit.submit({"customer": customer, "amount_minor": amount}, action_type="refund.create")
    assert answer.status_code == 202, answer.text
    return await remit.until(answer.json()["id"], "pending_approval")


async def test_a_revision_over_a_limit_has_the_tier_that_a_submission_would_have(remit: Installation) -> None:
    submitted = await refund(remit, 20_000, "c-1")
    small = await refund(remit, 5_000, "c-2")
    assert (submitted["tier"], small["tier"]) == ("high", "medium")

    answer = await revise(remit, small, "clerk", customer="c-2", amount_minor=20_000)

    assert answer.status_code == 200, answer.text
    grown = await remit.get(small["id"])
    assert grown["tier"] == "high"
    assert grown["approval"]["quorum"] == submitted["approval"]["quorum"] == 2
    answer = await revise(remit, grown, "clerk", customer="c-2", amount_minor=4_000)
    assert answer.status_code == 200, answer.text
    assert (await remit.get(small["id"]))["tier"] == "medium", "what it takes no more is not held against it"


async def test_a_revision_over_a_limit_that_stops_is_not_made(remit: Installation) -> None:
    await refund(remit, 40_000, "c-3")
    small = await refund(remit, 5_000, "c-3")

    answer = await revise(remit, small, "clerk", customer="c-3", amount_minor=11_000)

    assert (answer.status_code, answer.json()["code"]) == (403, "edit_refused")
    assert "guardrail 'stops' allows at most 50000 minor units" in answer.json()["detail"]
    assert (await remit.get(small["id"]))["revision"]["number"] == 1
