from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs

from adapters.notifiers.slack import slack_client
from domain.approval import AskedToo, Decision, Escalation
from domain.catalog import Stage
from domain.errors import NotifierUnavailable
from domain.record import ActionRecord
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from tests.adapters.slack_place import Place, opened
from tests.bundles import bundle, policy
from tests.slack_records import NOW, POLICY, asked, executed, voted
from tests.slack_workspace import CHANNEL, ON_CALL, cards, replies, shown

REMINDED = Escalation(kind="remind", group="finance", at=NOW)


@pytest.fixture(scope="module")
async def open_place(shared_postgres: EmbeddedPostgres) -> AsyncIterator[Place]:
    async with opened(shared_postgres, "slack_notices") as found:
        yield found


@pytest.fixture
def place(open_place: Place) -> Place:
    open_place.fresh()
    return open_place


def reminded(record: ActionRecord, *escalations: Escalation) -> ActionRecord:
    """Return the record after timers fired."""
    return record.model_copy(update={"approval": asked(record).model_copy(update={"escalations": [*escalations]})})


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
    vote, decision, outcome = replies(messages)
    assert "Ann Approver" in vote and "It is broken." in vote
    assert "Approved" in decision and "Ann Approver" in decision
    assert "*Outcome:* succeeded" in outcome


async def test_a_rejection_tells_who_and_why(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])

    await place.notifier.show(voted(record, "bob", Decision.REJECT, "Too much."), POLICY, [])

    vote, decision = replies(await place.messages(record))
    assert "Bob Approver" in vote and "*rejected*" in vote and "Too much." in vote
    assert "Rejected" in decision and "Bob Approver" in decision


async def test_a_reminder_mentions_those_who_have_not_voted_and_is_sent_once(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])

    await place.notifier.show(reminded(record, REMINDED), POLICY, ["reminded"])
    await place.notifier.show(reminded(record, REMINDED), POLICY, ["reminded"])

    (reminder,) = replies(await place.messages(record))
    assert "Reminder for <@U01ANN> <@U01BOB> <@U01OLGA>:" in reminder


async def test_what_a_showing_missed_the_next_one_tells_without_calling_on_anybody(place: Place) -> None:
    record = reminded(await place.accepted(), REMINDED)

    await place.notifier.show(voted(record, "ann"), POLICY, [])

    reminder, vote, decision = replies(await place.messages(record))
    assert reminder == "finance was reminded 2026-03-04 09:30 UTC."
    assert "*approved*" in vote and "Approved" in decision


async def test_an_escalation_shows_a_card_to_the_new_group_and_says_so_in_the_first_channel(place: Place) -> None:
    record = await place.accepted()
    await place.notifier.show(record, POLICY, ["asked"])

    escalation = Escalation(kind="escalate", group="on-call", at=NOW)
    added = {"groups": ["finance", "on-call"], "asked_too": [AskedToo(stage=1, group="on-call")]}
    approval = asked(record).model_copy(update={**added, "escalations": [escalation]})
    escalated = record.model_copy(update={"approval": approval})
    await place.notifier.show(escalated, POLICY, ["escalated"])

    (told,) = replies(await place.messages(record))
    assert "on-call is asked too" in told
    (card,) = cards(await place.messages(record, ON_CALL))
    assert "Waiting for finance or on-call" in shown(card) and "remit_approve" in shown(card)

    await place.notifier.show(voted(escalated, "cem"), POLICY, [])
    for channel in (CHANNEL, ON_CALL):
        (card,) = cards(await place.messages(record, channel))
        assert "Approved" in shown(card) and "remit_approve" not in shown(card)


async def test_the_group_of_the_next_stage_gets_its_card_when_it_is_asked(place: Place) -> None:
    record = await place.accepted()
    stages = [Stage(group="finance"), Stage(group="on-call")]
    plan = asked(record).plan.model_copy(update={"stages": stages})
    staged = record.model_copy(update={"approval": asked(record).model_copy(update={"plan": plan})})
    await place.notifier.show(staged, POLICY, ["asked"])
    assert await place.messages(record, ON_CALL) == []

    second = reminded(voted(staged, "ann"), Escalation(kind="remind", group="on-call", at=NOW))
    await place.notifier.show(second, POLICY, ["asked"])
    await place.notifier.show(second, POLICY, ["reminded"])

    for channel in (CHANNEL, ON_CALL):
        (card,) = cards(await place.messages(record, channel))
        assert "Stage 2 of 2: waiting for on-call" in shown(card)
    (vote,) = replies(await place.messages(record))
    assert "*approved*" in vote, "who has had their say is not reminded"
    reminder, vote = replies(await place.messages(record, ON_CALL))
    assert "Reminder for <@U01CEM>:" in reminder and "*approved*" in vote


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
        await place.notifier.show(reminded(record, REMINDED), POLICY, ["reminded"])

    await place.notifier.show(reminded(record, REMINDED), POLICY, ["reminded"])

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
    before = REGISTRY.get_sample_value("remit_slack_refused_total", {"code": code}) or 0

    with capture_logs() as logs:
        await place.notifier.show(record, POLICY, ["asked"])

    assert REGISTRY.get_sample_value("remit_slack_refused_total", {"code": code}) == before + 1
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
        await place.notifier_by(nowhere).show(record, POLICY, ["asked"])


async def test_an_action_nobody_is_asked_about_is_not_shown(place: Place) -> None:
    record = await place.accepted()

    await place.notifier.show(record.model_copy(update={"approval": None}), POLICY, [])

    assert await place.notices(record) == {}
