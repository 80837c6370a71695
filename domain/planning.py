"""Planning: how people are asked about one action, by the policy as it is now, and whom a step reaches in time."""

from datetime import datetime, timedelta
from itertools import accumulate

from domain.action import Action
from domain.approval import Approval
from domain.approval_plan import ApprovalPlan, PlannedStep
from domain.authority import absences, expected_voters, find_person, stand_in, training_problem
from domain.business_time import after
from domain.catalog import ApprovalRule, Calendar, Clock, Stage, has_left
from domain.catalog.variables import ON_STAGE
from domain.escalation import Reached
from domain.expression import RuleFailed, compile_expression, context_of, holds
from domain.policy import Admitted, Policy
from domain.record import ActionRecord
from domain.risk import Assessment, scores_variable
from domain.rotations import on_call

LONGEST_ASKING = timedelta(days=300)
"""How long after it was submitted an action is asked about, whatever its rule, its calendar and its revisions say."""


def plan_of(
    policy: Policy, name: str, assessment: Assessment, action: Action, admitted: Admitted, now: datetime
) -> ApprovalPlan:
    """Return the plan by which people are asked about an action from now on."""
    rule = policy.approvals[name]
    excluded: dict[str, str] = {}
    if rule.exclude_agent_owner:
        excluded[admitted.agent.owner] = f"they own the agent '{admitted.agent.id}'"
    requester = find_person(policy.people.values(), action.context.on_behalf_of or "")
    if requester is not None:
        excluded[requester.id] = "the agent acts on their behalf"
    plan = ApprovalPlan(
        rule=rule.id,
        stages=stages_of(rule, assessment),
        exclude_earlier_stages=rule.exclude_earlier_stages,
        excluded=excluded,
        requester_unknown=bool(action.context.on_behalf_of) and requester is None,
        reason_required=rule.reason_required.applies_to(assessment.tier),
        rejection_reasons=rule.rejection_reasons,
        step_up=assessment.tier in rule.step_up,
        edit_counts=rule.edit_counts_as_approval,
        escalation=rule.steps,
        expires_at=now,
        extension=rule.extension,
        approval_lifetime=rule.approval_lifetime,
    )
    calendar = calendar_of(policy, plan, 1)
    return plan.model_copy(
        update={
            "steps": steps_of(policy, plan, 1, now),
            "expires_at": min(
                moment(now, rule.expire_after, rule.expire_clock, calendar), action.created_at + LONGEST_ASKING
            ),
        }
    )


def stages_of(rule: ApprovalRule, assessment: Assessment) -> list[Stage]:
    """Return the stages that are asked about an action with this assessment, the first of them after no other.

    A condition that cannot be judged asks its stage; where all would be left out, all are asked.
    """
    environment = context_of({"scores": scores_variable(assessment.scores), "tier": assessment.tier.value})

    def is_asked(stage: Stage) -> bool:
        try:
            return stage.when is None or holds(compile_expression(stage.when, ON_STAGE), environment)
        except (RuleFailed, ValueError):
            return True

    asked = rule.asked
    kept = [number for number, stage in enumerate(asked) if is_asked(stage)] or list(range(len(asked)))
    # Who stood alongside a stage that is left out is asked where that one would have been, not with others before it.
    turns = list(accumulate(not stage.alongside for stage in asked))
    before = [None, *(turns[number] for number in kept)]
    return [
        asked[number].model_copy(update={"alongside": turns[number] == earlier})
        for number, earlier in zip(kept, before, strict=False)
    ]


def steps_of(policy: Policy, plan: ApprovalPlan, stage: int, now: datetime) -> list[PlannedStep]:
    """Return the steps of a stage that is asked from now on, each at its moment, by the calendar of its group."""
    calendar = calendar_of(policy, plan, stage)
    return [
        PlannedStep(
            number=number,
            at=moment(now, step.after, step.clock, calendar),
            **step.model_dump(include={"ask_group", "ask_person", "ask_owner", "ask_rotation"}),
        )
        for number, step in enumerate(plan.escalation, 1)
    ]


def calendar_of(policy: Policy, plan: ApprovalPlan, stage: int) -> Calendar:
    """Return the calendar by which business time of a stage is counted: that of its group."""
    group = policy.groups.get(plan.stages[stage - 1].group)
    return group.calendar if group is not None else Calendar()


def moment(start: datetime, duration: timedelta, clock: Clock, calendar: Calendar) -> datetime:
    """Return when a duration is over, on its clock."""
    return start + duration if clock is Clock.ELAPSED else after(start, duration, calendar)


def reached(step: PlannedStep, record: ActionRecord, approval: Approval, policy: Policy, at: datetime) -> Reached:
    """Say whom a step reaches at its moment: somebody who may vote then and is not asked already."""
    if step.as_named:
        return Reached(group=step.ask_group)
    if step.ask_group is not None:
        return _group_reached(step.ask_group, approval, policy, at)
    person = _person_named(step, record, policy, at)
    if person is None:
        return Reached(nobody=f"nobody could be found: {step.whom}")
    problem = _out_of_reach(person, record, approval, policy, at)
    return Reached(nobody=f"{step.whom}: {problem}") if problem else Reached(person=person)


def _group_reached(name: str, approval: Approval, policy: Policy, at: datetime) -> Reached:
    group = policy.groups.get(name)
    if group is None:
        return Reached(nobody=f"the policy that is active now has no group '{name}'")
    if name in approval.groups:
        return Reached(nobody=f"'{name}' is asked already")
    voted = {vote.person for vote in approval.counting}
    if not any(person not in voted for person in expected_voters(group, policy, approval.plan.excluded, at)):
        return Reached(nobody=f"nobody of '{name}' can vote now: away without a stand-in, excluded, or heard already")
    return Reached(group=name)


def _person_named(step: PlannedStep, record: ActionRecord, policy: Policy, at: datetime) -> str | None:
    if step.ask_owner == "agent":
        agent = policy.agents.get(record.action.agent)
        return agent.owner if agent else None
    if step.ask_owner == "use_case":
        use_case = policy.use_cases.get(record.action.use_case)
        return use_case.accountable if use_case else None
    if step.ask_rotation is not None:
        rotation = next((each for each in policy.bundle.rotations if each.id == step.ask_rotation), None)
        return on_call(rotation, at) if rotation else None
    return step.ask_person


def _out_of_reach(person: str, record: ActionRecord, approval: Approval, policy: Policy, at: datetime) -> str | None:
    """Say why a person who would be asked by name cannot vote now; None when they, or their stand-in, can."""
    known = policy.people.get(person)
    if known is None or has_left(known, at):
        return f"'{person}' has left or is not in the catalog"
    if person in approval.plan.excluded:
        return f"'{person}' may not vote here: {approval.plan.excluded[person]}"
    if approval.earlier_vote(person) is not None:
        return f"'{person}' has voted"
    if person in approval.people:
        return f"'{person}' is asked already"
    if absences(known, at):
        deputy = stand_in(person, policy, approval.plan.excluded, at)
        return None if deputy is not None else f"'{person}' is away, and nobody stands in"
    return training_problem(known, record.tier, at) if record.tier is not None else None
