"""A worker on a server that skips time, with stores, executor and notifier that record."""

import asyncio
import contextlib
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from activities.assess import Assess
from activities.escalate import Escalate
from activities.execute import Execute
from activities.first_step import FirstStep
from activities.gather import Gather
from activities.holds import CheckHolds
from activities.judge import Judge
from activities.notify import Notify
from activities.record import Record
from activities.revise import Revise
from domain.action import Action, Context, ExecutionResult, State, workflow_id
from domain.approval import Approval, Ballot, Decision, Door, Receipt
from domain.canonical import digest, revision_bytes
from domain.errors import EffectError
from domain.escalation import AnswerRequest, ManageRequest
from domain.guardrails import AggregateQuery, Measure, Use
from domain.holds import Hold
from domain.ledger import Actor, ActorKind, Entry
from domain.policy import Judgement, Policy
from domain.record import ActionRecord, Claim, Execution
from domain.revision import ReviseRequest, Revision
from tests.bundles import policy
from tests.holds import RecordingHolds
from workflows.agent_action import ActionEnd, AgentAction
from workflows.client import ActionWorkflows
from workflows.visibility import SEARCH_ATTRIBUTES

TASK_QUEUE = "workflow-tests"
PATIENCE = timedelta(seconds=10)


class RecordingActions:
    """A store of actions in memory, with the same gates as the real one, that keeps every entry."""

    def __init__(self) -> None:
        self.records: dict[str, ActionRecord] = {}
        self.entries: list[Entry] = []
        self.holds = RecordingHolds()
        self.revisions: dict[tuple[str, str], Revision] = {}

    def kinds(self, action_id: str) -> list[str]:
        """Return the kinds of an action's entries, in order."""
        return [entry.kind.value for entry in self.entries if entry.action == action_id]

    async def get(self, action_id: str) -> ActionRecord:
        """Return a record."""
        return self.records[action_id]

    async def record_judgement(
        self,
        action_id: str,
        judgement: Judgement,
        approval: Approval | None,
        state: State,
        at: datetime,
        entries: Sequence[Entry],
    ) -> bool:
        """Record a judgement, once."""
        if self.records[action_id].judgement is not None:
            return False
        self._change(action_id, entries, judgement=judgement, approval=approval, state=state)
        return True

    async def record_approval(
        self, action_id: str, approval: Approval, state: State, at: datetime, entries: Sequence[Entry]
    ) -> bool:
        """Record where an approval stands."""
        record = self.records[action_id]
        if record.state is not State.PENDING_APPROVAL or record.action.digest != approval.revision:
            return False
        self._change(action_id, entries, approval=approval, state=state)
        return True

    async def propose(self, action_id: str, arguments: dict[str, Any], author: Actor) -> str:
        """Store arguments that somebody may ask to go on with, and return their digest."""
        data = revision_bytes(arguments)
        named = digest(data)
        self.revisions.setdefault(
            (action_id, named),
            Revision(number=None, digest=named, arguments_bytes=data, author=author, proposed_at=datetime.now(UTC)),
        )
        return named

    async def proposed(self, action_id: str, digest: str) -> Revision | None:
        """Return a revision by its digest."""
        return self.revisions.get((action_id, digest))

    async def make_revision(
        self,
        record: ActionRecord,
        made: Action,
        author: Actor,
        judgement: Judgement,
        approval: Approval,
        measure: Measure,
        at: datetime,
        entries: Sequence[Entry],
        uses: Sequence[Use] = (),
    ) -> bool:
        """Make a revision the action's own."""
        current = self.records[made.id]
        if current.state is not State.PENDING_APPROVAL or current.action.digest != record.action.digest:
            return False
        known = self.revisions[(made.id, made.digest)]
        self.revisions[(made.id, made.digest)] = known.model_copy(
            update={"number": approval.revisions, "made_at": at, "author": author}
        )
        self._change(made.id, entries, action=made, judgement=judgement, approval=approval)
        return True

    async def beyond(self, _action_id: str, _uses: Sequence[Use], _at: datetime) -> list[Use]:
        """Nothing here goes over a limit."""
        return []

    async def append(self, action_id: str, entries: Sequence[Entry]) -> None:
        """Record entries that change nothing."""
        self._change(action_id, entries)

    async def claim(
        self, action_id: str, digest: str, execution: Execution, entry: Entry, uses: Sequence[Use] = ()
    ) -> Claim | Hold | None:
        """Grant the claim when the route executes or the approval was given, and no hold is on."""
        record = self.records[action_id]
        approved = record.approval is not None and record.approval.outcome == "approved"
        executes = record.route == "execute"
        if record.state.final or record.action.digest != digest or not (approved or executes):
            return None
        if self.holds.active is not None:
            return self.holds.active
        before = record.execution
        self._change(action_id, [entry], state=State.EXECUTING, execution=execution)
        may_have_happened = before is not None and before.uncertain
        return Claim(record=self.records[action_id], may_have_happened=may_have_happened, since=datetime.now(UTC))

    async def attempt_ended(self, action_id: str, since: datetime, uncertain: bool) -> None:
        """Note that an attempt is over."""
        execution = self.records[action_id].execution
        assert execution is not None
        self._change(action_id, [], execution=execution.model_copy(update={"uncertain": uncertain}))

    async def record_outcome(self, action_id: str, result: ExecutionResult, at: datetime, entry: Entry) -> bool:
        """Record the outcome."""
        execution = self.records[action_id].execution or Execution(key=action_id)
        ended = execution.model_copy(update={"outcome": result.outcome, "result": result.result, "uncertain": False})
        self._change(action_id, [entry], state=result.outcome.state, execution=ended)
        return True

    def _change(self, action_id: str, entries: Sequence[Entry], **changes: Any) -> None:
        known = {entry.key for entry in self.entries}
        self.entries.extend(entry for entry in entries if entry.key not in known)
        self.records[action_id] = self.records[action_id].model_copy(update=changes)


