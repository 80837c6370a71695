"""Digests over time: one message for many requests, at the exact moment, never in quiet hours, never twice too soon."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker
from temporalio.workflow import Info

from activities.digest import SendDigest
from adapters.database.assignments import Due
from domain.action import State
from domain.approval import ask
from domain.approval_plan import ApprovalPlan
from domain.catalog import Person, Stage
from domain.errors import InvalidRequest, NotifierUnavailable
from domain.policy import Policy
from domain.record import ActionRecord
from tests.bundles import DOCUMENT, policy
from tests.databases import refund
from tests.workflows import world
from workflows.digest import PersonDigest
from workflows.digest_client import Digests, digest_id

TASK_QUEUE = "digest-tests"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ALWAYS: dict[str, Any] = {
    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    "opens": "00:00",
    "closes": "00:00",
}


@dataclass
class Sent:
    """A digest that was sent: to whom, with what, under which name."""

    person: str
    actions: list[str]
    digest: str

    @property
    def at(self) -> datetime:
        """When it was due, by its name."""
        return datetime.fromisoformat(self.digest.partition("/")[2])


@dataclass
class Desk:
    """What digests touch: requests that wait, and a place that records what is sent and fails as it is told to."""

    environment: WorkflowEnvironment
    policies: world.FixedPolicy
    records: dict[str, ActionRecord] = field(default_factory=dict)
    waiting: list[Due] = field(default_factory=list)
    last: datetime | None = None
    sent: list[Sent] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    @property
    def digests(self) -> Digests:
        """The way into the workflow."""
        return Digests(self.environment.client, TASK_QUEUE)

    async def now(self) -> datetime:
        """Return the time of the server."""
        return await self.environment.get_current_time()

    def ask(self, at: datetime, deadline: timedelta = timedelta(days=3), **changes: Any) -> str:
        """Have a request wait for ann's digest, and return its action."""
        action, judgement = refund()
        plan = ApprovalPlan(rule="one", stages=[Stage(group="finance")], expires_at=at + deadline)
        record = ActionRecord(
            action=action,
            owner="olga",
            state=State.PENDING_APPROVAL,
            judgement=judgement,
            approval=ask(plan, action.digest),
            updated_at=at,
        )
        self.records[action.id] = record.model_copy(update=changes)
        self.waiting.append(Due(action=action.id, stage=1, deferred_until=at))
        return action.id

    async def get(self, action_id: str) -> ActionRecord:
        return self.records[action_id]

    async def due(self, _person: str) -> list[Due]:
        return list(self.waiting)

    async def last_digest(self, _person: str) -> datetime | None:
        return self.last

    async def digested(self, _person: str, actions: Sequence[str], at: datetime, _digest: str) -> None:
        self.waiting = [due for due in self.waiting if due.action not in actions]
        self.last = at

    async def send(self, person: Person, records: Sequence[ActionRecord], _policy: Policy, digest: str) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(Sent(person.id, [record.action.id for record in records], digest))
        return True

    async def finished(self) -> None:
        """Let time pass until the workflow is over, and replay its history in the sandbox."""
        handle = self.environment.client.get_workflow_handle(digest_id("ann"))
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await self.environment.sleep(20 * MINUTE)
        replayer = Replayer(workflows=[PersonDigest], data_converter=pydantic_data_converter)
        await replayer.replay_workflow(await handle.fetch_history())


