"""Every copy of a card is brought up to date: in channels, and in the messages that people get for themselves."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from adapters.database.revisions import Revisions
from domain.action import Context, ExecutionResult, Outcome, State
from domain.approval import ApprovalOutcome, Door, Escalation, Questions
from domain.canonical import digest, revision_bytes
from domain.errors import NotifierUnavailable
from domain.ledger import Actor, ActorKind
from domain.record import ActionRecord
from domain.revision import Revision
from local.postgres import EmbeddedPostgres
from tests.adapters.slack_place import Place, opened
from tests.bundles import DOCUMENT, policy
from tests.holds import hold
from tests.slack_records import NOW, POLICY, REFUND, asked, executed, voted
from tests.slack_workspace import CHANNEL, cards, replies, shown

ON_BEHALF = Context(on_behalf_of="out@test.example")


@pytest.fixture(scope="module")
async def open_place(shared_postgres: EmbeddedPostgres) -> AsyncIterator[Place]:
    async with opened(shared_postgres, "slack_copies") as found:
        yield found


@pytest.fixture
def place(open_place: Place) -> Place:
    open_place.fresh()
    return open_place


def ended(record: ActionRecord, outcome: ApprovalOutcome) -> ActionRecord:
    """Return the record after the asking ended without a vote."""
    approval = asked(record).model_copy(update={"outcome": outcome, "decided_at": NOW})
    return record.model_copy(update={"approval": approval, "state": State(outcome.value)})


async def test_those_whose_turn_it_is_get_a_card_of_their_own(place: Place) -> None:
    record = await place.accepted()
    place.notified[:] = ["ann", "bob"]

    await place.notifier.show(record, POLICY, ["asked"])
    place.front.calls.clear()
    await place.notifier.show(record, POLICY, ["asked"])

    assert place.front.calls == []
    for user in ("U01ANN", "U01BOB"):
        (card,) = await place.direct(record, user)
        assert "remit_approve" in shown(card)
    assert await place.direct(record, "U01OLGA") == []


async def test_the_channel_of_a_person_is_asked_for_once_for_many_actions(place: Place) -> None:
    notifier = place.notifier
    place.notified[:] = ["ann"]
    for _ in range(3):
        await notifier.show(await place.accepted(), POLICY, ["asked"])

    assert place.front.calls.count("conversations.open") == 1


async def test_the_buttons_of_two_copies_are_sealed_for_their_own_places(place: Place) -> None:
    record = await place.accepted()
    place.notified[:] = ["ann"]

    await place.notifier.show(record, POLICY, ["asked"])

    (channel,) = await place.messages(record)
    (direct,) = await place.direct(record, "U01ANN")
    assert channel["blocks"][-1]["block_id"] != direct["blocks"][-1]["block_id"]


@pytest.mark.parametrize(
    ("becomes", "said"),
    [
        (lambda record: voted(record, "ann"), "Approved"),
        (lambda record: executed(voted(record, "ann")), "Approved and done"),
        (
            lambda record: executed(voted(record, "ann"), ExecutionResult(outcome=Outcome.IN_DOUBT)),
            "Approved, but in doubt",
        ),
        (lambda record: ended(record, ApprovalOutcome.EXPIRED), "Expired"),
        (lambda record: ended(record, ApprovalOutcome.CANCELLED), "Withdrawn by the agent"),
        (lambda record: record.model_copy(update={"hold": hold()}), "Held"),
    ],
    ids=["approved", "executed", "in doubt", "expired", "cancelled", "held"],
)
async def test_every_copy_changes_with_the_state_and_loses_its_buttons(
    place: Place, becomes: Callable[[ActionRecord], ActionRecord], said: str
) -> None:
    record = await place.accepted()
    place.notified[:] = ["ann", "bob"]
    await place.notifier.show(record, POLICY, ["asked"])
    place.notified.clear()

    await place.notifier.show(becomes(record), POLICY, [])

    copies = [cards(await place.messages(record)), *[await place.direct(record, user) for user in ("U01ANN", "U01BOB")]]
    for (card,) in copies:
        assert said in shown(card) and "remit_approve" not in shown(card)


@pytest.mark.parametrize("code", ["user_not_found", "user_disabled", "user_is_restricted", "cannot_dm_bot"])
async def test_somebody_who_cannot_be_written_to_is_skipped_with_a_remedy_and_others_get_theirs(
    place: Place, code: str
) -> None:
    record = await place.accepted()
    place.notified[:] = ["ann", "bob"]
    place.front.fail("conversations.open", code)

    with capture_logs() as logs:
        await place.notifier.show(record, POLICY, ["asked"])

    (line,) = logs
    assert (line["event"], line["channel"], line["code"]) == ("slack_refused", "U01ANN", code)
    assert line["to_do"] and "documentation of Slack" not in line["to_do"]
    assert await place.direct(record, "U01ANN") == []
    assert len(await place.direct(record, "U01BOB")) == 1
    assert len(await place.messages(record)) == 1


async def test_a_deactivated_account_is_skipped(place: Place) -> None:
    record = await place.accepted()
    place.notified[:] = ["ann", "bob"]
    place.front.world.users["U01ANN"] = {"deleted": True}

    with capture_logs() as logs:
        await place.notifier.show(record, POLICY, ["asked"])

    assert [line["channel"] for line in logs] == ["U01ANN"]
    assert len(await place.direct(record, "U01BOB")) == 1


async def test_the_requester_is_told_that_it_is_asked_decided_and_executed_once_each(place: Place) -> None:
    record = await place.accepted(context=ON_BEHALF)

    for _ in range(2):
        await place.notifier.show(record, POLICY, ["asked"])
        await place.notifier.show(executed(voted(record, "ann")), POLICY, [])

    began, decided, done = [str(message["text"]) for message in await place.direct(record, "U01OUT")]
    assert "Agent `clerk` says that it acts on your behalf" in began and "finance decide about it" in began
    assert "Approved" in decided and "Ann Approver" in decided
    assert "*Outcome:* succeeded" in done
    assert "4200" not in began + decided + done, "arguments stay with those who are asked"
    assert "remit_approve" not in str(await place.direct(record, "U01OUT"))


async def test_nobody_is_told_for_a_requester_who_is_not_in_the_catalog(place: Place) -> None:
    record = await place.accepted(context=Context(on_behalf_of="ana@customer.example"))

    await place.notifier.show(record, POLICY, ["asked"])

    assert set(await place.notices(record)) == {CHANNEL}


async def test_the_thread_tells_each_happening_once(place: Place) -> None:
    record = await place.accepted({**REFUND, "amount_minor": 250_000})
    question = Questions(
        person="bob", text="Why?", door=Door.SLACK, at=NOW, answer="It broke.", answered_at=NOW + timedelta(minutes=1)
    )
    changes = {"questions": [question], "assigned": ["cem"], "extended": True}
    approval = asked(record).model_copy(update=changes)
    record = record.model_copy(update={"approval": approval})
    done = executed(voted(voted(record, "ann", reason="Checked."), "bob"))

    for _ in range(2):
        await place.notifier.show(voted(record, "ann", reason="Checked."), POLICY, [])
        await place.notifier.show(done, POLICY, [])

    told = replies(await place.messages(record))
    expected = [
        "Bob Approver *asks the agent*",
        "The agent answers* (its claim)",
        "Handed to <@U01CEM>",
        "The deadline was moved",
        "Ann Approver (finance) *approved*",
        "Bob Approver (finance) *approved*",
        "Approved.*",
        "*Outcome:* succeeded",
    ]
    assert len(told) == len(expected)
    assert all(part in reply for part, reply in zip(expected, told, strict=True)), told


async def test_an_edit_is_told_and_its_card_shows_the_difference(place: Place) -> None:
    record = await place.accepted()
    before, after = record.action.arguments_bytes, revision_bytes({**REFUND, "amount_minor": 100})
    ann = Actor(kind=ActorKind.PERSON, id="ann", door="slack")
    made = [
        Revision(number=number, digest=digest(data), arguments_bytes=data, author=ann, proposed_at=NOW, made_at=NOW)
        for number, data in enumerate((before, after), 1)
    ]

    class Made(Revisions):
        async def made(self, action_id: str) -> list[Revision]:
            return made

    notifier = place.notifier
    vars(notifier)["_revisions"] = Made(place.pool)
    action = record.action.model_copy(update={"digest": digest(after), "arguments_bytes": after})
    approval = asked(record).model_copy(update={"revision": digest(after), "revisions": 2})
    edited = record.model_copy(update={"action": action, "approval": approval})

    for _ in range(2):
        await notifier.show(edited, POLICY, [])

    card, told = await place.messages(record)
    assert "`4200` → `100`" in shown(card)
    assert "Ann Approver *changed the arguments:* revision 2" in str(told["text"])


async def test_who_has_no_channel_is_reminded_under_their_own_card(place: Place) -> None:
    groups = [{**DOCUMENT["groups"][0], "slack_channel": None}, DOCUMENT["groups"][1]]
    rules = policy(groups=groups)
    record = await place.accepted({**REFUND, "amount_minor": 250_000})
    place.notified[:] = ["ann", "bob"]
    remind = Escalation(kind="remind", group="finance", at=NOW)
    record = record.model_copy(update={"approval": asked(record).model_copy(update={"escalations": [remind]})})

    for _ in range(2):
        await place.notifier.show(voted(record, "bob"), rules, [])

    assert await place.messages(record) == []
    (reminder,) = replies(await place.direct(record, "U01ANN"))
    assert "Reminder for <@U01ANN>: this waits" in reminder
    assert replies(await place.direct(record, "U01BOB")) == [], "who has had their say is not reminded"


async def test_a_reply_whose_card_was_deleted_gets_a_new_card_to_stand_under(place: Place) -> None:
    record = await place.accepted()
    notifier = place.notifier
    await notifier.show(record, POLICY, ["asked"])
    place.front.fail("chat.postMessage", "thread_not_found")
    approval = asked(record).model_copy(update={"assigned": ["cem"]})
    place.front.fail("chat.update", "message_not_found", times=None)

    await notifier.show(record.model_copy(update={"approval": approval}), POLICY, [])

    noted = (await place.notices(record))[CHANNEL].reference
    everything = await place.messages(record)
    assert [m["ts"] for m in cards(everything)][-1] == noted
    assert [m["thread_ts"] for m in everything if "Handed to" in str(m["text"])] == [noted]


async def test_a_429_is_tried_again_after_exactly_the_time_slack_named_and_not_before(place: Place) -> None:
    record = await place.accepted()
    notifier = place.notifier
    place.front.fail("chat.postMessage", "ratelimited", 429, retry_after=37)

    with pytest.raises(NotifierUnavailable) as first:
        await notifier.show(record, POLICY, ["asked"])
    place.front.calls.clear()
    with pytest.raises(NotifierUnavailable) as second:
        await notifier.show(record, POLICY, ["asked"])

    assert first.value.retry_after == 37
    assert second.value.retry_after is not None and 30 < second.value.retry_after <= 37
    assert "chat.postMessage" not in place.front.calls


async def test_when_slack_is_away_not_every_place_is_waited_for(place: Place) -> None:
    record = await place.accepted(groups=("finance", "on-call"))
    place.notified[:] = ["ann", "bob", "cem", "out"]
    for method in ("chat.postMessage", "conversations.open"):
        place.front.fail(method, "service_unavailable", 503, times=None)

    with pytest.raises(NotifierUnavailable):
        await place.notifier.show(record, POLICY, ["asked"])

    assert len(place.front.calls) == 3
