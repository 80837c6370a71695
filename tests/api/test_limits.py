"""Limits as agents meet them, on a whole installation."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.database.administration import activate_bundle
from adapters.database.connection import open_pool
from domain.catalog import Bundle, Risk
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation, installed

REFUNDS = {
    "id": "refunds-per-customer",
    "actions": {"action_types": ["refund.create"]},
    "per": ["recipient"],
    "limit": 10_000,
    "window": "1d",
}
NOTES = {"id": "notes", "actions": {"action_types": ["note.add"]}, "per": ["agent"], "limit": 2, "window": "1h"}


def limited(version: str = "1", **parts: Any) -> Bundle:
    """Return the tests' bundle with guardrails, and with what its arguments mean."""
    roles = {
        "refund.create": {"amount": "amount_minor", "recipients": ["customer"]},
        "note.add": {"recipients": ["customer"]},
    }
    action_types = [{**kind, "roles": roles.get(kind["id"], {})} for kind in DOCUMENT["action_types"]]
    return bundle(version=version, action_types=action_types, guardrails=parts)


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    wanted = limited(budgets=[REFUNDS], rate_limits=[NOTES])
    async with installed(shared_postgres, shared_temporal, "limits", wanted) as installation:
        yield installation


async def refund(remit: Installation, amount: int, customer: str, key: str | None = None) -> Any:
    arguments = {"customer": customer, "amount_minor": amount}
    return await remit.submit(arguments, action_type="refund.create", key=key)


async def judged_by(remit: Installation) -> str:
    """Return the version of the policy that judges now."""
    answer = await remit.submit({"customer": "c-8", "text": "which policy?"}, wait=10)
    return str(answer.json()["assessment"]["policy"]["version"])


async def refusals(remit: Installation) -> list[tuple[str, str]]:
    """Return code and limit of the refusals in the ledger."""
    pool = await open_pool(SecretStr(remit.postgres.url("remit_app", remit.database)), 1)
    rows = await pool.fetch(
        """SELECT data ->> 'code' AS code, data ->> 'guardrail' AS guardrail
           FROM (SELECT id, convert_from(body, 'UTF8')::jsonb -> 'data' AS data FROM ledger_entry
                 WHERE kind = 'action.refused') AS refused ORDER BY id"""
    )
    await pool.close()
    return [tuple(row) for row in rows]


async def test_over_a_budget_an_agent_is_told_the_limit_and_when_to_come_back(remit: Installation) -> None:
    before = await refusals(remit)
    assert (await refund(remit, 9_000, "c-1")).status_code == 202

    answer = await refund(remit, 1_001, "c-1")

    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400
    problem = answer.json()
    assert (problem["code"], problem["title"]) == ("rate_limited", "A limit is reached")
    assert problem["detail"].startswith(
        "guardrail 'refunds-per-customer' allows at most 10000 minor units in 1d for each recipient; "
        "nothing was accepted; there is room in 86"
    )
    assert await refusals(remit) == [*before, ("rate_limited", "refunds-per-customer")]
    assert (await refund(remit, 1_001, "c-2")).status_code == 202
    assert (await refund(remit, 1_000, "c-1")).status_code == 202


async def test_more_than_the_whole_budget_never_fits_and_no_time_is_named(remit: Installation) -> None:
    answer = await refund(remit, 10_001, "c-3")

    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    assert answer.json()["detail"].endswith("so waiting does not help; ask for less")


async def test_what_was_accepted_is_found_under_its_key_when_nothing_is_left(remit: Installation) -> None:
    first = await refund(remit, 10_000, "c-4", key="the-same")
    assert first.status_code == 202

    again = await refund(remit, 10_000, "c-4", key="the-same")
    other = await refund(remit, 9_999, "c-4", key="the-same")

    assert again.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_a_rejected_refund_makes_room(remit: Installation) -> None:
    asked = await remit.until((await refund(remit, 10_000, "c-5")).json()["id"], "pending_approval")
    assert (await refund(remit, 1, "c-5")).status_code == 429

    assert (await remit.vote(asked, "ann", "reject", "not his")).status_code == 200

    assert (await refund(remit, 1, "c-5")).status_code == 202


async def test_an_action_runs_within_the_limit_that_let_it_in_and_no_more_do(remit: Installation) -> None:
    answers = await asyncio.gather(
        *(remit.submit({"customer": "c-7", "text": f"note {n}"}, wait=10) for n in range(12))
    )

    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [429] * 10
    assert {answer.json()["state"] for answer in answers if answer.status_code == 201} == {"succeeded"}


async def test_the_api_documents_the_limit_and_its_header(remit: Installation) -> None:
    document = (await remit.http.get("/openapi.json")).json()

    responses = document["paths"]["/v1/actions"]["post"]["responses"]
    assert responses["429"]["headers"]["Retry-After"]["schema"] == {"type": "integer", "minimum": 1}
    assert "Retry-After" in responses["503"]["headers"]


async def test_an_approved_action_that_meets_a_tightened_limit_fails_and_says_why(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> None:
    async with installed(shared_postgres, shared_temporal, "tightened", limited()) as remit:
        action = await remit.refund(5_000)
        owner = await open_pool(SecretStr(remit.postgres.url("remit_owner", remit.database)), 1)
        await activate_bundle(owner, limited("2", budgets=[{**REFUNDS, "limit": 4_000}]), "tests")
        await owner.close()
        async with asyncio.timeout(10):  # until the worker judges by it
            while (await judged_by(remit)) != "2":
                await asyncio.sleep(0.1)

        assert (await remit.vote(action, "ann")).status_code == 200

        ended = await remit.get(action["id"], wait=10)
        assert ended["state"] == "failed"
        assert ended["execution"]["result"]["problem"] == (
            "rate_limited: guardrail 'refunds-per-customer' allows at most 4000 minor units in 1d for each recipient; "
            "it alone is more than that; nothing was run, ask for less"
        )
        assert remit.crm.of(action["id"]) == []


async def test_over_a_raising_limit_people_are_asked_and_what_they_approve_runs(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> None:
    wanted = limited(rate_limits=[{**NOTES, "limit": 1, "on_exceed": "high"}])
    async with installed(shared_postgres, shared_temporal, "raising", wanted) as remit:
        alone, asked = [
            (await remit.submit({"customer": "c-7", "text": text}, wait=wait)).json()
            for text, wait in (("first", 10), ("second", 0))
        ]
        assert (alone["state"], alone["tier"]) == ("succeeded", "low")
        asked = await remit.until(asked["id"], "pending_approval")
        assert asked["tier"] == "high"

        for person in ("ann", "bob"):
            assert (await remit.vote(asked, person)).status_code == 200

        assert (await remit.get(asked["id"], wait=10))["state"] == "succeeded"


async def test_a_sum_that_is_split_is_asked_about_all_the_same(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> None:
    paid = {"id": "paid", "of": "amount", "per": ["agent", "recipient"], "window": "1d"}
    split = {
        "id": "fin.split",
        "dimension": "financial",
        "points": 5,
        "when": "history.paid > 5000",
        "because": "much to one customer within a day, however it is split",
    }
    risk = {**DOCUMENT["risk"], "rules": [split]}
    wanted = limited(aggregates=[paid]).model_copy(update={"risk": Risk.model_validate(risk)})
    async with installed(shared_postgres, shared_temporal, "split", wanted) as remit:
        judged = []
        for _ in range(10):
            action = (await refund(remit, 900, "c-1")).json()
            judged.append(await remit.until(action["id"], "succeeded", "pending_approval"))

        assert [action["tier"] for action in judged] == ["low"] * 5 + ["high"] * 5