def of(calendar: dict[str, Any]) -> Policy:
    """Return the policy with a calendar for ann."""
    people = [{**p, "calendar": calendar} if p["id"] == "ann" else p for p in DOCUMENT["people"]]
    return policy(people=people, attention={"digest_tiers": ["medium"], "digest_every": "1h"})


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with contextlib.AsyncExitStack() as stack:
        environment = await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=world.test_server(), data_converter=pydantic_data_converter
        )
        await stack.enter_async_context(environment)
        here = Desk(environment, world.FixedPolicy(of(ALWAYS)))
        sending = SendDigest(here, here, here.policies, {"recording": here})
        worker = Worker(
            environment.client,
            task_queue=TASK_QUEUE,
            workflows=[PersonDigest],
            activities=[sending.send_digest],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        await stack.enter_async_context(worker)
        yield here


def soon(sent: Sent, due: datetime) -> bool:
    """Whether a digest came at the moment it was due, up to what a workflow task takes on a busy machine."""
    return due <= sent.at < due + MINUTE


async def test_many_requests_are_one_message_at_the_time_of_the_first(desk: Desk) -> None:
    start = await desk.now()
    asked = []
    for minutes in (0, 10, 20):
        asked.append(desk.ask(start))
        await desk.digests.expect("ann", start + HOUR + minutes * MINUTE)

    await desk.finished()

    (sent,) = desk.sent
    assert (sent.person, sent.actions) == ("ann", asked)
    assert soon(sent, start + HOUR)


async def test_an_earlier_wish_moves_the_digest_and_a_later_one_does_not(desk: Desk) -> None:
    start = await desk.now()
    desk.ask(start)
    await desk.digests.expect("ann", start + 5 * HOUR)
    await desk.digests.expect("ann", start + 2 * HOUR)
    await desk.digests.expect("ann", start + 9 * HOUR)

    await desk.finished()

    assert [soon(sent, start + 2 * HOUR) for sent in desk.sent] == [True]


async def test_a_digest_that_is_expected_again_and_again_goes_on_in_a_new_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = await desk.now()
    asked = desk.ask(start)
    handle = desk.environment.client.get_workflow_handle(digest_id("ann"))
    await desk.digests.expect("ann", start + 5 * HOUR)
    first = (await handle.describe()).run_id
    monkeypatch.setattr(Info, "is_continue_as_new_suggested", lambda info: info.get_current_history_length() > 40)

    async with asyncio.timeout(20):  # Temporal takes 10,000 signals for one run
        while (await handle.describe()).run_id == first:
            await desk.digests.expect("ann", start + 5 * HOUR)
            await asyncio.sleep(0.02)  # a run that gets wishes without a pause between them cannot end
    while not desk.sent:
        await desk.environment.sleep(20 * MINUTE)
    (sent,) = desk.sent
    assert sent.actions == [asked]
    assert soon(sent, start + 5 * HOUR)


async def test_what_comes_after_a_digest_is_in_another_one_an_hour_later_at_least(desk: Desk) -> None:
    start = await desk.now()
    desk.ask(start)
    await desk.digests.expect("ann", start + MINUTE)
    await desk.finished()
    first = desk.sent[0].at

    later = desk.ask(start)
    await desk.digests.expect("ann", first + 10 * MINUTE)
    await desk.finished()

    assert desk.sent[1].actions == [later]
    assert soon(desk.sent[1], first + HOUR)


async def test_in_quiet_hours_the_digest_waits_until_they_end(desk: Desk) -> None:
    start = await desk.now()
    opens = (start + 5 * HOUR).replace(second=0, microsecond=0)
    closes = (opens + 2 * HOUR).time().isoformat("minutes")
    desk.policies.policy = of({**ALWAYS, "opens": opens.time().isoformat("minutes"), "closes": closes})
    desk.ask(start)
    await desk.digests.expect("ann", start + HOUR)

    await desk.finished()

    assert [soon(sent, opens) for sent in desk.sent] == [True]


async def test_rather_than_after_a_deadline_it_comes_in_quiet_hours(desk: Desk) -> None:
    start = await desk.now()
    desk.policies.policy = of({"days": []})
    desk.ask(start, deadline=2 * HOUR)
    await desk.digests.expect("ann", start + HOUR)

    await desk.finished()

    assert [soon(sent, start + HOUR) for sent in desk.sent] == [True]


async def test_what_was_decided_or_became_high_is_in_no_digest(desk: Desk) -> None:
    start = await desk.now()
    desk.ask(start, state=State.REJECTED)
    desk.ask(start, judgement=refund(200_000)[1])
    await desk.digests.expect("ann", start + HOUR)

    await desk.finished()

    assert desk.sent == []


async def test_who_may_not_vote_any_more_gets_no_digest(desk: Desk) -> None:
    start = await desk.now()
    desk.ask(start)
    desk.policies.policy = policy(groups=[{"id": "finance", "members": ["bob"]}, DOCUMENT["groups"][1]])
    await desk.digests.expect("ann", start + HOUR)

    await desk.finished()

    assert desk.sent == []


async def test_while_slack_is_away_a_digest_is_tried_again_and_comes_once(desk: Desk) -> None:
    start = await desk.now()
    desk.ask(start)
    desk.failures = [NotifierUnavailable("away") for _ in range(3)]
    await desk.digests.expect("ann", start + HOUR)

    await desk.finished()

    assert (len(desk.sent), desk.waiting) == (1, [])


async def test_a_digest_that_nobody_could_send_does_not_stay_open(desk: Desk) -> None:
    start = await desk.now()
    action = desk.ask(start)
    desk.failures = [InvalidRequest("a bug")]
    await desk.digests.expect("ann", start + HOUR)

    await desk.finished()
    await desk.digests.expect("ann", await desk.now() + MINUTE)
    await desk.finished()

    assert [sent.actions for sent in desk.sent] == [[action]]


async def test_one_workflow_for_a_person_however_many_wait(desk: Desk) -> None:
    start = await desk.now()
    for _ in range(20):
        await desk.digests.expect("ann", start + HOUR)
    running = desk.environment.client.get_workflow_handle(digest_id("ann"))
    assert (await running.describe()).status is WorkflowExecutionStatus.RUNNING
    assert start.tzinfo is UTC
    await desk.finished()
    assert desk.sent == []
