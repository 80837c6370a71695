"""Mails about actions, through a real SMTP server and with notices in a real database."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from adapters.database.actions import Actions
from adapters.database.connection import open_pool
from adapters.database.notices import Notice, Notices
from adapters.database.revisions import Revisions
from adapters.notifiers.email import EmailNotifier, FirstChannel, notifier
from adapters.smtp import MailServer
from domain.action import ExecutionResult, Outcome, State
from domain.approval import ApprovalOutcome, Decision, Escalation
from domain.canonical import digest, revision_bytes
from domain.catalog import Stage
from domain.errors import NotifierUnavailable
from domain.ledger import Actor, ActorKind, EntryKind, entry
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revision import Revision
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from tests.bundles import DOCUMENT, bundle, policy
from tests.installation import prepare_database
from tests.mailbox import Mailbox, running_mailbox
from tests.slack_records import NOW, PUBLIC_URL, REFUND, asked, executed, voted, waiting

AGENT = Actor(kind=ActorKind.AGENT, id="clerk", door="api")
LATER = NOW + timedelta(minutes=30)
NO_SLACK = [{**person, "slack_user": None} for person in DOCUMENT["people"]]
PEOPLE = [{**person, "slack_user": None} if person["id"] == "bob" else person for person in DOCUMENT["people"]]
"""Everybody has Slack but Bob."""


@dataclass
class Board:
    """A first channel that shows in these places, or fails as it is told to."""

    notices: Notices
    places: dict[str, str] = field(default_factory=dict)
    failure: Exception | None = None
    seconds: float = 0

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        await asyncio.sleep(self.seconds)
        for target, reference in self.places.items():
            await self.notices.put(record.action.id, "slack", Notice(target=target, reference=reference, shown="x"))
        if self.failure is not None:
            raise self.failure


class Made:
    """The revisions of an action."""

    def __init__(self, *arguments: dict[str, Any]) -> None:
        self._arguments = arguments

    async def made(self, action_id: str) -> list[Revision]:
        return [
            Revision(
                number=number,
                digest=digest(revision_bytes(arguments)),
                arguments_bytes=revision_bytes(arguments),
                author=AGENT,
                proposed_at=NOW,
            )
            for number, arguments in enumerate(self._arguments, 1)
        ]


@dataclass
class Post:
    """A notifier on a real mail server and a real database."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    box: Mailbox
    rules: Policy = field(default_factory=lambda: policy(people=PEOPLE))
    now: datetime = NOW
    port: int = 0
    whom: list[str] | None = None

    @property
    def notices(self) -> Notices:
        """The store of notices."""
        return Notices(self.pool)

    async def accepted(self, **changes: Any) -> ActionRecord:
        """Return a record whose action stands in the database, where notices refer to it."""
        record = waiting(REFUND, action_id=secrets.token_hex(16), **changes)
        action = record.action
        key = f"{action.id}/action.requested"
        requested = entry(key, EntryKind.ACTION_REQUESTED, NOW, AGENT, {}, action=action.id)
        await Actions(self.pool).submit(action, "olga", action.id, action.digest, requested)
        return record

    async def show(
        self, record: ActionRecord, slack: FirstChannel | None = None, revisions: Made | None = None
    ) -> None:
        """Show a record by mail."""

        async def whom(_record: ActionRecord, _policy: Policy) -> Sequence[str]:
            return self.whom or []

        server = MailServer(
            host="127.0.0.1", port=self.port or self.box.port, starttls=False, sender="remit@test.example"
        )
        source = revisions or Revisions(self.pool)
        more: dict[str, Any] = {} if self.whom is None else {"whom": whom}
        shows = EmailNotifier(server, self.notices, source, PUBLIC_URL, slack, clock=lambda: self.now, **more)
        await shows.show(record, self.rules, [])

    def slack(
        self, places: dict[str, str] | None = None, failure: Exception | None = None, seconds: float = 0
    ) -> FirstChannel:
        """Return a Slack that has two minutes to show an action."""
        return FirstChannel(Board(self.notices, places or {}, failure, seconds), timedelta(minutes=2))

    def got(self, person: str) -> list[EmailMessage]:
        """Return the mails that a person got."""
        return [mail for mail in self.box.messages if mail["To"].addresses[0].username == person]

    @property
    def readers(self) -> list[str]:
        """Everybody who got a mail, once for each."""
        return sorted(mail["To"].addresses[0].username for mail in self.box.messages)


