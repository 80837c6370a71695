import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from adapters.database.actions import Actions
from adapters.database.connection import open_pool
from adapters.database.notices import Notice, Notices
from adapters.notifiers.slack import SlackNotifier, slack_client
from domain.approval import Decision, Escalation
from domain.catalog import Stage
from domain.errors import NotifierUnavailable
from domain.ledger import Actor, ActorKind, EntryKind, entry
from domain.record import ActionRecord
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from tests.bundles import bundle, policy
from tests.installation import prepare_database
from tests.slack_records import NOW, POLICY, PUBLIC_URL, REFUND, asked, executed, voted, waiting
from tests.slack_workspace import CHANNEL, ON_CALL, Front, cards, replies, running_workspace, shown

AGENT = Actor(kind=ActorKind.AGENT, id="clerk", door="api")


@dataclass
class Place:
    """A notifier on a real workspace and a real database."""

    front: Front
    pool: "asyncpg.Pool[asyncpg.Record]"
    notifier: SlackNotifier

    async def accepted(self, **changes: Any) -> ActionRecord:
        """Return a record whose action stands in the database, where notices refer to it."""
        record = waiting(REFUND, action_id=secrets.token_hex(16), **changes)
        action = record.action
        key = f"{action.id}/action.requested"
        requested = entry(key, EntryKind.ACTION_REQUESTED, NOW, AGENT, {}, action=action.id)
        await Actions(self.pool).submit(action, "olga", action.id, action.digest, requested)
        return record

    async def messages(self, record: ActionRecord, channel: str = CHANNEL) -> list[dict[str, Any]]:
        """Return the messages of a channel that are about an action, and the replies to them."""
        everything = await self.front.slack.messages(channel)
        mine = {m["ts"] for m in everything if record.action.id in str(m["blocks"])}
        return [m for m in everything if m["ts"] in mine or m.get("thread_ts") in mine]

    async def notices(self, record: ActionRecord) -> dict[str, Notice]:
        """Return the notices of an action by target."""
        found = await Notices(self.pool).of_action(record.action.id, "slack")
        return {notice.target: notice for notice in found}


@pytest.fixture(scope="module")
async def place(shared_postgres: EmbeddedPostgres) -> AsyncIterator[Place]:
    await prepare_database(shared_postgres, "slack_notices", bundle())
    pool = await open_pool(SecretStr(shared_postgres.url("remit_app", "slack_notices")), 2)
    async with running_workspace("http://127.0.0.1:9/unused") as slack, Front(slack).running() as front:
        yield Place(front, pool, SlackNotifier(front.client, Notices(pool), PUBLIC_URL))
    await pool.close()


async def test_the_same_record_shown_twice_is_one_card_and_one_call(place: Place) -> None:
    record = await place.accepted()

    await place.notifier.show(record, POLICY, ["asked"])
    place.front.calls.clear()
    await place.notifier.show(record, POLICY, ["asked"])

    assert place.front.calls == []
    (card,) = await place.messages(record)
    assert "Approve" in shown(card) and "4200" in shown(card)
    notices = await place.notices(record)
    assert notices[CHANNEL].reference == card["ts"]


async def test_a_vote_brings_the_card_up_to_date_and_the_decision_is_told_once(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])

    decided = voted(record, "ann", reason="It is broken.")
    await place.notifier.show(decided, POLICY, [])
    await place.notifier.show(executed(decided), POLICY, [])
    await place.notifier.show(executed(decided), POLICY, [])

    messages = await place.messages(record)
    (card,) = cards(messages)
    assert "Approved and done" in shown(card) and "remit_approve" not in shown(card)
    (told,) = replies(messages)
    assert "Ann Approver" in told and "It is broken." in told


async def test_a_rejection_tells_who_and_why(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])

    await place.notifier.show(voted(record, "bob", Decision.REJECT, "Too much."), POLICY, [])

    (told,) = replies(await place.messages(record))
    assert "Rejected" in told and "Bob Approver" in told and "Too much." in told


async def test_a_reminder_mentions_those_who_have_not_voted_and_is_sent_once(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])

    await place.notifier.show(record, POLICY, ["reminded"])
    await place.notifier.show(record, POLICY, ["reminded"])

    (reminder,) = replies(await place.messages(record))
    assert "<@U01ANN> <@U01BOB> <@U01OLGA>" in reminder


async def test_an_escalation_shows_a_card_to_the_new_group_and_says_so_in_the_first_channel(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])

    escalation = Escalation(kind="escalate", group="on-call", at=NOW)
    approval = asked(record).model_copy(update={"groups": ["finance", "on-call"], "escalations": [escalation]})
    escalated = record.model_copy(update={"approval": approval})
    await place.notifier.show(escalated, POLICY, ["escalated"])

    (told,) = replies(await place.messages(record))
    assert "on-call is asked too" in told
    (card,) = await place.messages(record, ON_CALL)
    assert "Waiting for finance or on-call" in shown(card) and "remit_approve" in shown(card)

    await place.notifier.show(voted(escalated, "cem"), POLICY, [])
    for channel in (CHANNEL, ON_CALL):
        (card,) = cards(await place.messages(record, channel))
        assert "Approved" in shown(card) and "remit_approve" not in shown(card)


