"""AgentAction: the life of one action, from its assessment to its outcome.

The workflow knows ids, digests, tiers and votes. Arguments, prompts and outputs stay in the database, so that
nothing personal stands in Temporal's history and an admin can read a waiting action without a payload.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.assess import Assess, AssessRequest, EligibilityRequest, Verdict
    from activities.execute import Execute, ExecuteRequest, SettleRequest
    from activities.first_step import FirstStep, FirstStepRequest
    from activities.notify import Notify, NotifyRequest
    from activities.record import ApprovalChange, Record
    from domain.action import Frozen, Route, State
    from domain.approval import (
        Approval,
        ApprovalOutcome,
        Ballot,
        Decision,
        Receipt,
        Step,
        StepKind,
        cancel,
        cast,
        next_step,
        take,
    )
    from domain.errors import Refusal, RefusalCode
    from domain.ledger import Actor, ActorKind
    from workflows.visibility import mark, waiting_details

# A short step runs inside the workflow task. Its failures are those of our own database, so it tries until that
# is back; nothing is decided in the meantime.
_SHORT = timedelta(seconds=10)
_SHORT_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))
_EXECUTE_ONCE = RetryPolicy(maximum_attempts=1)
_EXECUTE_TIMEOUT = timedelta(minutes=2)
_EXECUTE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), maximum_attempts=8
)
_OCCASIONS = {StepKind.REMIND: ("reminded",), StepKind.ESCALATE: ("escalated",)}
_NOTIFY_TIMEOUT = timedelta(seconds=30)
_NOTIFY_PATIENCE = timedelta(hours=24)
_NOTIFY_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2))


class ActionStart(Frozen):
    """What starts the workflow: the action's id and the digest of the one revision it is about."""

    action_id: str
    digest: str


class ActionEnd(Frozen):
    """How the action ended."""

    state: State


class CancelRequest(Frozen):
    """An agent withdraws its action. `id` names the request, so that a repeated one is recorded once."""

    id: str
    agent: str


