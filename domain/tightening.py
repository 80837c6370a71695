"""Tightening: whether the policy that is active now asks for more than an action has met.

A pending action keeps the verdict it was given. Before it runs, the stricter of that verdict and the one of the live
policy applies: a tightening reaches it, a loosening does not.
"""

from domain.action import Route
from domain.approval import Decision
from domain.catalog import ApprovalRule
from domain.policy import Judgement, Policy
from domain.record import ActionRecord

_STRICTNESS = (Route.EXECUTE, Route.ASK, Route.SUGGEST, Route.DENY)


def tightened(record: ActionRecord, live: Judgement, policy: Policy) -> str | None:
    """Return what the live policy asks for that this action has not met; None when it may run."""
    if live.route is Route.EXECUTE:
        return None
    if live.route is not Route.ASK:
        verb = "denies it" if live.route is Route.DENY else "only records it as a suggestion"
        return f"the policy that is active now {verb}: {live.because}"
    if record.route is None or _STRICTNESS.index(record.route) < _STRICTNESS.index(Route.ASK):
        return f"the policy that is active now asks people first: {live.because}"
    missing = _missing(record, live.approval, policy) if live.approval else "it names nobody to ask"
    return missing and f"the policy that is active now asks for more approval: {missing}"


def _missing(record: ActionRecord, name: str, policy: Policy) -> str | None:
    """Return what the recorded votes lack of an approval rule of the live policy."""
    rule = policy.approvals[name]
    approvers = _approvers(record)
    if rule.exclude_agent_owner and (agent := policy.agents.get(record.action.agent)):
        approvers.discard(agent.owner)
    counted: set[str] = set()
    for stage in rule.asked:
        met = (approvers & _who_may(stage.group, rule, record, policy)) - (
            counted if rule.exclude_earlier_stages else set()
        )
        if len(met) < stage.quorum:
            return f"{stage.quorum} of '{stage.group}', and {len(met)} of them approved it"
        counted |= met
    return None


def _who_may(group: str, rule: ApprovalRule, record: ActionRecord, policy: Policy) -> set[str]:
    """Return who approves for a group by a rule: its members, and everybody whom the steps of the rule would ask."""
    agent, use_case = policy.agents.get(record.action.agent), policy.use_cases.get(record.action.use_case)
    owners = {"agent": agent.owner if agent else None, "use_case": use_case.accountable if use_case else None}
    rotations = {rotation.id: rotation.members for rotation in policy.bundle.rotations}
    found: set[str] = set()
    for name in (group, *(step.ask_group for step in rule.steps)):
        found.update(policy.groups[name].members if name in policy.groups else ())
    for step in rule.steps:
        named = (step.ask_person, owners[step.ask_owner] if step.ask_owner else None)
        found.update(person for person in named if person is not None)
        found.update(rotations.get(step.ask_rotation or "", ()))
    return found


def _approvers(record: ActionRecord) -> set[str]:
    votes = record.approval.votes if record.approval else []
    return {vote.person for vote in votes if vote.decision is Decision.APPROVE}
