"""The agents' and reviewers' API on a whole installation."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from temporalio.client import WorkflowExecutionStatus

from adapters.database.administration import activate_bundle
from adapters.database.connection import open_pool
from domain.canonical import canonical_bytes, digest
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation, installed
from workflows.client import connect

NOTE = {"customer": "c-7", "text": "called back"}


async def test_a_low_tier_action_is_finished_in_one_round_trip(remit: Installation) -> None:
    answer = await remit.submit(NOTE, wait=5)

    assert answer.status_code == 201
    action = answer.json()
    assert (action["state"], action["tier"], action["route"]) == ("succeeded", "low", "execute")
    assert answer.headers["Location"] == f"/v1/actions/{action['id']}"
    effect = remit.crm.of(action["id"])
    assert [(e.method, e.path, e.body) for e in effect] == [("POST", "/customers/c-7/notes", {"text": "called back"})]
    kinds = [entry["kind"] for entry in await remit.entries(action["id"])]
    assert kinds == ["action.requested", "action.assessed", "execution.intended", "execution.succeeded"]


async def test_the_revision_is_named_by_the_digest_of_its_canonical_arguments(remit: Installation) -> None:
    action = (await remit.submit(NOTE, wait=5)).json()

    assert action["revision"] == {"number": 1, "digest": digest(canonical_bytes(NOTE)), "arguments": NOTE}


async def test_without_a_wait_the_action_is_accepted_and_followed_later(remit: Installation) -> None:
    answer = await remit.submit(NOTE)

    assert answer.status_code == 202
    followed = await remit.get(answer.json()["id"], "clerk", wait=10)
    assert followed["state"] == "succeeded"


async def test_an_approved_action_runs_exactly_once(remit: Installation) -> None:
    action = await remit.refund()
    assert action["tier"] == "medium"
    assert remit.crm.of(action["id"]) == []

    answer = await remit.vote(action, "ann")

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "accepted": True,
        "outcome": "approved",
        "approvals": 1,
        "quorum": 1,
        "stage": 1,
        "stages": 1,
    }
    ended = await remit.get(action["id"], wait=10)
    assert ended["state"] == "succeeded"
    assert ended["approval"]["votes"][0]["person"] == "ann"
    assert ended["execution"]["outcome"] == "succeeded"
    assert len(remit.crm.of(action["id"])) == 1


async def test_a_wait_through_an_approval_returns_the_finished_action(remit: Installation) -> None:
    async def approve_soon() -> None:
        async with asyncio.timeout(20):
            while True:
                listed = await remit.http.get(
                    "/v1/actions", params={"state": "pending_approval", "limit": 1}, headers=remit.client("admin")
                )
                found = listed.json()["items"]
                if found and found[0]["revision"]["arguments"]["amount_minor"] == 4242:
                    await remit.vote(found[0], "ann")
                    return
                await asyncio.sleep(0.05)

    approving = asyncio.create_task(approve_soon())
    answer = await remit.submit({"customer": "c-1", "amount_minor": 4242}, action_type="refund.create", wait=20)
    await approving

    assert answer.status_code == 201
    assert answer.json()["state"] == "succeeded"


async def test_the_same_key_and_body_is_the_same_action(remit: Installation) -> None:
    first = await remit.submit(NOTE, key="same-key", wait=5)
    again = await remit.submit(dict(reversed(NOTE.items())), key="same-key", wait=5)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert len(remit.crm.of(first.json()["id"])) == 1


async def test_the_same_key_with_another_body_is_a_conflict_and_leaves_the_first_alone(remit: Installation) -> None:
    first = await remit.submit(NOTE, key="conflicting", wait=5)
    other = await remit.submit({**NOTE, "text": "other"}, key="conflicting", wait=5)

    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert first.json()["id"] in other.json()["detail"]
    assert first.json().items() <= (await remit.get(first.json()["id"])).items()


async def test_a_key_that_was_used_is_a_conflict_even_for_a_body_the_catalog_refuses(remit: Installation) -> None:
    await remit.submit(NOTE, key="taken", wait=5)

    other = await remit.submit(NOTE, key="taken", use_case="nowhere")

    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_an_accepted_action_is_found_by_its_key_whatever_the_catalog_says_now(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> None:
    async with installed(shared_postgres, shared_temporal, "changing") as here:
        first = await here.submit(NOTE, key="before", wait=5)
        pool = await open_pool(SecretStr(shared_postgres.url("remit_owner", "changing")), 2)
        suspended = bundle(version="2", agents=[{**agent, "status": "suspended"} for agent in DOCUMENT["agents"]])
        await activate_bundle(pool, suspended, "tests")
        await pool.close()
        async with asyncio.timeout(10):
            while (await here.submit(NOTE)).status_code != 403:
                await asyncio.sleep(0.1)

        again = await here.submit(NOTE, key="before", wait=5)

    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])


async def test_many_submissions_of_one_key_at_once_make_one_action(remit: Installation) -> None:
    answers = await asyncio.gather(*(remit.submit(NOTE, key="racing", wait=10) for _ in range(12)))

    assert {answer.status_code for answer in answers} == {201}
    ids = {answer.json()["id"] for answer in answers}
    assert len(ids) == 1
    assert len(remit.crm.of(ids.pop())) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"use_case": "nowhere"}, 422, "unknown_use_case"),
        ({"action_type": "nothing.at.all"}, 422, "unknown_action_type"),
        ({"use_case": "chat"}, 403, "policy_denied"),
        ({"use_case": "eu-support"}, 403, "policy_denied"),
        ({"use_case": "eu-support", "context": {"region": "US"}}, 403, "policy_denied"),
        ({"context": {"mood": "good"}}, 422, "invalid_request"),
        ({"use_case": "Support"}, 422, "invalid_request"),
    ],
)
async def test_what_the_catalog_does_not_allow_is_refused_with_its_reason(
    remit: Installation, changes: dict[str, Any], status: int, code: str
) -> None:
    before = len(remit.crm.effects)

    answer = await remit.submit(NOTE, wait=5, **changes)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(remit.crm.effects) == before


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"customer": "c-1"},
        {"customer": "1", "text": "x"},
        {"customer": "c-1\n", "text": "x"},
        {"customer": "c-1", "text": "x", "more": 1},
        {"customer": "c-1", "text": "x" * 2001},
        {"customer": None, "text": "x"},
    ],
)
async def test_arguments_that_do_not_fit_the_schema_are_refused_by_path(
    remit: Installation, arguments: dict[str, Any]
) -> None:
    answer = await remit.submit(arguments, wait=5)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_arguments")
    assert "$" in answer.json()["detail"]


async def test_a_refusal_at_the_door_stands_in_the_ledger(remit: Installation) -> None:
    await remit.submit(NOTE, use_case="nowhere-to-be-found")

    async with asyncio.timeout(10):
        while not await _refusals(remit, "nowhere-to-be-found"):
            await asyncio.sleep(0.1)


async def _refusals(remit: Installation, use_case: str) -> int:
    connection = await asyncpg.connect(remit.settings.database_url.get_secret_value())
    rows = await connection.fetch("SELECT body FROM ledger_entry WHERE kind = 'action.refused'")
    await connection.close()
    return sum(json.loads(row["body"])["data"]["use_case"] == use_case for row in rows)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"not json", 422),
        (b"[]", 422),
        (b'{"use_case": "support"}', 422),
        (b'{"use_case":"support","action_type":"note.add","arguments":{"customer":9007199254740993}}', 422),
        (b'{"use_case":"support","action_type":"note.add","arguments":{"customer":1e999}}', 422),
        (b'{"use_case":"support","action_type":"note.add","arguments":{"customer":"\\ud800","text":"x"}}', 422),
        (b'{"use_case":"support","action_type":"note.add","arguments":' + b'{"a":' * 40 + b"1" + b"}" * 41, 413),
        (b'{"use_case":"support","action_type":"note.add","arguments":{"a":"' + b"x" * 70_000 + b'"}}', 413),
        (b"x" * 300_000, 413),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 422),
    ],
)
async def test_whatever_is_sent_gets_a_clear_4xx(remit: Installation, body: bytes, status: int) -> None:
    headers = {**remit.client("clerk"), "Idempotency-Key": "k", "Content-Type": "application/json"}

    answer = await remit.http.post("/v1/actions", content=body, headers=headers)

    assert answer.status_code == status, answer.text
    assert answer.json()["code"]


async def test_a_streamed_body_over_the_limit_is_refused(remit: Installation) -> None:
    async def stream() -> Any:
        for _ in range(80):
            yield b"x" * 8192

    headers = {**remit.client("clerk"), "Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await remit.http.post("/v1/actions", content=stream(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "x"])
async def test_a_wait_outside_its_bounds_is_refused(remit: Installation, wait: str) -> None:
    headers = {**remit.client("clerk"), "Idempotency-Key": "k"}
    body = {"use_case": "support", "action_type": "note.add", "arguments": NOTE}
    answer = await remit.http.post("/v1/actions", json=body, headers=headers, params={"wait": wait})

    assert answer.status_code == 422


async def test_an_idempotency_key_is_required(remit: Installation) -> None:
    body = {"use_case": "support", "action_type": "note.add", "arguments": NOTE}

    answer = await remit.http.post("/v1/actions", json=body, headers=remit.client("clerk"))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "Idempotency-Key" in answer.json()["detail"]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer " + "x" * 5000])
async def test_without_a_known_token_nothing_is_shown(remit: Installation, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}

    answer = await remit.http.get("/v1/actions", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_an_agent_sees_only_its_own_actions(remit: Installation) -> None:
    mine = (await remit.submit(NOTE, wait=5)).json()["id"]
    theirs = remit.client("other")

    for path in (f"/v1/actions/{mine}", f"/v1/actions/{mine}/ledger"):
        answer = await remit.http.get(path, headers=theirs)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    cancelled = await remit.http.post(f"/v1/actions/{mine}/cancel", headers=theirs)
    assert cancelled.status_code == 404
    listed = await remit.http.get("/v1/actions", headers=theirs)
    assert listed.json()["items"] == []
    asked_for = await remit.http.get("/v1/actions", headers=theirs, params={"agent": "clerk"})
    assert (asked_for.status_code, asked_for.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("who", ["clerk", "admin"])
async def test_only_a_reviewers_token_can_vote(remit: Installation, who: str) -> None:
    action = await remit.refund()

    answer = await remit.vote(action, who)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await remit.get(action["id"]))["state"] == "pending_approval"


async def test_a_reviewers_token_cannot_submit_or_withdraw(remit: Installation) -> None:
    action = await remit.refund()

    submitted = await remit.submit(NOTE, agent="ann")
    withdrawn = await remit.http.post(f"/v1/actions/{action['id']}/cancel", headers=remit.client("ann"))

    assert {submitted.status_code, withdrawn.status_code} == {403}


async def test_a_suspended_agent_is_refused(remit: Installation) -> None:
    answer = await remit.submit(NOTE, agent="retired")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_the_agent_withdraws_a_waiting_action_once_and_for_all(remit: Installation) -> None:
    action = await remit.refund()
    path = f"/v1/actions/{action['id']}/cancel"

    first = await remit.http.post(path, headers=remit.client("clerk"))
    again = await remit.http.post(path, headers=remit.client("clerk"))
    vote = await remit.vote(action, "ann")

    assert first.json()["state"] == again.json()["state"] == "cancelled"
    assert (vote.status_code, vote.json()["code"]) == (409, "already_decided")
    assert "withdrew" in vote.json()["detail"]
    assert remit.crm.of(action["id"]) == []


async def test_a_finished_action_cannot_be_withdrawn(remit: Installation) -> None:
    action = (await remit.submit(NOTE, wait=5)).json()

    answer = await remit.http.post(f"/v1/actions/{action['id']}/cancel", headers=remit.client("clerk"))

    assert (answer.status_code, answer.json()["code"]) == (409, "not_waiting")


@pytest.mark.parametrize(
    ("who", "decision", "reason", "status", "code"),
    [
        ("out", "approve", "", 403, "not_eligible"),
        ("cem", "approve", "", 403, "not_eligible"),
        ("ann", "reject", " ", 422, "reason_required"),
    ],
)
async def test_a_vote_that_does_not_count_says_why(
    remit: Installation, who: str, decision: str, reason: str, status: int, code: str
) -> None:
    action = await remit.refund()

    answer = await remit.vote(action, who, decision, reason)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await remit.get(action["id"]))["state"] == "pending_approval"


async def test_the_person_the_agent_acts_for_may_not_approve(remit: Installation) -> None:
    action = await remit.refund(context={"on_behalf_of": "ann@test.example"})

    answer = await remit.vote(action, "ann")

    assert (answer.status_code, answer.json()["code"]) == (403, "self_approval")


async def test_a_late_vote_is_told_who_decided_and_is_recorded(remit: Installation) -> None:
    action = await remit.refund()
    await remit.vote(action, "ann", "reject", "not this one")

    answer = await remit.vote(action, "bob")

    assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
    assert "ann rejected it" in answer.json()["detail"]
    entries = await remit.entries(action["id"])
    assert [e["actor"]["id"] for e in entries if e["kind"] == "vote.refused"] == ["bob"]


async def test_votes_at_the_same_moment_run_it_once_and_each_is_answered(remit: Installation) -> None:
    action = await remit.refund()

    answers = await asyncio.gather(*(remit.vote(action, who) for who in ("ann", "bob", "olga", "out", "ann", "bob")))

    assert sorted(answer.status_code for answer in answers).count(200) == 1
    ended = await remit.get(action["id"], wait=10)
    assert ended["state"] == "succeeded"
    assert len(remit.crm.of(action["id"])) == 1
    voted = [e for e in await remit.entries(action["id"]) if e["kind"].startswith("vote.")]
    assert len(voted) == 6


async def test_silence_escalates_and_then_the_second_group_decides(remit: Installation) -> None:
    action = await remit.refund(use_case="chat")

    async with asyncio.timeout(10):
        while "on-call" not in (await remit.get(action["id"]))["approval"]["groups"]:
            await asyncio.sleep(0.1)
    answer = await remit.vote(action, "cem")

    assert answer.status_code == 200, answer.text
    ended = await remit.get(action["id"], wait=10)
    assert ended["state"] == "succeeded"
    assert [e["kind"] for e in ended["approval"]["escalations"]] == ["remind", "escalate"]


async def test_nobody_answers_and_it_expires_without_an_effect(remit: Installation) -> None:
    action = await remit.refund(use_case="chat")

    ended = await remit.get(action["id"], wait=15)

    assert ended["state"] == "expired"
    assert remit.crm.of(action["id"]) == []
    late = await remit.vote(action, "ann")
    assert (late.status_code, late.json()["code"]) == (409, "expired")


async def test_denials_and_suggestions_end_at_once_without_an_effect(remit: Installation) -> None:
    too_much = {"customer": "c-1", "amount_minor": 10_000_001}
    denied = await remit.submit(too_much, action_type="refund.create", wait=5)
    suggested = await remit.submit(NOTE, use_case="ideas", wait=5)
    frozen = await remit.submit(NOTE, use_case="frozen", wait=5)

    assert [a.json()["state"] for a in (denied, suggested, frozen)] == ["denied", "suggested", "denied"]
    assert "100 000" in denied.json()["assessment"]["because"]
    assert all(not remit.crm.of(a.json()["id"]) for a in (denied, suggested, frozen))


async def test_a_rule_that_fails_is_shown_and_asks_at_the_highest_tier(remit: Installation) -> None:
    answer = await remit.submit({"customer": "c-1", "text": "break it"})
    action = await remit.until(answer.json()["id"], "pending_approval")

    assert action["tier"] == "high"
    assert "could not be judged" in action["assessment"]["hits"][0]["reason"]
    assert remit.crm.of(action["id"]) == []


async def test_the_list_is_filtered_and_paged_without_gaps(remit: Installation) -> None:
    made = [(await remit.submit(NOTE, wait=5)).json()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while not set(made) <= set(seen):
        filters = {"state": "succeeded", "tier": "low", "use_case": "support", "limit": "2"}
        place = {"cursor": cursor} if cursor else {}
        answer = await remit.http.get("/v1/actions", headers=remit.client("clerk"), params={**filters, **place})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert all(item["state"] == "succeeded" for item in page["items"])
        seen.extend(item["id"] for item in page["items"])
        cursor = page["next"]
        assert cursor is not None or set(made) <= set(seen)
    assert seen[:5] == list(reversed(made))
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("cursor", ["x", "e30=", "WyJub3ciLCAiYSJd", "ü", "=" * 300, "WzEsMl0=", "W10="])
async def test_a_cursor_that_is_not_ours_is_refused(remit: Installation, cursor: str) -> None:
    answer = await remit.http.get("/v1/actions", headers=remit.client("admin"), params={"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_an_effect_that_the_other_side_refuses_fails_the_action(remit: Installation) -> None:
    remit.crm.answers.append(422)

    action = (await remit.submit(NOTE, wait=5)).json()

    assert action["state"] == "failed"
    assert "422" in action["execution"]["result"]["problem"]


async def test_an_effect_that_fails_for_a_while_happens_in_the_end_with_one_key(remit: Installation) -> None:
    remit.crm.answers.extend([503, 503])

    action = (await remit.submit(NOTE, wait=20)).json()

    assert action["state"] == "succeeded"
    assert len(remit.crm.of(action["id"])) == 3


async def test_an_admin_finds_a_waiting_action_in_temporal_by_its_attributes(remit: Installation) -> None:
    action = await remit.refund()
    client = await connect(remit.settings.temporal_address, "default")

    query = "RemitState = 'pending_approval' AND RemitTier = 'medium' AND RemitAgent = 'clerk'"
    async with asyncio.timeout(10):
        while f"action-{action['id']}" not in [found.id async for found in client.list_workflows(query)]:
            await asyncio.sleep(0.1)
    handle = client.get_workflow_handle(f"action-{action['id']}")
    description = await handle.describe()
    assert description.status is WorkflowExecutionStatus.RUNNING
    assert await description.static_summary() == "refund.create by clerk"


async def test_while_temporal_is_away_nothing_is_lost_and_the_same_key_goes_on(
    shared_postgres: Any, servers_home: Any
) -> None:
    home = servers_home / "away"
    home.mkdir(mode=0o755)
    temporal = TemporalServer(home, headless=True)
    await temporal.start()
    try:
        async with installed(shared_postgres, temporal, "away") as here:
            assert (await here.submit(NOTE, wait=5)).status_code == 201
            await temporal.stop()
            refused = await here.submit(NOTE, key="patient", wait=1)
            assert (refused.status_code, refused.json()["code"]) == (503, "engine_unavailable")
            assert refused.headers["Retry-After"]
            ready = await here.http.get("/readyz")
            assert (ready.status_code, ready.json()["database"]) == (503, "ok")
            assert ready.json()["temporal"] != "ok"
            assert (await here.http.get("/healthz")).status_code == 200
            await temporal.start()
            async with asyncio.timeout(60):
                while (answer := await here.submit(NOTE, key="patient", wait=10)).status_code != 201:
                    await asyncio.sleep(0.5)
            assert len(here.crm.of(answer.json()["id"])) == 1
    finally:
        await temporal.stop()


async def test_ready_says_that_everything_is_there_and_metrics_are_shown(remit: Installation) -> None:
    await remit.submit(NOTE, wait=5)

    ready = await remit.http.get("/readyz")
    metrics = await remit.http.get("/metrics")

    expected = {"ready": True, "database": "ok", "temporal": "ok", "worker": "ok", "policy": "ok", "step_up": "ok"}
    assert (ready.status_code, ready.json()) == (200, expected)
    assert "remit_actions_assessed_total" in metrics.text


async def test_unknown_paths_and_methods_are_problems_too(remit: Installation) -> None:
    missing = await remit.http.get("/v1/nothing")
    method = await remit.http.delete("/v1/actions")
    malformed = await remit.http.get("/v1/actions/not-an-id", headers=remit.client("admin"))
    absent = await remit.http.get(f"/v1/actions/{'0' * 32}", headers=remit.client("admin"))

    assert [a.status_code for a in (missing, method, malformed, absent)] == [404, 405, 422, 404]
    assert all(a.headers["content-type"] == "application/problem+json" for a in (missing, method, malformed, absent))
