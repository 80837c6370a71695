"""Holds over the API on a whole installation: what is refused, what is frozen, and how it goes on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.pages import signed_in
from tests.installation import Installation

NOTE = {"customer": "c-7", "text": "called back"}
EVERYTHING = {"scope": "everything", "reason": "the CRM answers nonsense"}
CLERK = {"scope": "agent", "subject": "clerk", "reason": "it refunds everybody"}


@pytest.fixture(autouse=True)
async def _lifted_afterwards(remit: Installation) -> AsyncIterator[None]:
    yield
    await remit.lift_holds()


async def place(remit: Installation, body: dict[str, Any], who: str = "admin", wait: float = 10) -> httpx.Response:
    return await remit.http.post("/v1/holds", json=body, headers=remit.client(who), params={"wait": wait})


async def release(remit: Installation, hold_id: str, who: str = "admin") -> httpx.Response:
    body = {"reason": "mended"}
    return await remit.http.post(f"/v1/holds/{hold_id}/release", json=body, headers=remit.client(who))


async def placed(remit: Installation, body: dict[str, Any]) -> dict[str, Any]:
    answer = await place(remit, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def until_deadline_moved(remit: Installation, action: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while (found := await remit.get(action["id"]))["approval"]["deadline"] == action["approval"]["deadline"]:
            await asyncio.sleep(0.05)
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_an_admin_places_lists_and_lifts_a_hold(remit: Installation) -> None:
    hold = await placed(remit, CLERK)

    assert {name: hold[name] for name in CLERK} == CLERK
    assert (hold["placed_by"], hold["lifted_at"], hold["under_way"]) == ("admin", None, [])
    again = await place(remit, {**CLERK, "reason": "another"})
    assert (again.status_code, again.json()) == (200, hold)
    on = await remit.http.get("/v1/holds", headers=remit.client("ann"), params={"active": True})
    assert [one["id"] for one in on.json()["items"]] == [hold["id"]]

    lifted = await release(remit, hold["id"])

    assert lifted.status_code == 200
    assert (lifted.json()["lifted_by"], lifted.json()["lift_reason"]) == ("admin", "mended")
    assert (await release(remit, hold["id"])).json() == lifted.json()
    on = await remit.http.get("/v1/holds", headers=remit.client("admin"), params={"active": True})
    assert on.json()["items"] == []
    newest = await remit.http.get("/v1/holds", headers=remit.client("admin"), params={"limit": 1})
    assert newest.json()["items"] == [lifted.json()]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"scope": "agent", "reason": "x"}, "named by its id"),
        ({"scope": "everything", "subject": "clerk", "reason": "x"}, "everything has no subject"),
        ({"scope": "agent", "subject": "clark", "reason": "x"}, "no agent 'clark' in the active policy; did you mean"),
        ({"scope": "use_case", "subject": "suport", "reason": "x"}, "did you mean 'support'?"),
        ({"scope": "action_type", "subject": "note.ad", "reason": "x"}, "did you mean 'note.add'?"),
        ({"scope": "executor", "subject": "x", "reason": "x"}, "scope"),
        ({"scope": "everything", "reason": "  "}, "reason"),
        ({"scope": "everything", "reason": "x" * 2001}, "reason"),
        ({"scope": "everything", "reason": "a\x00b"}, "reason"),
        ({"scope": "everything"}, "reason"),
        ({**EVERYTHING, "until": "tomorrow"}, "until"),
    ],
)
async def test_a_hold_that_makes_no_sense_is_refused_and_nothing_is_held(
    remit: Installation, body: dict[str, Any], said: str
) -> None:
    answer = await place(remit, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert said in answer.json()["detail"]
    assert (await remit.submit(NOTE)).status_code == 202


@pytest.mark.parametrize("who", ["clerk", "ann"])
async def test_only_an_admin_places_and_lifts(remit: Installation, who: str) -> None:
    hold = await placed(remit, CLERK)

    assert (await place(remit, EVERYTHING, who)).status_code == 403
    assert (await release(remit, hold["id"], who)).status_code == 403
    assert (await remit.http.get("/v1/holds", headers=remit.client("clerk"))).status_code == 403
    assert (await remit.http.get("/v1/holds")).status_code == 401


async def test_lifting_what_is_not_there_is_not_found(remit: Installation) -> None:
    answer = await release(remit, "0" * 12)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("body", [EVERYTHING, CLERK], ids=["everything", "the agent"])
async def test_new_actions_are_refused_until_it_is_lifted(remit: Installation, body: dict[str, str]) -> None:
    accepted = await remit.submit(NOTE, key=f"before-{body['scope']}", wait=10)
    hold = await placed(remit, body)

    refused = await remit.submit(NOTE, key=f"during-{body['scope']}")

    assert refused.status_code == 423
    problem = refused.json()
    assert (problem["code"], problem["title"]) == ("held", "Held")
    assert problem["detail"].startswith(f"hold {hold['id']} on ")
    assert f"placed by admin: {body['reason']}" in problem["detail"]
    again = await remit.submit(NOTE, key=f"before-{body['scope']}")
    assert (again.status_code, again.json()["id"]) == (201, accepted.json()["id"])
    await release(remit, hold["id"])
    later = await remit.submit(NOTE, key=f"during-{body['scope']}", wait=10)
    assert (later.status_code, later.json()["state"]) == (201, "succeeded")


async def test_a_refusal_at_the_door_is_in_the_ledger(remit: Installation) -> None:
    statement = """SELECT count(*) FROM ledger_entry
        WHERE kind = 'action.refused' AND convert_from(body, 'UTF8')::jsonb #>> '{data,code}' = 'held'"""
    before = await remit.fetchval(statement)
    await placed(remit, EVERYTHING)

    await remit.submit(NOTE)

    assert await remit.fetchval(statement) == before + 1


