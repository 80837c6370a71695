"""Attention against a whole installation: canaries nobody can tell from requests, statistics, and what is alike."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.database.actions import Actions
from adapters.database.connection import open_pool
from commands.canaries import plant_canary
from domain.action import Context, Submission
from domain.canary import TOLD
from domain.policy import Policy
from domain.review_statistics import CAUTION
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.pages import Browser, signed_in
from tests.bundles import bundle
from tests.installation import Installation, installed
from workflows.client import ActionWorkflows, connect

ARGUMENTS: dict[str, Any] = {"customer": "c-13", "amount_minor": 6000}


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    """An installation of these tests' own, so that its statistics hold only what they did."""
    async with installed(shared_postgres, shared_temporal, "attention") as installation:
        yield installation


@pytest.fixture
async def ann(remit: Installation) -> AsyncIterator[Browser]:
    browser = await signed_in(remit, "ann")
    yield browser
    await browser.http.aclose()


async def planted(remit: Installation) -> dict[str, Any]:
    """Plant a canary as the command does, start it as a worker does, and return it once it waits."""
    pool = await open_pool(remit.settings.database_url, 2)
    wanted = Submission(
        use_case="support", action_type="refund.create", arguments=ARGUMENTS, context=Context(reasoning="they ask")
    )
    made = Policy(bundle(), "sha256:" + "c" * 64)
    action_id, _ = await plant_canary(pool, made, "clerk", wanted, None, "rita")
    client = await connect(remit.settings.temporal_address, remit.settings.temporal_namespace)
    await ActionWorkflows(client, remit.settings.task_queue).start(await Actions(pool).get(action_id))
    await pool.close()
    return await remit.until(action_id, "pending_approval")


async def kinds(remit: Installation, action_id: str) -> list[str]:
    return [entry["kind"] for entry in await remit.entries(action_id)]


async def told(remit: Installation, action_id: str, kind: str) -> None:
    """Wait until the ledger has an entry of a kind about an action."""
    async with asyncio.timeout(20):
        while kind not in await kinds(remit, action_id):
            await asyncio.sleep(0.05)


def alike(value: Any) -> Any:
    """Return a value with what differs between any two actions made equal: whatever holds a digit."""
    if isinstance(value, dict):
        return {key: alike(each) for key, each in value.items()}
    if isinstance(value, list):
        return [alike(each) for each in value]
    if isinstance(value, str):
        return "text" if any(ch.isdigit() for ch in value) else value
    return value


async def test_no_reviewer_can_tell_a_canary_from_a_request(remit: Installation, ann: Browser) -> None:
    canary = await planted(remit)
    real = await remit.refund(ARGUMENTS["amount_minor"], context={"reasoning": "they ask"})

    shown = [await remit.get(each["id"], "ann") for each in (canary, real)]
    entries = [await remit.entries(each["id"]) for each in (canary, real)]
    pages = [await ann.get(f"/review/{each['id']}") for each in (canary, real)]
    inbox = await ann.get("/review")

    assert alike(shown[0]) == alike(shown[1])
    same = [alike(each) for each in entries]
    assert same[0] == same[1]
    for text in (*(page.source for page in pages), inbox.source, str(shown[0]), str(entries[0])):
        assert "canary" not in text.casefold()
    for each in (canary, real):
        await remit.vote(each, "ann", "reject", "no")


async def test_a_canary_seems_to_come_by_the_token_of_its_agent(remit: Installation) -> None:
    canary = await planted(remit)
    real = await remit.refund(ARGUMENTS["amount_minor"])

    asked = [(await remit.entries(each["id"]))[0] for each in (canary, real)]

    assert [entry["kind"] for entry in asked] == ["action.requested"] * 2
    assert asked[0]["data"]["token"] == asked[1]["data"]["token"]
    for each in (canary, real):
        await remit.vote(each, "ann", "reject", "no")


