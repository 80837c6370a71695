"""The first step of an action: assess it and, where the policy lets it run at once and its executor is short, run it.

Both in one local activity, so that an action which nobody is asked about is one workflow task and one step. An
effect that may be tried again is left to the workflow, which retries with patience; a step that is cut off goes
again as a whole, and finds what it recorded.
"""

from temporalio import activity

from activities.assess import Assess, AssessRequest, Verdict
from activities.execute import Execute, ExecuteRequest
from activities.failures import translated
from domain.action import Frozen, Route, State
from domain.errors import EffectError


class FirstStepRequest(Frozen):
    """Which revision of which action, and the workflow's time, from which deadlines count."""

    assess: AssessRequest
    digest: str


class FirstStepDone(Frozen):
    """The verdict, and how the action ended if it ran already, or the hold that kept it from running."""

    verdict: Verdict
    ended: State | None = None
    held: str | None = None


class FirstStep:
    """Assesses, and runs what may run at once."""

    def __init__(self, assess: Assess, execute: Execute) -> None:
        self._assess = assess
        self._execute = execute

    @activity.defn
    @translated
    async def first_step(self, request: FirstStepRequest) -> FirstStepDone:
        """Assess the action, and run it when its route is to execute and its executor is short."""
        verdict = await self._assess.assess(request.assess)
        if verdict.route is not Route.EXECUTE or not verdict.short:
            return FirstStepDone(verdict=verdict)
        try:
            done = await self._execute.attempt(
                ExecuteRequest(
                    action_id=request.assess.action_id, digest=request.digest, judged_by=verdict.policy_digest
                )
            )
        except EffectError:
            return FirstStepDone(verdict=verdict)
        if done.held is not None:
            return FirstStepDone(verdict=verdict, held=done.held)
        return FirstStepDone(verdict=verdict, ended=done.state)