@workflow.defn
class AgentAction:
    """Assess, route, then execute, or ask and wait, or record a suggestion, or deny."""

    @workflow.init
    def __init__(self, start: ActionStart) -> None:
        self._start = start
        self._verdict: Verdict | None = None
        self._approval: Approval | None = None
        self._turn = asyncio.Lock()  # one change of the approval at a time, recorded before it is true
        self._occasions: list[str] = []
        self._changes = 0
        self._shown = 0
        self._over = False

    @workflow.run
    async def run(self, start: ActionStart) -> ActionEnd:
        """Carry the action to its end and return the state it ended in."""
        first = await workflow.execute_local_activity_method(
            FirstStep.first_step,
            FirstStepRequest(assess=AssessRequest(action_id=start.action_id, now=workflow.now()), digest=start.digest),
            start_to_close_timeout=_SHORT,
            retry_policy=_SHORT_RETRY,
            summary="assess, and run what may run at once",
        )
        verdict = self._verdict = first.verdict
        match verdict.route:
            case Route.EXECUTE:
                state = first.ended or await self._execute()
            case Route.ASK if verdict.approval is not None:
                state = await self._ask(verdict, verdict.approval)
            case Route.SUGGEST:
                state = State.SUGGESTED
            case _:
                state = State.DENIED
        if verdict.route is not Route.EXECUTE or state is not State.SUCCEEDED:
            mark(verdict, state)
        workflow.set_current_details(f"**{state.value}**: {verdict.because}")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ActionEnd(state=state)

    async def _ask(self, verdict: Verdict, approval: Approval) -> State:
        """Ask, wait for people and timers, run what was approved, and leave every card up to date."""
        self._approval = approval
        mark(verdict, State.PENDING_APPROVAL)
        self._changed("asked")
        showing = asyncio.create_task(self._keep_shown())
        try:
            outcome = await self._wait_for_outcome()
        except asyncio.CancelledError:  # an admin cancelled the workflow in Temporal: nothing will be executed
            await self._withdraw("temporal", Actor(kind=ActorKind.ADMIN, id="operator", door="temporal"))
            outcome = self._require_outcome()
        state = outcome.state or await self._execute(at_once=verdict.short)
        self._changed()
        self._over = True
        await showing
        return state

    async def _wait_for_outcome(self) -> ApprovalOutcome:
        """Wait for a decision, with one timer open at a time: the next reminder, escalation or the deadline."""
        while True:
            approval = self._require_approval()
            if approval.outcome is not None:
                return approval.outcome
            step = next_step(approval)
            patience = max(step.at - workflow.now(), timedelta(0))
            try:
                await workflow.wait_condition(self._is_decided, timeout=patience, timeout_summary=step.summary)
            except TimeoutError:
                await self._take(step)

    async def _take(self, step: Step) -> None:
        """Take a step that time brought, unless somebody decided while it came."""
        async with self._turn:
            approval = self._require_approval()
            if approval.outcome is not None:
                return
            now = workflow.now()
            after = take(approval, step, now)
            await self._record(ApprovalChange(action_id=self._start.action_id, approval=after, at=now, step=step))
        self._changed(*_OCCASIONS.get(step.kind, ()))

    async def _execute(self, at_once: bool = False) -> State:
        """Run the revision: first inside the workflow task where the executor is short, then as an activity."""
        request = ExecuteRequest(action_id=self._start.action_id, digest=self._start.digest)
        try:
            if at_once and (ended := await self._execute_at_once(request)):
                return ended
            done = await workflow.execute_activity_method(
                Execute.execute,
                request,
                start_to_close_timeout=_EXECUTE_TIMEOUT,
                retry_policy=_EXECUTE_RETRY,
                summary="execute",
            )
        except FailureError as failure:
            done = await workflow.execute_local_activity_method(
                Execute.settle,
                SettleRequest(action_id=self._start.action_id, reason=str(_cause(failure))[:500]),
                start_to_close_timeout=_SHORT,
                retry_policy=_SHORT_RETRY,
                summary="settle",
            )
        return done.state

    async def _execute_at_once(self, request: ExecuteRequest) -> State | None:
        """Run the revision inside the workflow task. None where another try, with patience, may help."""
        try:
            done = await workflow.execute_local_activity_method(
                Execute.execute,
                request,
                start_to_close_timeout=_SHORT,
                retry_policy=_EXECUTE_ONCE,
                summary="execute",
            )
        except FailureError as failure:
            if not _may_be_retried(failure):
                raise
            return None
        return done.state

    @workflow.update
    async def vote(self, ballot: Ballot) -> Receipt:
        """Count a ballot or refuse it, record which, and return the receipt."""
        async with self._turn:
            approval = self._approval
            if approval is None:
                return _not_waiting("nobody was asked about this action")
            eligibility = await workflow.execute_local_activity_method(
                Assess.check_eligibility,
                EligibilityRequest(person=ballot.person, groups=approval.groups, excluded=approval.plan.excluded),
                start_to_close_timeout=_SHORT,
                retry_policy=_SHORT_RETRY,
                summary="may they vote",
            )
            now = workflow.now()
            after, answer = cast(approval, ballot, eligibility, now)
            await self._record(
                ApprovalChange(action_id=self._start.action_id, approval=after, at=now, ballot=ballot, receipt=answer)
            )
        if answer.accepted:
            self._changed()
        return answer

    @vote.validator
    def _readable(self, ballot: Ballot) -> None:
        """Turn away, before anything stands in history, what no reviewer could have meant."""
        if ballot.decision is Decision.REJECT and not ballot.reason.strip():
            message = "a rejection needs a reason: the agent and the ledger are told why"
            raise ApplicationError(message, type=RefusalCode.REASON_REQUIRED.value, non_retryable=True)

    @workflow.update
    async def cancel(self, request: CancelRequest) -> Receipt:
        """Withdraw the action while it waits; refuse once it is decided."""
        if self._approval is None:
            return _not_waiting("the action is not waiting for anybody, so there is nothing to withdraw")
        return await self._withdraw(request.id, Actor(kind=ActorKind.AGENT, id=request.agent, door="api"))

    async def _withdraw(self, request_id: str, actor: Actor) -> Receipt:
        async with self._turn:
            now = workflow.now()
            after, answer = cancel(self._require_approval(), now)
            await self._record(
                ApprovalChange(
                    action_id=self._start.action_id,
                    approval=after,
                    at=now,
                    cancelled_by=actor,
                    cancel_id=request_id,
                    receipt=answer,
                )
            )
        self._changed()
        return answer

    async def _record(self, change: ApprovalChange) -> None:
        """Make a change durable first and true second. Callers hold the turn."""
        await workflow.execute_local_activity_method(
            Record.record_approval,
            change,
            start_to_close_timeout=_SHORT,
            retry_policy=_SHORT_RETRY,
            summary="record",
        )
        self._approval = change.approval

    async def _keep_shown(self) -> None:
        """Show the action to people after each change, one showing at a time, until nothing changes any more."""
        while not (self._over and self._shown == self._changes):
            await workflow.wait_condition(lambda: self._changes > self._shown)
            self._shown, occasions, self._occasions = self._changes, self._occasions, []
            try:
                await workflow.execute_activity_method(
                    Notify.notify,
                    NotifyRequest(action_id=self._start.action_id, occasions=occasions),
                    start_to_close_timeout=_NOTIFY_TIMEOUT,
                    schedule_to_close_timeout=_NOTIFY_PATIENCE,
                    retry_policy=_NOTIFY_RETRY,
                    summary=f"show: {', '.join(occasions) or 'update'}",
                )
            except ActivityError as failure:
                workflow.logger.error("could not show the action to people: %s", failure.cause)

    def _changed(self, *occasions: str) -> None:
        self._changes += 1
        self._occasions.extend(occasions)
        workflow.set_current_details(waiting_details(self._verdict, self._approval))

    def _is_decided(self) -> bool:
        return self._require_approval().outcome is not None

    def _require_outcome(self) -> ApprovalOutcome:
        outcome = self._require_approval().outcome
        if outcome is None:
            raise RuntimeError("the approval was decided without an outcome")
        return outcome

    def _require_approval(self) -> Approval:
        if self._approval is None:
            raise RuntimeError("the action waits without an approval")
        return self._approval


def _cause(failure: FailureError) -> BaseException:
    """Return what went wrong: a regular activity wraps it, a local one does not."""
    return failure.cause if isinstance(failure, ActivityError) and failure.cause else failure


def _may_be_retried(failure: FailureError) -> bool:
    cause = _cause(failure)
    return not (isinstance(cause, ApplicationError) and cause.non_retryable)


def _not_waiting(message: str) -> Receipt:
    return Receipt(accepted=False, refusal=Refusal(code=RefusalCode.NOT_WAITING, message=message))
