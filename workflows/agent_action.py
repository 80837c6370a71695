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
    from activities.assess import AssessRequest, Verdict
    from activities.execute import Execute, Executed, ExecuteRequest, SettleRequest
    from activities.first_step import FirstStep, FirstStepRequest
    from domain.action import Frozen, Route, State
    from domain.approval import Approval, Ballot, Receipt, reason_missing
    from domain.errors import Refusal, RefusalCode
    from domain.escalation import AnswerRequest, ManageRequest
    from domain.ledger import Actor, ActorKind
    from domain.revision import ReviseRequest
    from workflows.asking import Asking
    from workflows.attempts import Attempts
    from workflows.holds import HoldWatch
    from workflows.short_steps import SHORT, short_step
    from workflows.visibility import mark

_EXECUTE_ONCE = RetryPolicy(maximum_attempts=1)
_EXECUTE_TIMEOUT = timedelta(minutes=2)
_EXECUTE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), maximum_attempts=8
)


class ActionStart(Frozen):
    """What starts the workflow: the action's id and the digest of its first revision."""

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
        self._asking: Asking | None = None
        self._holds = HoldWatch(start.action_id)
        self._attempts = Attempts()

    @workflow.run
    async def run(self, start: ActionStart) -> ActionEnd:
        """Carry the action to its end and return the state it ended in."""
        assess = AssessRequest(action_id=start.action_id, now=workflow.now())
        first = await short_step(
            FirstStep.first_step,
            FirstStepRequest(assess=assess, digest=start.digest),
            "assess, and run what may run at once",
        )
        self._verdict = first.verdict
        match first.verdict.route:
            case Route.EXECUTE:
                state = first.ended or await self._execute(held_by=first.held)
            case Route.ASK if first.verdict.approval is not None:
                state = await self._ask(first.verdict, first.verdict.approval)
            case Route.SUGGEST:
                state = State.SUGGESTED
            case _:
                state = State.DENIED
        verdict = self._asking.verdict if self._asking else first.verdict
        if verdict.route is not Route.EXECUTE or state is not State.SUCCEEDED:
            mark(verdict, state)
        workflow.set_current_details(f"**{state.value}**: {verdict.because}")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ActionEnd(state=state)

    async def _ask(self, verdict: Verdict, approval: Approval) -> State:
        """Ask, wait for people and timers, run what was approved, and leave every card up to date."""
        asking = self._asking = Asking(self._start.action_id, verdict, approval, self._holds)
        mark(verdict, State.PENDING_APPROVAL)
        asking.changed("asked")
        showing = asyncio.create_task(asking.showing.keep_shown())
        try:
            outcome = await asking.outcome()
        except asyncio.CancelledError:  # an admin cancelled the workflow in Temporal: nothing will be executed
            await asking.withdraw("temporal", Actor(kind=ActorKind.ADMIN, id="operator", door="temporal"))
            outcome = await asking.outcome()
        state = outcome.state or await self._execute(at_once=asking.verdict.short)
        asking.changed()
        asking.showing.end()
        await showing
        return state

    async def _execute(self, at_once: bool = False, held_by: str | None = None) -> State:
        """Run the revision, as soon as no hold is on over it."""
        while True:
            if held_by is not None and not await self._may_be_released(held_by):
                return (await self._settle("cancelled in Temporal while a hold was on")).state
            done = await self._attempt(at_once)
            held_by = done.held
            if held_by is None:
                self._holds.hold = None
                return done.state

    async def _may_be_released(self, held_by: str) -> bool:
        """Wait until it is worth trying again. False when an admin cancels the workflow in Temporal meanwhile."""
        if held_by != self._holds.hold:
            self._holds.hold = held_by
            if self._asking is not None:
                self._asking.changed()
            else:
                workflow.set_current_details(f"**held** by {held_by}")
        try:
            await self._holds.until_told()
        except asyncio.CancelledError:
            return False
        self._holds.told = False
        return True

    async def _attempt(self, at_once: bool) -> Executed:
        """Run the revision: first inside the workflow task where the executor is short, then as an activity."""
        approval = self._asking.approval if self._asking else None
        verdict = self._asking.verdict if self._asking else self._verdict
        request = ExecuteRequest(
            action_id=self._start.action_id,
            digest=approval.revision if approval else self._start.digest,
            ages=approval is not None and approval.void_at is not None,
            judged_by=verdict.policy_digest if verdict else "",
        )
        try:
            if at_once and (done := await self._execute_at_once(request)):
                return done
            return await workflow.execute_activity_method(
                Execute.execute,
                request,
                start_to_close_timeout=_EXECUTE_TIMEOUT,
                retry_policy=_EXECUTE_RETRY,
                summary="execute",
            )
        except FailureError as failure:
            return await self._settle(str(_cause(failure))[:500])

    async def _settle(self, reason: str) -> Executed:
        """Give an execution that will not be tried again its outcome."""
        return await short_step(Execute.settle, SettleRequest(action_id=self._start.action_id, reason=reason), "settle")

    async def _execute_at_once(self, request: ExecuteRequest) -> Executed | None:
        """Run the revision inside the workflow task. None where another try, with patience, may help."""
        try:
            return await workflow.execute_local_activity_method(
                Execute.execute,
                request,
                start_to_close_timeout=SHORT,
                retry_policy=_EXECUTE_ONCE,
                summary="execute",
            )
        except FailureError as failure:
            if not _may_be_retried(failure):
                raise
            return None

    @workflow.update
    async def vote(self, ballot: Ballot) -> Receipt:
        """Count a ballot or refuse it, record which, and return the receipt."""
        self._attempts.note(ballot.person)
        return await self._asking.vote(ballot) if self._asking else _NOBODY_ASKED

    @vote.validator
    def _readable(self, ballot: Ballot) -> None:
        """Turn away, before anything stands in history, what no reviewer could have meant."""
        self._attempts.require_room(ballot.person)
        refusal = reason_missing(self._asking.approval if self._asking else None, ballot)
        if refusal is not None:
            raise ApplicationError(refusal.message, type=refusal.code.value, non_retryable=True)

    @workflow.update
    async def manage(self, request: ManageRequest) -> Receipt:
        """Hand the question on, put off a reminder or move the deadline, for somebody who may vote."""
        self._attempts.note(request.person)
        return await self._asking.manage(request) if self._asking else _NOBODY_ASKED

    @manage.validator
    def _room_to_manage(self, request: ManageRequest) -> None:
        self._attempts.require_room(request.person)

    @workflow.update
    async def answer(self, request: AnswerRequest) -> Receipt:
        """Take the agent's answer to the questions it was returned with."""
        self._attempts.note(_agent(request.agent))
        return await self._asking.answer(request) if self._asking else _NOBODY_ASKED

    @answer.validator
    def _room_to_answer(self, request: AnswerRequest) -> None:
        self._attempts.require_room(_agent(request.agent))

    @workflow.update
    async def revise(self, request: ReviseRequest) -> Receipt:
        """Go on with other arguments, judged anew; or refuse them."""
        self._attempts.note(request.actor)
        return await self._asking.revise(request) if self._asking else _NOBODY_ASKED

    @revise.validator
    def _room_to_revise(self, request: ReviseRequest) -> None:
        self._attempts.require_room(request.actor)

    @workflow.update
    async def cancel(self, request: CancelRequest) -> Receipt:
        """Withdraw the action while it waits; refuse once it is decided."""
        self._attempts.note(_agent(request.agent))
        if self._asking is None:
            return _not_waiting("the action is not waiting for anybody, so there is nothing to withdraw")
        return await self._asking.withdraw(request.id, _agent(request.agent))

    @cancel.validator
    def _room_to_cancel(self, request: CancelRequest) -> None:
        # The first of them ends an action that waits, however much was asked of it; only refusals could go on for ever.
        if self._asking is None or self._asking.approval.outcome is not None:
            self._attempts.require_room(_agent(request.agent))

    @workflow.signal
    def holds_changed(self) -> None:
        """Take note that a hold over the action was placed or lifted."""
        self._holds.tell()


def _agent(agent: str) -> Actor:
    return Actor(kind=ActorKind.AGENT, id=agent, door="api")


def _cause(failure: FailureError) -> BaseException:
    """Return what went wrong: a regular activity wraps it, a local one does not."""
    return failure.cause if isinstance(failure, ActivityError) and failure.cause else failure


def _may_be_retried(failure: FailureError) -> bool:
    cause = _cause(failure)
    return not (isinstance(cause, ApplicationError) and cause.non_retryable)


def _not_waiting(message: str) -> Receipt:
    return Receipt(accepted=False, refusal=Refusal(code=RefusalCode.NOT_WAITING, message=message))


_NOBODY_ASKED = _not_waiting("nobody was asked about this action")
