"""Changing the policy over the API on a whole installation: proposed, approved by others, in use without a restart."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from adapters.database.administration import create_token
from adapters.database.connection import open_pool
from adapters.database.tokens import TokenKind
from domain.catalog import Bundle
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.bundles import DOCUMENT
from tests.installation import Installation, installed

GOVERNED: dict[str, Any] = {**DOCUMENT, "policy_changes": {"owner": "out", "approval": "two"}}
LARGE = DOCUMENT["tests"][0]


def second(**changes: Any) -> dict[str, Any]:
    """Return the second version, in which large refunds are called otherwise."""
    rules = [{**rule, "because": "it is very much"} for rule in GOVERNED["risk"]["rules"]]
    return {**GOVERNED, "version": "2", "risk": {**GOVERNED["risk"], "rules": rules}, **changes}


@pytest.fixture
async def governed(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer, request: pytest.FixtureRequest
) -> AsyncIterator[Installation]:
    """An installation of its own: the others' policy stays as it is."""
    name = f"governed_{abs(hash(request.node.name))}"
    async with installed(shared_postgres, shared_temporal, name, Bundle.model_validate(GOVERNED)) as remit:
        yield remit


async def propose(remit: Installation, who: str = "olga", **body: Any) -> httpx.Response:
    body = {"reason": "clearer words", **body}
    return await remit.http.post("/v1/policy/proposals", json=body, headers=remit.client(who))