def text_of(mail: EmailMessage) -> str:
    """Return what a mail says."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.fixture(scope="module")
async def pool(shared_postgres: EmbeddedPostgres) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    await prepare_database(shared_postgres, "email_notices", bundle())
    opened = await open_pool(SecretStr(shared_postgres.url("remit_app", "email_notices")), 2)
    yield opened
    await opened.close()


@pytest.fixture
async def post(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Post]:
    async with running_mailbox() as box:
        yield Post(pool, box)


def after(record: ActionRecord, kind: str, at: datetime = LATER, **changes: Any) -> ActionRecord:
    """Return the record after a step of its escalation."""
    step = Escalation(kind=kind, group=changes.pop("group", "finance"), at=at, **changes)
    approval = asked(record)
    return record.model_copy(
        update={"approval": approval.model_copy(update={"escalations": [*approval.escalations, step]})}
    )


async def test_people_without_slack_get_a_mail_and_people_who_see_the_card_in_slack_do_not(post: Post) -> None:
    record = await post.accepted()
    slack = post.slack({"C01FINANCE": "1.1"})

    await slack.show(record, post.rules, [])
    await post.show(record, slack)

    (mail,) = post.box.messages
    assert str(mail["To"]) == "Bob Approver <bob@test.example>"
    assert str(mail["From"]) == "Remit <remit@test.example>"
    assert mail["Subject"] == f"Refund a customer (medium risk, agent clerk, {record.action.id[:8]})"
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.get_content_type() == "multipart/alternative"
    assert f"https://remit.test.example/review/{record.action.id}\n" in text_of(mail)


async def test_a_card_in_their_own_slack_channel_is_enough(post: Post) -> None:
    record = await post.accepted()
    slack = post.slack({"@U01ANN": "D01ANN", "D01ANN": "1.1", "@U01OLGA": "D01OLGA", "D01OLGA": "1.2"})

    await slack.show(record, post.rules, [])
    await post.show(record, slack)

    assert post.readers == ["bob"]


async def test_without_slack_everybody_who_is_asked_gets_a_mail_at_once(post: Post) -> None:
    await post.show(await post.accepted())

    assert post.readers == ["ann", "bob", "olga"]


async def test_twice_shown_is_one_mail(post: Post) -> None:
    record = await post.accepted()

    await post.show(record)
    post.now += timedelta(hours=1)
    await post.show(record)

    assert post.readers == ["ann", "bob", "olga"]


async def test_while_slack_is_down_everybody_gets_a_mail_once_the_wait_is_over(post: Post) -> None:
    record, slack = await post.accepted(), post.slack()

    with pytest.raises(NotifierUnavailable, match="they get a mail in 120 s") as first:
        await post.show(record, slack)
    assert (first.value.retry_after, post.readers) == (120, ["bob"])

    post.now += timedelta(seconds=90)
    with pytest.raises(NotifierUnavailable) as second:
        await post.show(record, slack)
    assert (second.value.retry_after, post.readers) == (30, ["bob"])

    post.now += timedelta(seconds=30)
    await post.show(record, slack)
    await post.show(record, slack)
    assert post.readers == ["ann", "bob", "olga"]


async def test_a_slack_that_comes_back_within_the_wait_spares_people_the_mail(post: Post) -> None:
    record, slack = await post.accepted(), post.slack({"C01FINANCE": "1.1"})
    with pytest.raises(NotifierUnavailable):
        await post.show(record, slack)

    await slack.show(record, post.rules, [])
    post.now += timedelta(hours=1)
    await post.show(record, slack)

    assert post.readers == ["bob"]


async def test_a_card_that_slack_may_not_have_posted_counts_as_not_shown(post: Post) -> None:
    record, slack = await post.accepted(), post.slack({"C01FINANCE": "", "@U01ANN": "D01ANN"})

    await slack.show(record, post.rules, [])
    with pytest.raises(NotifierUnavailable):
        await post.show(record, slack)


async def test_the_card_of_another_group_does_not_count_for_somebody_outside_it(post: Post) -> None:
    record, slack = await post.accepted(groups=("finance", "on-call")), post.slack({"C01FINANCE": "1.1"})
    escalated = after(record, "escalate", group="on-call")
    too = {"stage": 1, "group": "on-call"}
    approval = asked(escalated).model_validate({**asked(escalated).model_dump(), "asked_too": [too]})
    escalated = escalated.model_copy(update={"approval": approval})
    await slack.show(escalated, post.rules, [])
    with pytest.raises(NotifierUnavailable):
        await post.show(escalated, slack)

    post.now += timedelta(minutes=2)
    await post.show(escalated, slack)

    assert post.readers == ["bob", "bob", "cem"]


async def test_members_of_a_group_without_direct_messages_get_a_mail_where_its_channel_has_no_card(post: Post) -> None:
    groups = [{**group, "direct_messages": False, "not_notified": ["olga"]} for group in DOCUMENT["groups"]]
    post.rules = policy(people=PEOPLE, groups=groups)

    await post.show(await post.accepted())

    assert post.readers == ["ann", "bob"]


async def test_only_whose_turn_it_is_gets_a_mail(post: Post) -> None:
    post.whom = ["ann"]

    await post.show(await post.accepted())

    assert post.readers == ["ann"]


async def test_a_reminder_answers_the_first_mail_and_comes_once(post: Post) -> None:
    record = await post.accepted()
    await post.show(record)

    for _ in range(2):
        await post.show(after(record, "remind"))

    first, second = post.got("bob")
    assert text_of(second).startswith("Reminder: this still waits for your decision: Refund a customer\n")
    assert second["Subject"] == f"Re: {first['Subject']}"
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["Message-ID"] != first["Message-ID"]


async def test_who_has_voted_is_not_reminded(post: Post) -> None:
    record = await post.accepted(rules=policy(routes=[{"do": "ask", "approval": "two"}]))
    await post.show(record)

    await post.show(after(voted(record, "bob"), "remind"))

    assert (len(post.got("bob")), len(post.got("ann"))) == (1, 2)


async def test_a_step_before_somebody_was_asked_is_no_news_to_them(post: Post) -> None:
    post.now = LATER + timedelta(minutes=1)

    reminded, escalated = after(await post.accepted(), "remind"), after(await post.accepted(), "escalate")

    for record in (reminded, escalated) * 2:
        await post.show(record)

    assert [text_of(mail)[:4] for mail in post.got("bob")] == ["Your", "Your"]


async def test_an_escalation_is_told_to_those_who_were_asked_and_asks_those_whom_it_adds(post: Post) -> None:
    record = await post.accepted()
    await post.show(record)
    escalated = after(record, "escalate", group="on-call")
    more = {"groups": ["finance", "on-call"], "asked_too": [{"stage": 1, "group": "on-call"}]}
    approval = asked(escalated).model_validate({**asked(escalated).model_dump(), **more})

    post.now = LATER
    await post.show(escalated.model_copy(update={"approval": approval}))

    assert text_of(post.got("bob")[-1]).startswith("No decision yet, so others are asked, too")
    (mail,) = post.got("cem")
    assert text_of(mail).startswith("Your decision is asked for") and "finance or on-call" in text_of(mail)


async def test_a_step_that_reached_nobody_is_told_to_nobody(post: Post) -> None:
    record = await post.accepted()
    await post.show(record)

    await post.show(after(record, "escalate", skipped="the group has no members"))

    assert len(post.got("bob")) == 1


async def test_everybody_who_was_asked_is_told_how_it_ended_once_it_has(post: Post) -> None:
    record = await post.accepted()
    await post.show(record)

    approved = voted(record, "ann", reason="It is broken.")
    await post.show(approved.model_copy(update={"state": State.EXECUTING}))
    assert len(post.got("bob")) == 1
    for _ in range(2):
        await post.show(executed(approved))

    assert post.readers == ["ann", "ann", "bob", "bob", "olga", "olga"]
    text = text_of(post.got("bob")[-1])
    assert text.startswith("How it ended: Refund a customer\n") and "Approved and done." in text
    assert "It is broken." in text and "Outcome: succeeded" in text and '"id":"r-77"' in text


@pytest.mark.parametrize(
    ("state", "outcome", "said"),
    [
        (State.EXPIRED, ApprovalOutcome.EXPIRED, "Nobody decided by the deadline"),
        (State.CANCELLED, ApprovalOutcome.CANCELLED, "Withdrawn by the agent"),
    ],
)
async def test_an_end_without_a_decision_is_told_too(
    post: Post, state: State, outcome: ApprovalOutcome, said: str
) -> None:
    record = await post.accepted()
    await post.show(record)
    approval = asked(record).model_copy(update={"outcome": outcome, "decided_at": LATER})

    await post.show(record.model_copy(update={"state": state, "approval": approval}))

    assert said in text_of(post.got("bob")[-1])


async def test_an_execution_that_failed_and_a_rejection_are_told_with_why(post: Post) -> None:
    rejected, failed = await post.accepted(), await post.accepted()
    for record in (rejected, failed):
        await post.show(record)

    await post.show(voted(rejected, "olga", Decision.REJECT, "Too much."))
    await post.show(executed(voted(failed, "olga"), ExecutionResult(outcome=Outcome.FAILED, result={"status": 500})))

    first, second = (text_of(mail) for mail in post.got("bob")[-2:])
    assert "Rejected. Nothing was executed." in first and "Too much." in first
    assert "Approved, but it failed." in second and '{"status":500}' in second


async def test_who_was_never_asked_by_mail_is_not_told_how_it_ended(post: Post) -> None:
    record = await post.accepted()

    await post.show(executed(voted(record, "ann")))

    assert post.readers == []


async def test_the_people_of_the_next_stage_are_asked_when_it_comes(post: Post) -> None:
    record = await post.accepted()
    plan = asked(record).plan
    plan = plan.model_copy(update={"stages": [*plan.stages, Stage(group="on-call")]})
    record = record.model_copy(update={"approval": asked(record).model_copy(update={"plan": plan})})
    await post.show(record)
    assert post.got("cem") == []

    await post.show(voted(record, "ann"))

    (mail,) = post.got("cem")
    assert "not asked yet" not in text_of(mail) and "2. 0 of 1: on-call" in text_of(mail)


async def test_a_new_revision_is_asked_anew_with_what_changed(post: Post) -> None:
    record = await post.accepted()
    await post.show(record)
    approval = asked(record).model_copy(update={"revisions": 2})

    await post.show(
        record.model_copy(update={"approval": approval}), revisions=Made({**REFUND, "amount_minor": 9900}, REFUND)
    )

    mail = post.got("bob")[-1]
    assert "Changed since the revision before (1):\n  amount_minor: 9900 → 4200" in text_of(mail)
    assert mail["In-Reply-To"] == post.got("bob")[0]["Message-ID"]


async def test_a_recipient_whom_the_server_refuses_is_logged_with_how_and_the_others_get_theirs(post: Post) -> None:
    record = await post.accepted()
    post.box.to["ann@test.example"] = "550 5.1.1 no such user"

    with capture_logs() as logs:
        await post.show(record)
        await post.show(record)

    assert post.readers == ["bob", "olga"]
    (line,) = logs
    assert (line["event"], line["log_level"], line["person"]) == ("email_refused", "error", "ann")
    assert line["to_do"] == "check the person's email in the policy"

    post.box.to.clear()
    await post.show(after(record, "remind"))
    (mail,) = post.got("ann")
    assert mail["In-Reply-To"] is None


@pytest.mark.parametrize("answer", ["450 4.2.0 greylisted", "421 4.3.2 closing"])
async def test_what_passes_is_tried_again_and_nobody_gets_two(post: Post, answer: str) -> None:
    record = await post.accepted()
    post.box.to["bob@test.example"] = answer

    with pytest.raises(NotifierUnavailable, match="trying again"):
        await post.show(record)
    assert ("olga" in post.readers) == answer.startswith("450"), "others get theirs unless the server hangs up"
    post.box.to.clear()
    await post.show(record)

    assert post.readers == ["ann", "bob", "olga"]


async def test_a_mail_that_the_server_finds_bad_is_logged_with_how(post: Post) -> None:
    post.whom, post.box.to_data = ["bob"], "554 5.7.1 this is spam"

    with capture_logs() as logs:
        await post.show(await post.accepted())

    assert [(line["event"], line["refused"]) for line in logs] == [("email_refused", "the mail (554)")]
    assert "REMIT_MAIL_FROM" in logs[0]["to_do"]


async def test_a_server_that_is_away_is_tried_again_and_nothing_is_lost(post: Post) -> None:
    record, post.port = await post.accepted(), free_port()
    with pytest.raises(NotifierUnavailable, match="cannot be reached"):
        await post.show(record)

    post.port = 0
    await post.show(record)

    assert post.readers == ["ann", "bob", "olga"]


async def test_an_address_that_the_server_cannot_write_keeps_nobody_else_from_theirs(post: Post) -> None:
    odd = [{**person, "email": f"j\u00f6rg@{n}.example"} for n, person in enumerate(NO_SLACK[:2])]
    post.rules = policy(people=[*odd, *NO_SLACK[2:]])

    with capture_logs() as logs:
        await post.show(await post.accepted())

    assert post.readers == ["bob"]
    assert [line["to_do"] for line in logs] == ["write the person's email in the policy as name@domain, in ASCII"] * 2


@pytest.mark.parametrize(
    "email",
    ["<bob>@test.example", "bob@[x", "bob,all@test.example", "bob;all@test.example", "bob@test,example"],
)
async def test_an_address_of_the_policy_adds_no_recipient(post: Post, email: str) -> None:
    post.rules, post.whom = policy(people=[{**NO_SLACK[2], "email": email}, *NO_SLACK[:2], *NO_SLACK[3:]]), ["bob"]

    with capture_logs() as logs:
        await post.show(await post.accepted())

    assert (post.readers, [line["event"] for line in logs]) == ([], ["email_refused"])


async def test_names_of_people_and_actions_cannot_write_headers(post: Post) -> None:
    name = "Bob\r\nBcc: all@test.example"
    post.rules, post.whom = policy(people=[{**NO_SLACK[2], "name": name}, *NO_SLACK[:2], *NO_SLACK[3:]]), ["bob"]
    titled = [{**each, "title": "Refund\r\nBcc: all@test.example\r\n\r\nHello"} for each in DOCUMENT["action_types"]]
    post.rules = policy(people=[*post.rules.bundle.model_dump()["people"]], action_types=titled)

    await post.show(await post.accepted())

    (mail,), (envelope,) = post.box.messages, post.box.envelopes
    assert (envelope.rcpt_tos, mail["Bcc"]) == (["bob@test.example"], None)
    assert "\n" not in mail["Subject"] and mail["Subject"].startswith(r"Refund\u000d\nBcc: all@test.example")


async def test_who_left_gets_no_mail(post: Post) -> None:
    record = await post.accepted()
    await post.show(record)
    left = [{**person, "left_on": "2026-03-01"} if person["id"] == "bob" else person for person in NO_SLACK]
    post.rules = policy(people=left)

    await post.show(executed(voted(record, "ann")))

    assert post.readers == ["ann", "ann", "bob", "olga", "olga"]


async def test_an_action_nobody_is_asked_about_is_not_mailed(post: Post) -> None:
    record = await post.accepted()

    await post.show(record.model_copy(update={"approval": None}))

    assert post.readers == []


async def test_the_second_channel_waits_for_a_showing_in_slack_that_is_under_way(post: Post) -> None:
    record, slack = await post.accepted(), post.slack({"C01FINANCE": "1.1"}, seconds=0.3)

    await asyncio.gather(slack.show(record, post.rules, []), post.show(record, slack))

    assert post.readers == ["bob"]


async def test_a_slack_that_hangs_does_not_keep_the_mails_waiting(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "_SLACK_SECONDS", 0.01)
    record, slack = await post.accepted(), post.slack(seconds=3600)

    hanging = asyncio.create_task(slack.show(record, post.rules, []))
    await asyncio.sleep(0)
    with pytest.raises(NotifierUnavailable):
        await post.show(record, slack)
    hanging.cancel()

    assert post.readers == ["bob"]


async def test_a_slack_that_fails_does_not_keep_the_mails_waiting(post: Post) -> None:
    record, slack = await post.accepted(), post.slack(failure=NotifierUnavailable("away"))

    ended = await asyncio.gather(slack.show(record, post.rules, []), post.show(record, slack), return_exceptions=True)

    assert [type(problem) for problem in ended] == [NotifierUnavailable, NotifierUnavailable]
    assert post.readers == ["bob"]
