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
    from activities.escalate import Escalate, ScheduleRequest, StepRequest
    from activities.execute import Execute, Executed, ExecuteRequest, SettleRequest
    from activities.first_step import FirstStep, FirstStepRequest
    from activities.notify import Notify, NotifyRequest
    from activities.record import ApprovalChange, Record
    from activities.revise import Revise, RevisionRequest
    from domain.action import Frozen, Route, State, Tier
    from domain.approval import (
        Approval,
        ApprovalOutcome,
        Ballot,
        Decision,
        Receipt,
        answered,
        cancel,
        cast,
        closed,
        reason_missing,
        receipt,
    )
    from domain.approval_plan import StepKind
    from domain.authority import Eligibility
    from domain.errors import Refusal, RefusalCode
    from domain.escalation import (
        AnswerRequest,
        ManageRequest,
        Reached,
        Step,
        managed,
        next_step,
        planned,
        postponed,
        scheduled,
        take,
    )
    from domain.holds import held
    from domain.ledger import Actor, ActorKind
    from domain.revision import ReviseRequest
    from workflows.holds import HoldWatch
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
        self._digest = start.digest  # of the revision that people are asked about, and that would run
        self._verdict: Verdict | None = None
        self._approval: Approval | None = None
        self._holds = HoldWatch(start.action_id)
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
                state = first.ended or await self._execute(held_by=first.held)
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
        """Wait for a decision, with one timer open at a time: the next reminder, escalation or the deadline.

        While a hold is on there is none: the clock stands still, and goes on with the time that was left.
        """
        while True:
            approval = self._require_approval()
            if approval.outcome is not None:
                return approval.outcome
            if self._holds.hold is not None:
                await self._holds.until_told(or_else=lambda: self._is_decided() or self._holds.hold is None)
                await self._look_at_holds()
                continue
            step = next_step(approval)
            patience = max(step.at - workflow.now(), timedelta(0))
            try:
                await workflow.wait_condition(
                    lambda waited=step: self._is_interrupted(waited),  # type: ignore[misc]
                    timeout=patience,
                    timeout_summary=step.summary,
                )
            except TimeoutError:
                await self._take(step)
            else:
                await self._look_at_holds()

    async def _take(self, step: Step) -> None:
        """Take a step that time brought, unless somebody decided while it came."""
        async with self._turn:
            if self._is_decided() or await self._hold_on() is not None:
                return
            approval = self._require_approval()
            if next_step(approval) != step:  # it moved, by the time that the action was held
                return
            now = workflow.now()
            after = take(approval, step, now, await self._reached(step, approval))
            await self._record(ApprovalChange(action_id=self._start.action_id, approval=after, at=now, step=step))
        self._changed(*_OCCASIONS.get(step.kind, ()))

    async def _reached(self, step: Step, approval: Approval) -> Reached | None:
        """Find out whom a step reaches now; None where that is said already."""
        named = planned(approval, step)
        if named is None or named.whom is None or named.as_named:
            return None
        return await workflow.execute_local_activity_method(
            Escalate.reach,
            StepRequest(action_id=self._start.action_id, approval=approval, step=named, at=workflow.now()),
            start_to_close_timeout=_SHORT,
            retry_policy=_SHORT_RETRY,
            summary="whom does it reach",
        )

    async def _scheduled(self, approval: Approval) -> Approval:
        """Give the stages that begin to be asked their own steps."""
        if not approval.plan.escalation:
            return approval
        schedule = await workflow.execute_local_activity_method(
            Escalate.schedule,
            ScheduleRequest(approval=approval, at=workflow.now()),
            start_to_close_timeout=_SHORT,
            retry_policy=_SHORT_RETRY,
            summary="when to remind and to escalate",
        )
        return scheduled(approval, schedule.steps)

    async def _look_at_holds(self) -> None:
        """Find out which hold is on, unless somebody decided."""
        async with self._turn:
            if not self._is_decided():
                await self._hold_on()

    async def _hold_on(self) -> str | None:
        """Name the hold that is on, and add the time that earlier ones took to the deadlines. Callers hold the turn."""
        approval, before = self._require_approval(), self._holds.hold
        if approval.asked_at is None and not self._holds.was_told:
            return None  # asked by a version without holds, and none came since
        held_for = await self._holds.look(approval.asked_at or workflow.info().start_time)
        after = postponed(approval, held_for)
        if after != approval:
            now, by = workflow.now(), held_for - approval.held_for
            await self._record(ApprovalChange(action_id=self._start.action_id, approval=after, at=now, postponed_by=by))
        if after != approval or self._holds.hold != before:
            self._changed()
        return self._holds.hold

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
            self._changed()
        try:
            await self._holds.until_told()
        except asyncio.CancelledError:
            return False
        self._holds.told = False
        return True

    async def _attempt(self, at_once: bool) -> Executed:
        """Run the revision: first inside the workflow task where the executor is short, then as an activity."""
        ages = self._approval is not None and self._approval.void_at is not None
        judged_by = self._verdict.policy_digest if self._verdict else ""
        request = ExecuteRequest(action_id=self._start.action_id, digest=self._digest, ages=ages, judged_by=judged_by)
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
        return await workflow.execute_local_activity_method(
            Execute.settle,
            SettleRequest(action_id=self._start.action_id, reason=reason),
            start_to_close_timeout=_SHORT,
            retry_policy=_SHORT_RETRY,
            summary="settle",
        )

    async def _execute_at_once(self, request: ExecuteRequest) -> Executed | None:
        """Run the revision inside the workflow task. None where another try, with patience, may help."""
        try:
            return await workflow.execute_local_activity_method(
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

    @workflow.update
    async def vote(self, ballot: Ballot) -> Receipt:
        """Count a ballot or refuse it, record which, and return the receipt."""
        async with self._turn:
            if self._approval is None:
                return _not_waiting("nobody was asked about this action")
            hold = None if self._is_decided() else await self._hold_on()
            approval = self._require_approval()
            eligibility = await self._eligibility(ballot.person, ballot.decision)
            now = workflow.now()
            after, answer = cast(approval, ballot, eligibility, now)
            if hold is not None:
                after, answer = approval, receipt(approval, held(hold))
            if after.stage > approval.stage:
                after = await self._scheduled(after)
            await self._record(
                ApprovalChange(action_id=self._start.action_id, approval=after, at=now, ballot=ballot, receipt=answer)
            )
        if answer.accepted:
            self._changed(*(("asked",) if after.stage > approval.stage else ()))
        return answer

    @workflow.update
    async def manage(self, request: ManageRequest) -> Receipt:
        """Hand the question on, put off a reminder or move the deadline, for somebody who may vote."""
        async with self._turn:
            if self._approval is None:
                return _not_waiting("nobody was asked about this action")
            hold = None if self._is_decided() else await self._hold_on()
            approval = self._require_approval()
            refusal = held(hold) if hold is not None else closed(approval, workflow.now())
            refusal = refusal or (await self._eligibility(request.person, Decision.REJECT)).refusal
            if refusal is None and request.to is not None:
                refusal = (await self._eligibility(request.to, Decision.APPROVE)).refusal
            now = workflow.now()
            if refusal is not None:
                after, answer = approval, receipt(approval, refusal)
            else:
                after, answer = managed(approval, request, now)
            await self._record(
                ApprovalChange(action_id=self._start.action_id, approval=after, at=now, request=request, receipt=answer)
            )
        if answer.accepted:
            self._changed()
        return answer

    @workflow.update
    async def answer(self, request: AnswerRequest) -> Receipt:
        """Take the agent's answer to the questions it was returned with."""
        async with self._turn:
            if self._approval is None:
                return _not_waiting("nobody was asked about this action")
            now = workflow.now()
            after, told = answered(self._require_approval(), request.answer, now)
            await self._record(
                ApprovalChange(action_id=self._start.action_id, approval=after, at=now, request=request, receipt=told)
            )
        if told.accepted:
            self._changed("answered")
        return told

    @workflow.update
    async def revise(self, request: ReviseRequest) -> Receipt:
        """Go on with other arguments, judged anew; or refuse them. Votes on the revision before are void."""
        async with self._turn:
            if self._approval is None:
                return _not_waiting("nobody was asked about this action")
            hold = None if self._is_decided() else await self._hold_on()
            approval = self._require_approval()
            refusal = held(hold) if hold is not None else closed(approval, workflow.now())
            if refusal is None and request.base != approval.revision:
                message = "it was changed since you read it; read it again, and edit what stands there now"
                refusal = Refusal(code=RefusalCode.SUPERSEDED, message=message)
            if refusal is not None:
                return receipt(approval, refusal)
            made = await workflow.execute_local_activity_method(
                Revise.revise,
                RevisionRequest(action_id=self._start.action_id, request=request, approval=approval, at=workflow.now()),
                start_to_close_timeout=_SHORT,
                retry_policy=_SHORT_RETRY,
                summary="revise",
            )
            if made.verdict is not None and made.verdict.approval is not None:
                self._verdict, self._approval = made.verdict, made.verdict.approval
                self._digest = made.verdict.approval.revision
                mark(made.verdict, State.PENDING_APPROVAL)
        if made.receipt.accepted:
            self._changed("asked")
        return made.receipt

    async def _eligibility(self, person: str, decision: Decision) -> Eligibility:
        """Ask whether somebody may vote so, by people and groups as they are at this moment."""
        approval = self._require_approval()
        return await workflow.execute_local_activity_method(
            Assess.check_eligibility,
            EligibilityRequest(
                person=person,
                groups=approval.wanted_first,
                people=approval.people,
                excluded=approval.plan.excluded,
                tier=self._verdict.tier if self._verdict is not None else Tier.HIGH,
                decision=decision,
                at=workflow.now(),
            ),
            start_to_close_timeout=_SHORT,
            retry_policy=_SHORT_RETRY,
            summary="may they vote",
        )

    @vote.validator
    def _readable(self, ballot: Ballot) -> None:
        """Turn away, before anything stands in history, what no reviewer could have meant."""
        if (refusal := reason_missing(self._approval, ballot)) is not None:
            raise ApplicationError(refusal.message, type=refusal.code.value, non_retryable=True)

    @workflow.signal
    def holds_changed(self) -> None:
        """Take note that a hold over the action was placed or lifted."""
        self._holds.tell()

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
        workflow.set_current_details(waiting_details(self._verdict, self._approval, self._holds.hold))

    def _is_interrupted(self, waited: Step) -> bool:
        """Whether there is a reason not to wait for a step: a decision, news of a hold, or another step comes next."""
        if self._is_decided() or self._holds.told or self._holds.hold is not None:
            return True
        following = next_step(self._require_approval())
        return (following.at, following.number) != (waited.at, waited.number)

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
