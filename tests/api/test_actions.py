from tests.installation import Installation

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


async def test_an_approved_action_runs_exactly_once(remit: Installation) -> None:
    action = await remit.refund()
    assert action["tier"] == "medium"
    assert remit.crm.of(action["id"]) == []

    answer = await remit.vote(action, "ann")

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"accepted": True, "outcome": "approved", "approvals": 1, "quorum": 1}
    ended = await remit.get(action["id"], wait=10)
    assert ended["state"] == "succeeded"
    assert len(remit.crm.of(action["id"])) == 1
