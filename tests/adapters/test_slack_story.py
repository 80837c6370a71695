"""What the thread under a card tells, and the requester."""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.notifiers.slack.requester import news
from adapters.notifiers.slack.story import Reply, reminders_to, story
from adapters.notifiers.slack.text import SECTION, units
from domain.action import Context, ExecutionResult, Outcome
from domain.approval import Decision, Door, Escalation, Questions
from domain.policy import Policy
from domain.record import ActionRecord
from tests.adapters.test_slack_cards import OWN_MARKUP, hostile
from tests.bundles import DOCUMENT, policy
from tests.slack_records import NOW, POLICY, REFUND, asked, executed, voted, waiting

LINK = "https://remit.test.example/review/0123456789abcdef0123456789abcdef"
CHANNEL = "C01FINANCE"
MENTION = re.compile(r"<@U01[A-Z]+>")
REMIND = Escalation(kind="remind", group="finance", at=NOW)
LARGE = {**REFUND, "amount_minor": 250_000}


def changed(record: ActionRecord, **approval: Any) -> ActionRecord:
    return record.model_copy(update={"approval": asked(record).model_copy(update=approval)})


def told(record: ActionRecord, rules: Policy = POLICY, channel: str = CHANNEL) -> list[Reply]:
    return story(record, rules, [], LINK, channel)


def test_a_reminder_calls_on_those_who_have_not_voted_and_may() -> None:
    record = voted(waiting(LARGE), "ann")
    plan = asked(record).plan.model_copy(update={"excluded": {"olga": "owns the agent"}})

    reminder, _ = told(changed(record, plan=plan, escalations=[REMIND]))

    assert "Reminder for <@U01BOB>: this waits for your decision" in reminder.text


def test_a_reminder_calls_on_the_stand_in_of_who_is_away() -> None:
    absence = {"first_day": "2026-03-01", "last_day": "2026-03-31", "delegate": "out"}
    rules = policy(people=[{**p, "absences": [absence]} if p["id"] == "ann" else p for p in DOCUMENT["people"]])

    (reminder,) = told(changed(waiting(REFUND), escalations=[REMIND]), rules)

    assert "Reminder for <@U01OUT> <@U01BOB> <@U01OLGA>:" in reminder.text


def test_a_reminder_calls_on_the_people_of_a_slack_user_group_and_not_on_who_is_spared() -> None:
    group = {"id": "finance", "members": ["ann", "bob"], "slack_usergroup": "S01FIN", "slack_channel": CHANNEL}
    groups = [{**group, "not_notified": ["ann"]}, DOCUMENT["groups"][1]]
    rules = policy(groups=groups).with_usergroups({"S01FIN": ["U01CEM"]})

    (reminder,) = told(changed(waiting(REFUND), escalations=[REMIND]), rules)

    assert "Reminder for <@U01BOB> <@U01CEM>:" in reminder.text


def test_a_reminder_is_told_in_the_channel_of_its_group_alone() -> None:
    assert told(changed(waiting(REFUND), escalations=[REMIND]), channel="C01ONCALL") == []


def test_whom_an_escalation_asks_is_called_on() -> None:
    escalation = Escalation(kind="escalate", group="finance", at=NOW, person="cem")

    (reply,) = told(changed(waiting(REFUND), escalations=[escalation]))

    assert reply.text.startswith("No decision yet, so <@U01CEM> is asked too, until ")


def test_a_step_that_reached_nobody_says_why() -> None:
    escalation = Escalation(kind="escalate", group="finance", at=NOW, skipped="'cem' left on 2026-01-01")

    (reply,) = told(changed(waiting(REFUND), escalations=[escalation]))

    assert reply.text == "⚠️ A step reached nobody: 'cem' left on 2026-01-01"


def test_the_same_happening_keeps_its_name_and_those_of_a_new_revision_have_others() -> None:
    first = changed(voted(waiting(LARGE), "ann"), escalations=[REMIND])
    later = executed(voted(first, "bob"))
    anew = changed(first, revisions=2)

    names = [reply.name for reply in told(later)]

    assert names == ["step-1-1", "vote-1-1", "vote-1-2", "decided", "executed"]
    assert [reply.name for reply in told(first)] == names[:2]
    assert not {reply.name for reply in told(anew)} & {*names}


def test_who_has_a_channel_is_not_reminded_twice() -> None:
    assert reminders_to("ann", changed(waiting(REFUND), escalations=[REMIND]), POLICY) == []


@settings(max_examples=100, deadline=None)
@given(question=hostile, answer=hostile, reason=hostile, result=hostile, behalf=hostile)
def test_nothing_that_others_write_leaves_its_place_in_a_reply(
    question: str, answer: str, reason: str, result: str, behalf: str
) -> None:
    context = Context(on_behalf_of=behalf[:200])
    questions = Questions(person="ann", text=question, door=Door.SLACK, at=NOW, answer=answer, answered_at=NOW)
    escalation = Escalation(kind="escalate", group="finance", at=NOW, skipped=reason)
    record = voted(waiting(REFUND, context=context), "ann", reason=reason)
    outcome = ExecutionResult(outcome=Outcome.SUCCEEDED, result={"said": result})
    full = executed(changed(record, questions=[questions], escalations=[escalation], assigned=["cem"]), outcome)

    for reply in [*told(full), *news(full, POLICY, LINK)]:
        assert 0 < units(reply.text) <= SECTION
        left = MENTION.sub("", OWN_MARKUP.sub("", reply.text))
        assert "<" not in left and ">" not in left, reply
        assert "\r" not in left and "\u202e" not in left and "\x00" not in left
        assert len(left.split("\n")) <= 2, "only an outcome has a second line, for what the other side answered"


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 40))
def test_every_reply_of_a_story_has_a_name_of_its_own(count: int) -> None:
    full = changed(waiting(REFUND), escalations=[REMIND] * count, assigned=["ann", "bob"])

    names = [reply.name for reply in told(full)]

    assert len(set(names)) == len(names) == count + 2


def test_a_canary_says_what_it_was_once_it_is_decided_and_not_before() -> None:
    planted = waiting(REFUND).model_copy(update={"canary": True})
    rejected = voted(planted, "ann", Decision.REJECT, "strange")

    assert told(planted) == []
    assert [reply.name for reply in told(rejected)] == ["vote-1-1", "decided", "canary"]
