"""Reassigning, snoozing and extending over the API, on a whole installation."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.editing import BUNDLE, kinds, manage, post
from tests.installation import Installation, installed


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    async with installed(shared_postgres, shared_temporal, "managing", BUNDLE) as installation:
        yield installation


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def deadline(action: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(action["approval"]["deadline"])


def later(action: dict[str, Any], by: timedelta) -> str:
    return (deadline(action) + by).isoformat()


async def test_a_question_is_handed_to_a_colleague_and_everybody_who_may_vote_still_may(remit: Installation) -> None:
    action = await remit.refund()

    assert (await manage(remit, action, "reassign", to="bob")).status_code == 200

    assert (await remit.get(action["id"]))["approval"]["assigned"] == ["bob"]
    assert (await kinds(remit, action))[-1] == "approval.reassigned"
    assert (await remit.vote(action, "olga")).json()["outcome"] == "approved"


async def test_a_question_is_not_handed_to_somebody_who_may_not_vote(remit: Installation) -> None:
    action = await remit.refund(context={"on_behalf_of": "bob"})

    assert refused(await manage(remit, action, "reassign", to="out")) == (403, "not_eligible")
    assert refused(await manage(remit, action, "reassign", to="nobody")) == (403, "not_eligible")
    assert refused(await manage(remit, action, "reassign", to="bob")) == (403, "self_approval")
    assert (await remit.get(action["id"]))["approval"]["assigned"] == []
    assert (await kinds(remit, action))[-3:] == ["request.refused"] * 3


async def test_only_who_may_vote_may_reassign_snooze_and_extend(remit: Installation) -> None:
    action = await remit.refund()
    until = later(action, timedelta(hours=1))

    assert refused(await manage(remit, action, "reassign", "out", to="ann")) == (403, "not_eligible")
    assert refused(await manage(remit, action, "extend", "out", until=until)) == (403, "not_eligible")
    assert refused(await manage(remit, action, "extend", "clerk", until=until)) == (403, "forbidden")
    assert refused(await manage(remit, action, "snooze", "admin", until=until)) == (403, "forbidden")


async def test_the_deadline_moves_once_and_no_further_than_the_policy_allows(remit: Installation) -> None:
    action = await remit.refund()

    too_far = await manage(remit, action, "extend", until=later(action, timedelta(days=1, seconds=1)))
    earlier = await manage(remit, action, "extend", until=later(action, timedelta(hours=-1)))
    moved = await manage(remit, action, "extend", until=later(action, timedelta(hours=20)))
    again = await manage(remit, action, "extend", until=later(action, timedelta(hours=22)))

    assert [refused(answer) for answer in (too_far, earlier, again)] == [(409, "not_offered")] * 3
    assert "not after" in too_far.json()["detail"]
    assert "moved before" in again.json()["detail"]
    assert moved.status_code == 200, moved.text
    assert deadline(await remit.get(action["id"])) == deadline(action) + timedelta(hours=20)
    assert (await kinds(remit, action)).count("approval.extended") == 1


async def test_an_extension_sent_again_with_its_key_is_the_same(remit: Installation) -> None:
    action = await remit.refund()
    body = {"until": later(action, timedelta(hours=1))}

    answers = [await post(remit, f"{action['id']}/approval/extend", "ann", body, "once") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_policy_that_allows_no_extension_offers_none(remit: Installation) -> None:
    action = await remit.refund(200_000)

    answer = await manage(remit, action, "extend", until=later(action, timedelta(hours=1)))

    assert refused(answer) == (409, "not_offered")
    assert "the policy does not let it" in answer.json()["detail"]


async def test_the_next_reminder_is_put_off_and_the_deadline_stays(remit: Installation) -> None:
    action = await remit.refund()

    answer = await manage(remit, action, "snooze", until=later(action, timedelta(hours=-1)))

    assert answer.status_code == 200, answer.text
    assert deadline(await remit.get(action["id"])) == deadline(action)
    (entry,) = [entry for entry in await remit.entries(action["id"]) if entry["kind"] == "approval.snoozed"]
    assert datetime.fromisoformat(entry["data"]["until"]) == deadline(action) - timedelta(hours=1)


async def test_a_reminder_that_does_not_come_cannot_be_put_off(remit: Installation) -> None:
    action = await remit.refund(200_000)

    answer = await manage(remit, action, "snooze", until=later(action, timedelta(hours=-1)))

    assert refused(answer) == (409, "not_offered")
    assert "no reminder is to come" in answer.json()["detail"]


async def test_what_comes_after_the_decision_is_refused_and_recorded(remit: Installation) -> None:
    action = await remit.refund()
    await remit.vote(action, "bob", "reject", "No.")
    await remit.until(action["id"], "rejected")

    answer = await manage(remit, action, "extend", until=later(action, timedelta(hours=1)))

    assert refused(answer) == (409, "already_decided")
    assert (await kinds(remit, action))[-1] == "request.refused"
