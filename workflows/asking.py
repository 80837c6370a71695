"""Asking people about one action: their votes and wishes, the steps that time brings, and the holds that stop it.

One change of the approval happens at a time. It is recorded before it is true, so that nothing anybody was told can be
missing from the ledger.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.assess import Assess, EligibilityRequest, Verdict
    from activities.escalate import Escalate, ScheduleRequest, StepRequest
    from activities.record import ApprovalChange, Record
    from activities.revise import Revise, RevisionRequest, StandingRequest
    from domain.action import State
    from domain.approval import Approval, ApprovalOutcome, Ballot, Decision, Receipt, answered, cancel, cast, closed
    from domain.approval import receipt as receipt_of
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
    from domain.ledger import Actor
    from domain.revising import excluded_from
    from domain.revision import ReviseRequest
    from workflows.holds import HoldWatch
    from workflows.short_steps import short_step
    from workflows.showing import Showing
    from workflows.visibility import mark, waiting_details

_OCCASIONS = {StepKind.REMIND: ("reminded",), StepKind.ESCALATE: ("escalated",)}


class Asking:
    """The asking about one action, from its first question to its outcome, over all its revisions."""

    def __init__(self, action_id: str, verdict: Verdict, approval: Approval, holds: HoldWatch) -> None:
        self.verdict = verdict
        self.approval = approval
        self.showing = Showing(action_id)
        self._action_id = action_id
        self._holds = holds
        self._turn = asyncio.Lock()

    def changed(self, *occasions: str) -> None:
        """Note that people should see the action again, and what they should be alerted to."""
        self.showing.changed(*occasions)
        workflow.set_current_details(waiting_details(self.verdict, self.approval, self._holds.hold))

    async def outcome(self) -> ApprovalOutcome:
        """Wait for a decision, with one timer open at a time: the next reminder, escalation or the deadline.

        While a hold is on there is none: the clock stands still, and goes on with the time that was left.
        """
        while self.approval.outcome is None:
            if self._holds.hold is not None:
                await self._holds.until_told(or_else=lambda: self._is_decided() or self._holds.hold is None)
                await self._look_at_holds()
                continue
            step = next_step(self.approval)
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
        return self.approval.outcome

    async def vote(self, ballot: Ballot) -> Receipt:
        """Count a ballot or refuse it, record which, and return the receipt."""
        async with self._turn:
            await self._catch_up(ballot.revision)
            hold = await self._hold_on_while_open()
            approval = self.approval
            eligibility = await self._eligibility(ballot.person, ballot.decision)
            now = workflow.now()
            after, receipt = cast(approval, ballot, eligibility, now)
            if hold is not None:
                after, receipt = approval, receipt_of(approval, held(hold))
            if after.stage > approval.stage:
                after = await self._scheduled(after)
            await self._record(self._change(after, ballot=ballot, receipt=receipt, at=now))
        if receipt.accepted:
            self.changed(*(("asked",) if after.stage > approval.stage else ()))
        return receipt

    async def manage(self, request: ManageRequest) -> Receipt:
        """Hand the question on, put off a reminder or move the deadline, for somebody who may vote."""
        async with self._turn:
            refusal = await self._refusal_of_anything()
            refusal = refusal or (await self._eligibility(request.person, Decision.REJECT)).refusal
            if refusal is None and request.to is not None:
                refusal = (await self._eligibility(request.to, Decision.APPROVE)).refusal
            after, receipt = self.approval, receipt_of(self.approval, refusal)
            if refusal is None:
                after, receipt = managed(self.approval, request, workflow.now())
            await self._record(self._change(after, request=request, receipt=receipt))
        if receipt.accepted:
            self.changed()
        return receipt

    async def answer(self, request: AnswerRequest) -> Receipt:
        """Take the agent's answer to the questions it was returned with."""
        async with self._turn:
            refusal = await self._refusal_of_anything()
            after, receipt = self.approval, receipt_of(self.approval, refusal)
            if refusal is None:
                after, receipt = answered(self.approval, request.answer, workflow.now())
            await self._record(self._change(after, request=request, receipt=receipt))
        if receipt.accepted:
            self.changed("answered")
        return receipt

    async def revise(self, request: ReviseRequest) -> Receipt:
        """Go on with other arguments, judged anew; or refuse them. Votes on the revision before are void."""
        async with self._turn:
            await self._catch_up(request.base)
            refusal = await self._refusal_of_anything()
            if refusal is None and request.base != self.approval.revision:
                message = "it was changed since you read it; read it again, and edit what stands there now"
                refusal = Refusal(code=RefusalCode.SUPERSEDED, message=message)
            if refusal is not None:
                receipt = receipt_of(self.approval, refusal)
                await self._record(self._change(self.approval, revision=request, receipt=receipt))
                return receipt
            asked = RevisionRequest(
                action_id=self._action_id, request=request, approval=self.approval, at=workflow.now()
            )
            made = await short_step(Revise.revise, asked, "revise")
            self._go_on_with(made.verdict)
        if made.receipt.accepted:
            self.changed("asked")
        return made.receipt

    async def _catch_up(self, revision: str) -> None:
        """Go on with a revision that was made and never heard of: Temporal may die after the database has it and
        before this workflow does. Callers hold the turn."""
        if revision == self.approval.revision or self._is_decided() or not workflow.patched("catch-up"):
            return
        asked = StandingRequest(action_id=self._action_id, revision=revision)
        found = await short_step(Revise.standing, asked, "which revision stands")
        if self._go_on_with(found):
            self.changed("asked")

    def _go_on_with(self, verdict: Verdict | None) -> bool:
        if verdict is None or verdict.approval is None:
            return False
        self.verdict, self.approval = verdict, verdict.approval
        mark(verdict, State.PENDING_APPROVAL)
        return True

    async def withdraw(self, request_id: str, actor: Actor) -> Receipt:
        """Withdraw the question, for its agent or an admin; refuse once it is decided."""
        async with self._turn:
            after, receipt = cancel(self.approval, workflow.now())
            await self._record(self._change(after, cancelled_by=actor, cancel_id=request_id, receipt=receipt))
        self.changed()
        return receipt

    async def _take(self, step: Step) -> None:
        """Take a step that time brought, unless somebody decided while it came."""
        async with self._turn:
            if self._is_decided() or await self._hold_on() is not None:
                return
            if next_step(self.approval) != step:  # it moved, by the time that the action was held
                return
            now = workflow.now()
            after = take(self.approval, step, now, await self._reached(step))
            await self._record(self._change(after, step=step, at=now))
        self.changed(*_OCCASIONS.get(step.kind, ()))

    async def _reached(self, step: Step) -> Reached | None:
        """Find out whom a step reaches now; None where that is said already."""
        named = planned(self.approval, step)
        if named is None or named.whom is None or named.as_named:
            return None
        due = StepRequest(action_id=self._action_id, approval=self.approval, step=named, at=workflow.now())
        return await short_step(Escalate.reach, due, "whom does it reach")

    async def _scheduled(self, approval: Approval) -> Approval:
        """Give the stages that begin to be asked their own steps."""
        if not approval.plan.escalation:
            return approval
        begun = ScheduleRequest(approval=approval, at=workflow.now())
        schedule = await short_step(Escalate.schedule, begun, "when to remind and to escalate")
        return scheduled(approval, schedule.steps)

    async def _look_at_holds(self) -> None:
        """Find out which hold is on, unless somebody decided."""
        async with self._turn:
            await self._hold_on_while_open()

    async def _hold_on_while_open(self) -> str | None:
        return None if self._is_decided() else await self._hold_on()

    async def _hold_on(self) -> str | None:
        """Name the hold that is on, and add the time that earlier ones took to the deadlines. Callers hold the turn."""
        approval, before = self.approval, self._holds.hold
        if approval.asked_at is None and not self._holds.was_told:
            return None  # asked by a version without holds, and none came since
        held_for = await self._holds.look(approval.asked_at or workflow.info().start_time)
        after = postponed(approval, held_for)
        if after != approval:
            await self._record(self._change(after, postponed_by=held_for - approval.held_for))
        if after != approval or self._holds.hold != before:
            self.changed()
        return self._holds.hold

    async def _refusal_of_anything(self) -> Refusal | None:
        """Return why nothing can be asked for now: a hold is on, or it is over; None where something can."""
        hold = await self._hold_on_while_open()
        return held(hold) if hold is not None else closed(self.approval, workflow.now())

    async def _eligibility(self, person: str, decision: Decision) -> Eligibility:
        """Ask whether somebody may vote so, by people and groups as they are at this moment."""
        asked = EligibilityRequest(
            person=person,
            groups=self.approval.wanted_first,
            people=self.approval.people,
            excluded=excluded_from(self.approval, decision is Decision.APPROVE),
            tier=self.verdict.tier,
            decision=decision,
            at=workflow.now(),
        )
        return await short_step(Assess.check_eligibility, asked, "may they vote")

    def _change(self, after: Approval, **what: object) -> ApprovalChange:
        return ApprovalChange.model_validate(
            {"action_id": self._action_id, "approval": after, "at": workflow.now(), **what}
        )

    async def _record(self, change: ApprovalChange) -> None:
        """Make a change durable first and true second. Callers hold the turn."""
        await short_step(Record.record_approval, change, "record")
        self.approval = change.approval

    def _is_interrupted(self, waited: Step) -> bool:
        """Whether there is a reason not to wait for a step: a decision, news of a hold, or another step comes next."""
        if self._is_decided() or self._holds.told or self._holds.hold is not None:
            return True
        following = next_step(self.approval)
        return (following.at, following.number) != (waited.at, waited.number)

    def _is_decided(self) -> bool:
        return self.approval.outcome is not None
