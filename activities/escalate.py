"""Escalate: whom a step reaches when it comes, and the steps of stages that begin to be asked."""

from datetime import UTC, datetime
from typing import Protocol

import structlog
from prometheus_client import Counter
from temporalio import activity

from activities.failures import translated
from domain.action import Frozen
from domain.approval import Approval
from domain.approval_plan import PlannedStep
from domain.escalation import Reached
from domain.planning import reached, steps_of
from domain.policy import Policy
from domain.record import ActionRecord

log = structlog.get_logger(__name__)
SKIPPED = Counter("remit_escalations_skipped", "Steps of an escalation that reached nobody", ["rule"])


class RecordSource(Protocol):
    """What escalating needs of the store of actions."""

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action."""


class PolicySource(Protocol):
    """The policy that is active now: it knows who is there."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class StepRequest(Frozen):
    """A step of an approval that is due, and the workflow's time."""

    action_id: str
    approval: Approval
    step: PlannedStep
    at: datetime


class ScheduleRequest(Frozen):
    """An approval whose next stages begin to be asked, and the workflow's time."""

    approval: Approval
    at: datetime


class Schedule(Frozen):
    """The steps of the stages that are asked now."""

    steps: list[PlannedStep]


class Escalate:
    """Looks at people and calendars for a workflow that cannot."""

    def __init__(self, actions: RecordSource, policies: PolicySource) -> None:
        self._actions = actions
        self._policies = policies

    @activity.defn
    @translated
    async def reach(self, request: StepRequest) -> Reached:
        """Say whom a step reaches. One that reaches nobody raises an alert: the policy names who is not there."""
        record = await self._actions.get(request.action_id)
        policy = await self._policies.current()
        found = reached(request.step, record, request.approval, policy, request.at.astimezone(UTC))
        if found.nobody is not None:
            rule = request.approval.plan.rule
            SKIPPED.labels(rule).inc()
            log.error("escalation_reached_nobody", action=request.action_id, rule=rule, because=found.nobody)
        return found

    @activity.defn
    @translated
    async def schedule(self, request: ScheduleRequest) -> Schedule:
        """Return the steps of the stages that are asked now, by the calendar of their first group."""
        approval = request.approval
        policy = await self._policies.current()
        return Schedule(steps=steps_of(policy, approval.plan, approval.stage, request.at))
