"""Who is looked for when an action waits: the stages that lack approvals, and who may vote in them."""

from collections.abc import Collection
from datetime import datetime

from domain.action import Tier
from domain.approval import Approval
from domain.attention import Asking
from domain.authority import Question, expected_voters, may_vote
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord


def lacking(record: ActionRecord) -> list[int]:
    """Return the stages that people are to be found for, by their numbers; none while questions wait for the agent."""
    approval = record.approval
    if approval is None or approval.outcome is not None or approval.returned is not None:
        return []
    return [stage for stage in approval.open_stages if not approval.is_met(stage)]


def asking(record: ActionRecord, approval: Approval, stage: int, at: datetime) -> Asking:
    """Return what is asked for one stage. An unknown tier counts as high."""
    needed = approval.plan.stages[stage - 1].quorum - approval.approvals_in(stage)
    return Asking(tier=record.tier or Tier.HIGH, needed=max(needed, 1), at=at, expires_at=approval.plan.expires_at)


def voters(record: ActionRecord, approval: Approval, stage: int, policy: Policy, at: datetime) -> list[Person]:
    """Return who may approve in a stage at this moment and has not voted, in the order of the groups."""
    excluded, groups = approval.plan.excluded, groups_of(approval, stage)
    names = [*approval.assigned, *_by_name(approval, stage)]
    for group in groups:
        names += expected_voters(policy.groups[group], policy, excluded, at) if group in policy.groups else []
    question = Question(
        at=at, groups=groups, people=approval.people, excluded=excluded, tier=record.tier or Tier.HIGH, approving=True
    )
    return [
        policy.people[name]
        for name in dict.fromkeys(names)
        if approval.earlier_vote(name) is None and may_vote(name, policy, question).refusal is None
    ]


def not_notified(approval: Approval, stage: int, policy: Policy) -> Collection[str]:
    """Return who gets no message of their own: each of their groups spares them. Asked by name, they get one."""
    notified, spared = {*approval.assigned, *_by_name(approval, stage)}, set[str]()
    for name in groups_of(approval, stage):
        if (group := policy.groups.get(name)) is not None:
            silent = {*group.not_notified} if group.direct_messages else {*group.members}
            spared |= silent
            notified |= {*group.members} - silent
    return spared - notified


def groups_of(approval: Approval, stage: int) -> list[str]:
    """Return the groups that are asked for a stage, those that an escalation added, too."""
    added = [too.group for too in approval.asked_too if too.stage == stage and too.group is not None]
    return [approval.plan.stages[stage - 1].group, *added]


def _by_name(approval: Approval, stage: int) -> list[str]:
    return [too.person for too in approval.asked_too if too.stage == stage and too.person is not None]