async def test_a_waiting_action_is_frozen_and_goes_on_with_exactly_the_time_that_was_left(
    remit: Installation,
) -> None:
    action = await remit.refund()
    assert action["hold"] is None
    hold = await placed(remit, CLERK)

    assert (await remit.get(action["id"]))["hold"]["id"] == hold["id"]
    refused = await remit.vote(action, "ann")
    assert (refused.status_code, refused.json()["code"]) == (423, "held")
    assert hold["id"] in refused.json()["detail"]
    assert (await remit.entries(action["id"]))[-1]["data"]["code"] == "held"
    lifted = (await release(remit, hold["id"])).json()
    after = await until_deadline_moved(remit, action)

    moved = moment(after["approval"]["deadline"]) - moment(action["approval"]["deadline"])
    assert moved == moment(lifted["lifted_at"]) - moment(hold["placed_at"])
    assert after["hold"] is None
    postponed = (await remit.entries(action["id"]))[-1]
    assert postponed["kind"] == "approval.postponed"
    assert postponed["data"]["by_microseconds"] == moved // timedelta(microseconds=1)
    assert moment(postponed["data"]["expires_at"]) == moment(after["approval"]["deadline"])
    assert (await remit.vote(after, "ann")).status_code == 200
    assert (await remit.get(action["id"], wait=10))["state"] == "succeeded"
    assert len(remit.crm.of(action["id"])) == 1


async def test_what_was_accepted_before_does_not_fail_and_runs_when_released(remit: Installation) -> None:
    remit.crm.answers = [429, 429, 429]  # not taken: tried again
    action = (await remit.submit(NOTE)).json()
    await remit.until(action["id"], "executing")
    hold = await placed(remit, EVERYTHING)
    sent = len(remit.crm.of(action["id"]))
    await asyncio.sleep(3)
    assert len(remit.crm.of(action["id"])) == sent
    assert (await remit.get(action["id"]))["hold"]["id"] == hold["id"]
    remit.crm.answers = []

    await release(remit, hold["id"])

    assert (await remit.until(action["id"], "succeeded"))["hold"] is None
    assert len(remit.crm.of(action["id"])) == sent + 1


async def test_the_review_page_and_the_inbox_say_what_is_held_and_offer_no_vote(remit: Installation) -> None:
    action = await remit.refund()
    ann = await signed_in(remit, "ann")
    hold = await placed(remit, CLERK)

    page, inbox = await ann.get(f"/review/{action['id']}"), await ann.get("/review")

    assert "Held: nothing of this runs, and the clock stands still" in page.text
    assert f"admin placed hold {hold['id']} on agent 'clerk'" in page.text
    assert "it refunds everybody" in page.text
    assert "Nobody can decide while the hold is on." in page.text
    assert not page.has_form("/votes")
    assert "left once the hold is lifted" in page.text
    assert "left once the hold is lifted" in inbox.text
    await release(remit, hold["id"])
    after = await until_deadline_moved(remit, action)
    page = await ann.get(f"/review/{action['id']}")
    assert page.has_form("/votes")
    await remit.vote(after, "ann", "reject", "test")
    await ann.http.aclose()


async def test_active_holds_are_counted_by_scope(remit: Installation) -> None:
    await placed(remit, CLERK)

    async with asyncio.timeout(20):
        while 'remit_holds_active{scope="agent"} 1.0' not in (await remit.http.get("/metrics")).text:
            await asyncio.sleep(0.05)

    assert 'remit_holds_active{scope="everything"} 0.0' in (await remit.http.get("/metrics")).text