async def test_the_group_of_the_next_stage_gets_its_card_when_it_is_asked(place: Place) -> None:
    record = await place.accepted()
    plan = asked(record).plan.model_copy(update={"later": [Stage(group="on-call")]})
    staged = record.model_copy(update={"approval": asked(record).model_copy(update={"plan": plan})})
    await place.notifier.show(staged, POLICY, ["asked"])
    assert await place.messages(record, ON_CALL) == []

    second = voted(staged, "ann")
    await place.notifier.show(second, POLICY, ["asked"])
    await place.notifier.show(second, POLICY, ["reminded"])

    for channel in (CHANNEL, ON_CALL):
        (card,) = cards(await place.messages(record, channel))
        assert "Stage 2 of 2: waiting for on-call" in shown(card)
    assert replies(await place.messages(record)) == [], "who has had their say is not reminded"
    (reminder,) = replies(await place.messages(record, ON_CALL))
    assert reminder.startswith("Reminder for <@U01CEM>:")


@pytest.mark.parametrize("failure", ["ratelimited", "503", "bad gateway"])
async def test_a_failure_that_passes_is_tried_again_and_gives_one_card(place: Place, failure: str) -> None:
    record = await place.accepted()
    if failure == "ratelimited":
        place.front.fail("chat.postMessage", "ratelimited", 429)
    elif failure == "503":
        place.front.fail("chat.postMessage", "service_unavailable", 503)
    else:
        place.front.break_off("chat.postMessage")

    with pytest.raises(NotifierUnavailable):
        await place.notifier.show(record, POLICY, ["asked"])
    await place.notifier.show(record, POLICY, ["asked"])

    assert len(await place.messages(record)) == 1


async def test_a_lost_response_does_not_make_two_cards(place: Place) -> None:
    record = await place.accepted()
    place.front.break_off("chat.postMessage", after=True)
    with pytest.raises(NotifierUnavailable):
        await place.notifier.show(record, POLICY, ["asked"])

    await place.notifier.show(voted(record, "ann"), POLICY, ["asked"])

    (card,) = cards(await place.messages(record))
    assert "Approved" in shown(card)
    assert (await place.notices(record))[CHANNEL].reference == card["ts"]


async def test_a_lost_response_does_not_remind_twice(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])
    place.front.break_off("chat.postMessage", after=True)
    with pytest.raises(NotifierUnavailable):
        await place.notifier.show(record, POLICY, ["reminded"])

    await place.notifier.show(record, POLICY, ["reminded"])

    assert len(replies(await place.messages(record))) == 1


async def test_without_the_right_to_read_the_channel_the_card_is_still_posted(place: Place) -> None:
    record = await place.accepted()
    place.front.fail("chat.postMessage", "internal_error")
    with pytest.raises(NotifierUnavailable):
        await place.notifier.show(record, POLICY, ["asked"])
    place.front.fail("conversations.history", "missing_scope")

    with capture_logs() as logs:
        await place.notifier.show(record, POLICY, ["asked"])

    assert len(await place.messages(record)) == 1
    assert [(line["event"], line["code"]) for line in logs] == [("slack_history_unread", "missing_scope")]


async def test_a_card_that_somebody_deleted_is_posted_anew(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])
    (card,) = await place.messages(record)
    await place.front.client.chat_delete(channel=CHANNEL, ts=card["ts"])

    await place.notifier.show(voted(record, "ann"), POLICY, [])

    (anew,) = cards(await place.messages(record))
    assert anew["ts"] != card["ts"] and "Approved" in shown(anew)


@pytest.mark.parametrize(
    "code", ["channel_not_found", "not_in_channel", "invalid_auth", "is_archived", "account_inactive", "odd_new_error"]
)
async def test_what_only_a_person_can_mend_is_logged_with_how_and_not_tried_again(place: Place, code: str) -> None:
    record = await place.accepted()
    place.front.fail("chat.postMessage", code)

    with capture_logs() as logs:
        await place.notifier.show(record, POLICY, ["asked"])

    (line,) = logs
    assert (line["log_level"], line["code"], line["channel"]) == ("error", code, CHANNEL)
    assert line["to_do"]


async def test_trouble_in_one_channel_does_not_keep_another_waiting(place: Place) -> None:
    record = await place.accepted(groups=("finance", "on-call"))
    place.front.fail("chat.postMessage", "ratelimited", 429)

    with pytest.raises(NotifierUnavailable):
        await place.notifier.show(record, POLICY, ["asked"])

    assert len(await place.messages(record, ON_CALL)) == 1


async def test_a_card_in_a_channel_that_the_policy_no_longer_names_loses_its_buttons_too(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])
    groups = [group.model_dump() | {"slack_channel": None} for group in bundle().groups]

    await place.notifier.show(voted(record, "ann"), policy(groups=groups), [])

    (card,) = cards(await place.messages(record))
    assert "remit_approve" not in shown(card)


async def test_a_slack_that_cannot_be_reached_is_tried_again(place: Place) -> None:
    record = await place.accepted()
    nowhere = slack_client(SecretStr("xoxb-none"), f"http://127.0.0.1:{free_port()}/api")

    with pytest.raises(NotifierUnavailable, match="cannot be reached"):
        await SlackNotifier(nowhere, Notices(place.pool), PUBLIC_URL).show(record, POLICY, ["asked"])


async def test_an_action_nobody_is_asked_about_is_not_shown(place: Place) -> None:
    record = await place.accepted()

    await place.notifier.show(record.model_copy(update={"approval": None}), POLICY, [])

    assert await place.notices(record) == {}