async def proposed(remit: Installation, **body: Any) -> dict[str, Any]:
    answer = await propose(remit, **body)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def active(remit: Installation) -> dict[str, Any]:
    answer = await remit.http.get("/v1/policy", headers=remit.client("clerk"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def judged_by(remit: Installation, version: str) -> None:
    """Wait until the worker judges by a version."""
    async with asyncio.timeout(20):
        while True:
            note = (await remit.submit({"customer": "c-7", "text": "called"}, wait=10)).json()
            if note["assessment"]["policy"]["version"] == version:
                return
            await asyncio.sleep(0.05)


async def test_a_change_is_proposed_approved_by_others_and_used_without_a_restart(governed: Installation) -> None:
    first = await active(governed)
    asked = await proposed(governed, bundle=second())

    assert (asked["version"], asked["replaces"], asked["author"]) == ("2", first["digest"], "olga")
    assert any("it is very much" in line for line in asked["differences"])
    assert "recorded actions of the last 90 days could be replayed" in asked["replay"][0]
    assert asked["review"].endswith(f"/review/{asked['action']}")
    again = await proposed(governed, bundle=second())
    assert again["action"] == asked["action"]

    action = await governed.until(asked["action"], "pending_approval")
    assert (action["tier"], action["action_type"]) == ("high", "policy.activate")
    own = await governed.vote(action, "olga")
    assert (own.status_code, own.json()["code"]) == (403, "self_approval")
    assert (await governed.vote(action, "ann")).status_code == 200
    assert (await active(governed)) == first
    assert (await governed.vote(action, "bob")).status_code == 200

    await governed.until(asked["action"], "succeeded")
    now = await active(governed)
    assert (now["version"], now["digest"], now["action"], now["by"]) == ("2", asked["digest"], asked["action"], "olga")
    await judged_by(governed, "2")
    entries = await governed.entries(asked["action"])
    (activated,) = (each for each in entries if each["kind"] == "policy.activated")
    assert activated["data"]["replaces"] == first["digest"]

    back = await proposed(governed, earlier=first["digest"], reason="it was better")
    assert (back["version"], back["replaces"]) == ("1", asked["digest"])
    past = await governed.http.get("/v1/policy/history", headers=governed.client("ann"))
    assert [each["version"] for each in past.json()["items"]] == ["2", "1"]


async def test_of_two_approved_changes_the_later_has_to_be_proposed_again(governed: Installation) -> None:
    changes = [await proposed(governed, bundle=second(version=version)) for version in ("2", "3")]
    for change in changes:
        action = await governed.until(change["action"], "pending_approval")
        for who in ("ann", "bob"):
            assert (await governed.vote(action, who)).status_code == 200
        await governed.until(change["action"], "succeeded", "failed")

    ended = await governed.get(changes[1]["action"])
    assert ended["state"] == "failed"
    assert "propose it again" in str(ended)
    assert (await active(governed))["version"] == "2"


async def test_what_cannot_be_proposed_is_refused_and_changes_nothing(governed: Installation) -> None:
    first = await active(governed)
    wrong_test = {**LARGE, "expect": {"tier": "low", "route": "execute"}}
    refused: list[tuple[str, dict[str, Any], int, str]] = [
        ("clerk", {"bundle": second()}, 403, "this needs a token of kind reviewer"),
        ("olga", {}, 422, "either a bundle, or the digest"),
        ("olga", {"bundle": {"id": "x"}}, 422, "'version' is missing"),
        ("olga", {"bundle": second(policy_changes={"owner": "nobody", "approval": "two"})}, 422, "nobody"),
        ("olga", {"bundle": second(tests=[LARGE, {**wrong_test, "id": "wrong"}])}, 422, "wrong"),
        ("olga", {"bundle": {**GOVERNED}}, 422, "is active already"),
        ("olga", {"earlier": "sha256:" + "0" * 64}, 404, "was ever active"),
        ("olga", {"bundle": second(), "reason": " "}, 422, "reason"),
    ]
    for who, body, status, said in refused:
        answer = await propose(governed, who, **body)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert await active(governed) == first
    assert await governed.fetchval("SELECT count(*) FROM action WHERE action_type = 'policy.activate'") == 0


async def test_a_text_of_a_bundle_that_cannot_be_stored_is_refused_with_its_path(governed: Installation) -> None:
    rules = GOVERNED["risk"]["rules"]
    kind = GOVERNED["action_types"][0]
    told = {
        "version": second(version="2{}"),
        "agents[0].title": second(agents=[{**GOVERNED["agents"][0], "title": "C{}"}, *GOVERNED["agents"][1:]]),
        "risk.rules[0].because": second(
            risk={**GOVERNED["risk"], "rules": [{**rules[0], "because": "{}"}, *rules[1:]]}
        ),
        "action_types[0].arguments.description": second(
            action_types=[
                {**kind, "arguments": {**kind["arguments"], "description": "{}"}},
                *GOVERNED["action_types"][1:],
            ]
        ),
        "tests[0].context.prompt": second(tests=[{**LARGE, "context": {"prompt": "{}"}}]),
        "more{}": second(**{"more{}": 1}),
    }
    for odd, escape, said in (("\x00", r"\u0000", "NUL character"), ("\ud800", r"\ud800", "half of a character")):
        for path, document in told.items():
            body = json.dumps({"bundle": document, "reason": "why"}).replace("{}", escape)
            headers = {**governed.client("olga"), "Content-Type": "application/json"}
            answer = await governed.http.post("/v1/policy/proposals", content=body, headers=headers)
            assert answer.status_code == 422, answer.text
            assert f"\n  {path.format(escape)}: the text has " in answer.json()["detail"], answer.text
            assert said in answer.json()["detail"]
            assert odd not in answer.json()["detail"]
    assert await governed.fetchval("SELECT count(*) FROM action") == 0


async def test_only_people_propose_changes_whatever_an_agents_token_says(governed: Installation) -> None:
    pool = await open_pool(SecretStr(governed.postgres.url("remit_owner", governed.database)), 1)
    governed.tokens["remit.policy"] = await create_token(pool, TokenKind.AGENT, "remit.policy", "tests")
    await pool.close()
    change = {"action_type": "policy.activate", "arguments": {"bundle": "sha256:" + "0" * 64}}
    refused: list[tuple[str, dict[str, Any], int, str]] = [
        ("remit.policy", {}, 403, "changes of the policy are proposed by people: POST /v1/policy/proposals"),
        ("remit.policy", {**change, "use_case": "remit.policy"}, 403, "are proposed by people"),
        ("clerk", change, 422, "no action type 'policy.activate' in the catalog"),
        ("clerk", {**change, "use_case": "remit.policy"}, 422, "no use case 'remit.policy' in the catalog"),
    ]
    for agent, body, status, said in refused:
        arguments = body.get("arguments", {"customer": "c-1", "text": "called"})
        changes = {name: value for name, value in body.items() if name != "arguments"}
        answer = await governed.submit(arguments, agent=agent, **changes)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert await governed.fetchval("SELECT count(*) FROM action") == 0