class OneExecutor:
    """An executor that records its runs and fails as it is told to."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.arguments: list[Mapping[str, Any]] = []
        self.failures: list[EffectError] = []
        self.short = True
        self.idempotent = True

    def is_short(self, settings: Mapping[str, Any]) -> bool:
        """As the test says."""
        return self.short

    def is_idempotent(self, settings: Mapping[str, Any]) -> bool:
        """As the test says."""
        return self.idempotent

    async def run(self, settings: Mapping[str, Any], arguments: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Record the run."""
        self.runs.append(key)
        self.arguments.append(arguments)
        if self.failures:
            raise self.failures.pop(0)
        return {"status": 200}


class RecordingNotifier:
    """A notifier that records what it was asked to show, and fails as it is told to."""

    def __init__(self) -> None:
        self.shown: list[tuple[State, list[str]]] = []
        self.failures: list[Exception] = []
        self.tries = 0

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Record the showing."""
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.shown.append((record.state, list(occasions)))


class FixedPolicy:
    """A policy that can be exchanged while actions wait."""

    def __init__(self, first: Policy) -> None:
        self.policy = first

    async def current(self) -> Policy:
        """Return it."""
        return self.policy


class NoPast:
    """A past in which nothing happened but the action itself."""

    async def history(self, _action_id: str, wanted: Sequence[AggregateQuery], _at: datetime) -> dict[str, int]:
        """Return what the action adds."""
        return {query.id: query.weight for query in wanted}


@dataclass
class World:
    """A worker on a server that skips time, and everything it touches."""

    environment: WorkflowEnvironment
    actions: RecordingActions = field(default_factory=RecordingActions)
    executor: OneExecutor = field(default_factory=OneExecutor)
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)
    policies: FixedPolicy = field(default_factory=lambda: FixedPolicy(policy()))
    started: list[str] = field(default_factory=list)

    @property
    def workflows(self) -> ActionWorkflows:
        """The way into the workflow."""
        return ActionWorkflows(self.environment.client, TASK_QUEUE)

    async def submit(
        self, action_type: str, arguments: dict[str, Any], use_case: str = "support", context: Context | None = None
    ) -> Action:
        """Accept an action and start its workflow."""
        data = revision_bytes(arguments)
        action = Action(
            id=secrets.token_hex(16),
            agent="clerk",
            use_case=use_case,
            action_type=action_type,
            digest=digest(data),
            arguments_bytes=data,
            context=context or Context(),
            created_at=datetime.now(UTC),
        )
        record = ActionRecord(action=action, owner="olga", state=State.ASSESSING, updated_at=action.created_at)
        self.actions.records[action.id] = record
        self.started.append(action.id)
        await self.workflows.start(record)
        return action

    async def refund(self, amount: int = 5000, **changes: Any) -> Action:
        """Submit a refund, which somebody must approve, and wait until they are asked."""
        action = await self.submit("refund.create", {"customer": "c-1", "amount_minor": amount}, **changes)
        await self.asked(action)
        return action

    async def asked(self, action: Action) -> None:
        """Wait until people are asked."""
        while self.actions.records[action.id].state is State.ASSESSING or not self.notifier.shown:
            await asyncio.sleep(0.01)

    async def vote(
        self, action: Action, person: str, decision: Decision = Decision.APPROVE, reason: str = "", **changes: Any
    ) -> Receipt | None:
        """Cast a ballot."""
        ballot = Ballot(
            id=changes.pop("id", secrets.token_hex(4)),
            person=person,
            decision=decision,
            revision=changes.pop("revision", action.digest),
            reason=reason,
            door=Door.API,
            **changes,
        )
        return await self.workflows.vote(action.id, ballot, PATIENCE)

    async def place_hold(self, *actions: Action) -> Hold:
        """Place a hold over everything, and tell these actions of it."""
        placed = self.actions.holds.place(await self.environment.get_current_time())
        await self.tell(*actions)
        return placed

    async def lift_hold(self, *actions: Action, number: int = -1) -> None:
        """Lift a hold, the last one placed unless told otherwise, and tell these actions of it."""
        self.actions.holds.lift(await self.environment.get_current_time(), number)
        await self.tell(*actions)

    async def tell(self, *actions: Action) -> None:
        """Tell actions that the holds over them changed, as a worker does."""
        for action in actions:
            await self.workflows.holds_changed(action.id)

    async def revise(
        self, action: Action, arguments: dict[str, Any], person: str | None = None, **changes: Any
    ) -> Receipt | None:
        """Ask to go on with other arguments, as a person or as the agent."""
        agent = Actor(kind=ActorKind.AGENT, id=action.agent, door="api")
        actor = agent if person is None else Actor(kind=ActorKind.PERSON, id=person, door="page")
        request = ReviseRequest(
            id=changes.pop("id", secrets.token_hex(4)),
            actor=actor,
            base=changes.pop("base", self.approval(action).revision),
            revision=await self.actions.propose(action.id, arguments, actor),
            **changes,
        )
        return await self.workflows.revise(action.id, request, PATIENCE)

    async def manage(self, action: Action, kind: str, person: str, **changes: Any) -> Receipt | None:
        """Reassign, snooze or extend."""
        request = ManageRequest.model_validate(
            {"id": secrets.token_hex(4), "kind": kind, "person": person, "door": Door.API, **changes}
        )
        return await self.workflows.manage(action.id, request, PATIENCE)

    async def answer(self, action: Action, text: str) -> Receipt | None:
        """Answer the open questions, as the agent."""
        request = AnswerRequest(id=secrets.token_hex(4), agent=action.agent, answer=text)
        return await self.workflows.answer(action.id, request, PATIENCE)

    def approval(self, action: Action) -> Approval:
        """Return the approval as it is recorded."""
        found = self.actions.records[action.id].approval
        assert found is not None
        return found

    async def at(self, moment: datetime) -> None:
        """Let time pass until a moment."""
        await self.environment.sleep(moment - await self.environment.get_current_time())

    async def ended(self, action: Action) -> State:
        """Wait for the end in real time, and return the state."""
        end: ActionEnd = await self.handle(action).result()
        return end.state

    async def ended_after(self, action: Action, step: timedelta) -> State:
        """Let time pass, a step at once, until the action ends."""
        while (await self.handle(action).describe()).status is WorkflowExecutionStatus.RUNNING:
            await self.environment.sleep(step)
        return await self.ended(action)

    def handle(self, action: Action) -> WorkflowHandle[AgentAction, Any]:
        """Return the workflow of an action."""
        return self.environment.client.get_workflow_handle_for(AgentAction.run, workflow_id(action.id))


def test_server() -> str:
    """Return the path of the time-skipping server that the environment holds."""
    found = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
    if found is None:
        raise RuntimeError("temporal-test-server is not in the environment; run make setup")
    return found


@contextlib.asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Start a server that skips time, and a worker on it; replay every history in the sandbox at the end."""
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=test_server(), data_converter=pydantic_data_converter
    )
    async with environment:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        attributes = {key.name: keyword for key in SEARCH_ATTRIBUTES}
        request = AddSearchAttributesRequest(namespace="default", search_attributes=attributes)
        await environment.client.operator_service.add_search_attributes(request)
        here = World(environment)
        executors = {"http.request": here.executor, "email.send": here.executor}
        judge = Judge(Gather(NoPast(), {}))
        assess = Assess(here.actions, here.policies, executors, judge)
        execute = Execute(here.actions, here.policies, executors, here.actions.holds, judge)
        escalate = Escalate(here.actions, here.policies)
        revise = Revise(here.actions, here.actions, here.policies, judge, assess)
        notify = Notify(here.actions, here.policies, {"recording": here.notifier})
        async with Worker(
            environment.client,
            task_queue=TASK_QUEUE,
            workflows=[AgentAction],
            activities=[
                FirstStep(assess, execute).first_step,
                assess.check_eligibility,
                execute.execute,
                execute.settle,
                notify.notify,
                CheckHolds(here.actions.holds).check_holds,
                Record(here.actions).record_approval,
                escalate.reach,
                escalate.schedule,
                revise.revise,
                revise.standing,
            ],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield here
        for action_id in here.started:
            await replay(await environment.client.get_workflow_handle(workflow_id(action_id)).fetch_history())


async def replay(history: WorkflowHistory) -> None:
    """Replay a history inside the sandbox. Raises when the workflow would decide otherwise today."""
    await Replayer(workflows=[AgentAction], data_converter=pydantic_data_converter).replay_workflow(history)
