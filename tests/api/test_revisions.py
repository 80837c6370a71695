"""Edits, revisions, questions and answers over the API, on a whole installation."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.canonical import canonical_bytes, digest
from domain.revision import MAX_REVISIONS
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.editing import BUNDLE, answered, kinds, order, post, revise, revised
from tests.installation import Installation, installed
from workflows.attempts import MAX_ATTEMPTS


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    async with installed(shared_postgres, shared_temporal, "revisions", BUNDLE) as installation:
        yield installation


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_edit_voids_earlier_votes_and_the_agent_is_told_exactly_what_ran(remit: Installation) -> None:
    action = await remit.refund(200_000)
    assert (await remit.vote(action, "bob")).json()["approvals"] == 1

    answer = await revise(remit, action, "ann", amount_minor=150_000)

    arguments = {"customer": "c-1", "amount_minor": 150_000}
    made = digest(canonical_bytes(arguments))
    assert answer.json() == {
        "accepted": True,
        "outcome": None,
        "approvals": 0,
        "quorum": 2,
        "stage": 1,
        "stages": 1,
        "revision": made,
    }
    edited = await remit.get(action["id"], "clerk")
    assert edited["revision"] == {"number": 2, "digest": made, "arguments": arguments}
    assert edited["approval"]["votes"] == []
    first, second = edited["revisions"]
    assert (first["number"], first["author"]["id"], first["changed"]) == (1, "clerk", [])
    assert first["arguments"]["amount_minor"] == 200_000
    assert (second["digest"], second["author"], second["changed"]) == (
        made,
        {"kind": "person", "id": "ann", "door": "api"},
        ["amount_minor"],
    )
    assert refused(await remit.vote(action, "bob")) == (409, "superseded")

    # Finance has ann, bob and olga; ann wrote it, and olga owns the agent: an edit cannot make an approval of two.
    assert refused(await remit.vote(edited, "ann")) == (403, "self_approval")
    assert (await remit.vote(edited, "bob")).json()["approvals"] == 1
    entries = {entry["kind"]: entry for entry in await remit.entries(action["id"])}
    assert entries["revision.made"]["data"]["void_votes"] == ["bob: approve"]


async def test_the_revision_that_was_approved_is_what_runs(remit: Installation) -> None:
    edited = await revised(remit, await remit.refund(), "ann", amount_minor=4000, note="part of it")

    assert (await remit.vote(edited, "bob")).json()["outcome"] == "approved"

    ran = await remit.get(edited["id"], "clerk", wait=20)
    assert (ran["state"], ran["revision"]) == ("succeeded", edited["revision"])
    (effect,) = remit.crm.of(edited["id"])
    assert effect.body == {"customer": "c-1", "amount_minor": 4000, "note": "part of it"}


async def test_an_edit_outside_editable_is_refused_and_says_which_fields_are_allowed(remit: Installation) -> None:
    action = await remit.refund()

    answer = await revise(remit, action, "ann", customer="c-2", note="ok")

    assert refused(answer) == (403, "edit_refused")
    assert answer.json()["detail"] == ("a reviewer may not change customer of 'refund.create': only amount_minor, note")
    lines = [{"sku": "A", "count": 3}, {"sku": "C", "count": 2}]
    placed = await order(remit)
    answer = await revise(remit, placed, "ann", lines=lines)
    assert "may not change lines[].sku of" in answer.json()["detail"]
    assert await kinds(remit, action) == [
        "action.requested",
        "action.assessed",
        "approval.requested",
        "revision.refused",
    ]
    stored = "SELECT count(*) FROM revision WHERE action = $1"
    assert await remit.fetchval(stored, action["id"]) == 0, "what nobody may ask for takes no room"


async def test_an_editor_approves_their_own_revision_only_where_the_bundle_says_so(remit: Installation) -> None:
    apart = await revised(remit, await remit.refund(), "ann", amount_minor=4000)
    assert refused(await remit.vote(apart, "ann")) == (403, "self_approval")

    counted = await revised(remit, await remit.refund(use_case="chat"), "ann", amount_minor=4000)

    (vote,) = counted["approval"]["votes"]
    assert (vote["person"], vote["decision"], vote["reason"]) == ("ann", "approve", "as agreed")
    assert refused(await remit.vote(counted, "ann")) == (409, "duplicate_vote")
    assert (await remit.vote(counted, "bob")).json()["outcome"] == "approved"
    await remit.until(counted["id"], "succeeded")


async def test_an_edit_on_a_stale_base_is_refused(remit: Installation) -> None:
    action = await remit.refund()
    await revised(remit, action, "ann", amount_minor=4000)

    answer = await revise(remit, action, "bob", amount_minor=3000)

    assert refused(answer) == (409, "superseded")
    assert (await remit.get(action["id"]))["revision"]["arguments"]["amount_minor"] == 4000
    assert (await kinds(remit, action))[-1] == "revision.refused"


async def test_of_two_edits_at_once_one_is_made(remit: Installation) -> None:
    action = await remit.refund()

    answers = await asyncio.gather(
        *(revise(remit, action, who, amount_minor=amount) for who, amount in (("ann", 4000), ("bob", 3000)))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    stands = await remit.get(action["id"])
    made = next(answer.json()["revision"] for answer in answers if answer.status_code == 200)
    assert (stands["revision"]["number"], stands["revision"]["digest"]) == (2, made)


async def test_an_edit_that_the_policy_would_not_let_run_is_refused(remit: Installation) -> None:
    action = await remit.refund()

    answer = await revise(remit, action, "ann", amount_minor=10_000_001)

    assert refused(answer) == (403, "edit_refused")
    assert "agents do not refund more than 100 000.00" in answer.json()["detail"]
    assert (await remit.get(action["id"]))["revision"] == action["revision"]


async def test_an_edit_is_judged_anew_and_asked_by_the_rule_of_its_tier(remit: Installation) -> None:
    edited = await revised(remit, await remit.refund(), "ann", amount_minor=200_000)

    assert (edited["tier"], edited["approval"]["quorum"]) == ("high", 2)


async def test_arguments_that_do_not_fit_the_schema_are_refused_with_their_place(remit: Installation) -> None:
    action = await remit.refund()

    answer = await revise(remit, action, "ann", amount_minor=0)

    assert refused(answer) == (422, "invalid_arguments")
    assert "$.amount_minor" in answer.json()["detail"]
    last = (await remit.entries(action["id"]))[-1]
    assert (last["kind"], last["data"]["message"]) == (
        "revision.refused",
        "the catalog does not admit them: invalid_arguments",
    )


async def test_an_edit_that_changes_nothing_is_refused(remit: Installation) -> None:
    action = await remit.refund()

    answer = await revise(remit, action, "ann")

    assert refused(answer) == (403, "edit_refused")
    assert "nothing was changed" in answer.json()["detail"]


async def test_a_replaced_revision_does_not_come_back(remit: Installation) -> None:
    action = await remit.refund()
    edited = await revised(remit, action, "ann", amount_minor=4000)

    answer = await revise(remit, edited, "bob", amount_minor=5000)

    assert refused(answer) == (403, "edit_refused")
    assert "revision 1 said exactly this" in answer.json()["detail"]


async def test_an_action_has_so_many_revisions_and_no_more(remit: Installation) -> None:
    action = await remit.refund()
    for amount in range(1, MAX_REVISIONS):
        action = await revised(remit, action, "clerk", amount_minor=amount)
    assert [revision["number"] for revision in action["revisions"]] == [*range(1, MAX_REVISIONS + 1)]

    answer = await revise(remit, action, "clerk", amount_minor=4999)

    assert refused(answer) == (403, "edit_refused")
    assert f"has {MAX_REVISIONS} revisions already" in answer.json()["detail"]


async def test_a_revision_sent_again_with_its_key_is_made_once(remit: Installation) -> None:
    action = await remit.refund()

    answers = [await revise(remit, action, "ann", "edit-1", amount_minor=4000) for _ in range(2)]

    assert [answer.json() for answer in answers] == [answers[0].json()] * 2
    assert (await kinds(remit, action)).count("revision.made") == 1
    other = await revise(remit, action, "ann", "edit-1", amount_minor=3000)
    assert refused(other) == (409, "superseded"), "another body is another request"


async def test_who_may_not_vote_may_not_edit(remit: Installation) -> None:
    action = await remit.refund(context={"on_behalf_of": "bob"})

    assert refused(await revise(remit, action, "out", amount_minor=1)) == (403, "not_eligible")
    assert refused(await revise(remit, action, "bob", amount_minor=1)) == (403, "self_approval")
    assert refused(await revise(remit, action, "admin", amount_minor=1)) == (403, "forbidden")


async def test_questions_go_to_the_agent_and_its_answer_reopens_the_approval(remit: Installation) -> None:
    action = await remit.refund()

    told = await remit.vote(action, "ann", "return", "Which order is this for?")

    assert (told.json()["accepted"], told.json()["outcome"]) == (True, None)
    seen = await remit.get(action["id"], "clerk")
    (asked,) = seen["approval"]["questions"]
    assert (asked["person"], asked["text"], asked["answer"]) == ("ann", "Which order is this for?", None)
    assert refused(await remit.vote(action, "bob")) == (409, "questions_open")

    answer = await answered(remit, action, "Order 4711, see the note.")

    assert answer.status_code == 200, answer.text
    (asked,) = (await remit.get(action["id"]))["approval"]["questions"]
    assert asked["answer"] == "Order 4711, see the note."
    assert (await remit.vote(action, "ann")).json()["outcome"] == "approved", "to return it was no vote"
    ended = await remit.until(action["id"], "succeeded")
    assert [vote["person"] for vote in ended["approval"]["votes"]] == ["ann"]
    assert {"approval.returned", "approval.answered"} <= set(await kinds(remit, action))


async def test_a_return_without_questions_is_refused(remit: Installation) -> None:
    action = await remit.refund()

    assert refused(await remit.vote(action, "ann", "return", " ")) == (422, "reason_required")


async def test_what_was_returned_can_still_be_rejected(remit: Installation) -> None:
    action = await remit.refund()
    await remit.vote(action, "ann", "return", "Why?")

    assert (await remit.vote(action, "bob", "reject", "It is not theirs.")).json()["outcome"] == "rejected"


async def test_the_agent_may_answer_by_a_revision_of_anything(remit: Installation) -> None:
    action = await remit.refund()
    await remit.vote(action, "ann", "return", "Is it not c-2?")

    edited = await revised(remit, action, "clerk", customer="c-2")

    assert (edited["revisions"][1]["author"]["kind"], edited["revisions"][1]["changed"]) == ("agent", ["customer"])
    assert edited["approval"]["questions"][0]["answered_at"] is not None
    assert (await remit.vote(edited, "ann")).json()["outcome"] == "approved"
    await remit.until(action["id"], "succeeded")
    assert remit.crm.of(action["id"])[0].body["customer"] == "c-2"


async def test_nobody_asked_is_nothing_to_answer(remit: Installation) -> None:
    action = await remit.refund()

    assert refused(await answered(remit, action, "Because.")) == (409, "not_waiting")
    assert (await kinds(remit, action))[-1] == "request.refused"


async def test_while_a_hold_is_on_nothing_is_revised(remit: Installation) -> None:
    action = await remit.refund()
    stop = {"scope": "action_type", "subject": "refund.create", "reason": "an incident"}
    placed = await remit.http.post("/v1/holds", json=stop, headers=remit.client("admin"))
    assert placed.status_code == 201, placed.text

    held = await revise(remit, action, "ann", amount_minor=4000)
    await remit.lift_holds()

    assert refused(held) == (423, "held")
    assert (await revise(remit, action, "ann", amount_minor=4000)).status_code == 200


async def test_to_another_agent_the_action_does_not_exist(remit: Installation) -> None:
    action = await remit.refund()
    await remit.vote(action, "ann", "return", "Why?")

    assert refused(await answered(remit, action, "Because.", who="other")) == (404, "not_found")
    assert refused(await revise(remit, action, "other", amount_minor=1)) == (404, "not_found")
    assert refused(await answered(remit, action, "Because.", who="ann")) == (403, "forbidden")


async def test_what_comes_after_the_decision_is_refused_and_recorded(remit: Installation) -> None:
    action = await remit.refund()
    await remit.vote(action, "ann", "reject", "No.")
    await remit.until(action["id"], "rejected")

    assert refused(await answered(remit, action, "Because.")) == (409, "already_decided")
    assert refused(await revise(remit, action, "clerk", amount_minor=1)) == (409, "already_decided")
    assert refused(await revise(remit, action, "bob", amount_minor=1)) == (409, "already_decided")
    assert (await kinds(remit, action))[-3:] == ["request.refused", "revision.refused", "revision.refused"]


async def test_what_was_never_asked_cannot_be_revised(remit: Installation) -> None:
    action = (await remit.submit({"customer": "c-7", "text": "called"}, wait=5)).json()

    assert refused(await revise(remit, action, "clerk", text="wrote")) == (409, "not_waiting")


@pytest.mark.parametrize(
    ("end", "who", "body", "said"),
    [
        ("revisions", "ann", {"base": "sha256:" + "0" * 64, "arguments": {"note": "x" * 70_000}}, (413, "too_large")),
        ("revisions", "ann", {"base": "sha256:" + "0" * 64, "arguments": {"n": 2**60}}, (422, "invalid_request")),
        ("revisions", "ann", {"base": "none", "arguments": {}}, (422, "invalid_request")),
        (
            "revisions",
            "ann",
            {"base": "sha256:" + "0" * 64, "arguments": {}, "reason": "x" * 2001},
            (422, "invalid_request"),
        ),
        ("answers", "clerk", {"answer": "x" * 8001}, (422, "invalid_request")),
        ("answers", "clerk", {"answer": "  "}, (422, "invalid_request")),
        ("answers", "clerk", {"answer": "\ud800"}, (422, "invalid_request")),
        ("approval/reassign", "ann", {"to": "x" * 81}, (422, "invalid_request")),
        ("approval/extend", "ann", {"until": "0001-01-01T00:00:00+01:00"}, (422, "invalid_request")),
        ("approval/extend", "ann", {"until": "2026-11-24T09:00:00"}, (422, "invalid_request")),
        ("approval/snooze", "ann", {"until": "9999-12-31T23:59:59-01:00"}, (422, "invalid_request")),
    ],
)
async def test_all_sizes_are_bounded(
    remit: Installation, end: str, who: str, body: dict[str, Any], said: tuple[int, str]
) -> None:
    action = await remit.refund()

    assert refused(await post(remit, f"{action['id']}/{end}", who, body)) == said


async def test_arguments_that_nest_too_deep_are_refused(remit: Installation) -> None:
    action, deep = await remit.refund(), dict[str, Any]()
    for _ in range(500):
        deep = {"a": deep}

    answer = await revise(remit, action, "ann", note=deep)

    assert refused(answer) == (413, "too_large")


async def test_a_reviewer_who_clicks_for_ever_is_turned_away_and_the_others_decide(remit: Installation) -> None:
    action = await remit.refund(200_000)
    for _ in range(MAX_ATTEMPTS):
        assert refused(await remit.vote(action, "cem")) == (403, "not_eligible")
    recorded = len(await remit.entries(action["id"]))

    again = [await remit.vote(action, "cem")]
    again += [await post(remit, f"{action['id']}/approval/reassign", "cem", {"to": "bob"})]

    assert [refused(answer) for answer in again] == [(429, "too_many_requests")] * 2
    assert "Retry-After" not in again[0].headers, "waiting does not help"
    assert len(await remit.entries(action["id"])) == recorded
    assert (await remit.vote(action, "bob")).json()["approvals"] == 1


async def test_an_agent_that_has_asked_too_much_can_still_withdraw(remit: Installation) -> None:
    action = await remit.refund(200_000)
    for number in range(MAX_ATTEMPTS):
        answer = await post(remit, f"{action['id']}/answers", "clerk", {"answer": f"it is {number}"})
        assert refused(answer) == (409, "not_waiting")

    late = await post(remit, f"{action['id']}/answers", "clerk", {"answer": "it is"})
    withdrawn = await remit.http.post(f"/v1/actions/{action['id']}/cancel", headers=remit.client("clerk"))

    assert refused(late) == (429, "too_many_requests")
    assert withdrawn.json()["state"] == "cancelled"