async def test_its_agent_never_sees_a_canary(remit: Installation) -> None:
    canary = await planted(remit)

    found = await remit.http.get(f"/v1/actions/{canary['id']}", headers=remit.client("clerk"))
    cancelled = await remit.http.post(f"/v1/actions/{canary['id']}/cancel", headers=remit.client("clerk"))
    listed = await remit.http.get("/v1/actions", params={"limit": 200}, headers=remit.client("clerk"))

    assert (found.status_code, cancelled.status_code) == (404, 404)
    assert canary["id"] not in [item["id"] for item in listed.json()["items"]]
    await remit.vote(canary, "ann", "reject", "no")


async def test_a_canary_that_is_rejected_is_caught_and_everybody_is_told(remit: Installation, ann: Browser) -> None:
    canary = await planted(remit)

    await ann.vote(canary["id"], "reject", "I do not know this customer")
    await told(remit, canary["id"], "canary.caught")

    assert (await remit.get(canary["id"]))["state"] == "rejected"
    assert TOLD in (await ann.get(f"/review/{canary['id']}")).text


async def test_a_canary_that_is_approved_is_missed_and_never_runs(remit: Installation, ann: Browser) -> None:
    canary = await planted(remit)

    await ann.vote(canary["id"], "approve")
    ended = await remit.until(canary["id"], "failed")
    await told(remit, canary["id"], "canary.missed")

    assert ended["execution"]["result"] == {"problem": TOLD}
    assert ended["execution"]["intent_at"] is None
    assert remit.crm.of(canary["id"]) == []
    assert "execution.intended" not in await kinds(remit, canary["id"])
    assert "This was a canary" in (await ann.get(f"/review/{canary['id']}")).text


async def test_statistics_are_for_admins_alone(remit: Installation) -> None:
    answers = [
        await remit.http.get("/v1/reviewers/statistics", headers=remit.client(who)) for who in ("ann", "clerk", "admin")
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 200]


async def test_statistics_have_what_was_opened_decided_and_made_of_canaries(remit: Installation) -> None:
    bob = await signed_in(remit, "bob")
    since = datetime.now(UTC).isoformat()
    real, canary = await remit.refund(), await planted(remit)
    await bob.vote(real["id"], "approve")
    await bob.vote(canary["id"], "reject", "no")

    answer = await remit.http.get("/v1/reviewers/statistics", params={"since": since}, headers=remit.client("admin"))

    found = answer.json()
    of_bob = next(each for each in found["reviewers"] if each["person"] == "bob")
    assert found["caution"] == CAUTION
    assert (of_bob["asked"], of_bob["decided"], of_bob["approved"]) == (1, 1, 1)
    assert of_bob["approved_percent"] is None
    assert of_bob["seen_to_decided_median"] > 0
    assert of_bob["canaries"] == {"seen": 1, "approved": 0, "rejected": 1}
    await bob.http.aclose()


@pytest.mark.parametrize(
    "period",
    [
        {"since": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
        {"since": "2020-01-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
        {"since": "2026-11-02T00:00:00"},
        {"until": "yesterday"},
        {"until": "0001-01-01T00:00:00Z"},
        {"since": "9999-12-31T23:59:59-12:00"},
    ],
)
async def test_a_period_that_makes_no_sense_is_refused(remit: Installation, period: dict[str, str]) -> None:
    answer = await remit.http.get("/v1/reviewers/statistics", params=period, headers=remit.client("admin"))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_similar_requests_stand_together_and_are_decided_apart(remit: Installation, ann: Browser) -> None:
    similar = [await remit.refund(5000 + number) for number in range(3)]
    other = await remit.refund(7000, use_case="chat")

    inbox = await ann.get("/review")

    assert "3 alike: Refund a customer" in inbox.text
    assert "Each is decided on its own" in inbox.text
    for action in (*similar, other):
        assert f"/review/{action['id']}" in inbox.source
    assert not any(form.action.endswith("/votes") for form in inbox.forms)
    await ann.vote(similar[0]["id"], "approve")
    assert "2 alike: Refund a customer" in (await ann.get("/review")).text
    for action in similar[1:]:
        await remit.vote(action, "ann", "reject", "no")
