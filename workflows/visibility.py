"""What an admin sees of an action in Temporal's UI, without opening a payload: ids, tiers and states alone."""

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from activities.assess import Verdict
    from domain.action import State
    from domain.approval import Approval

AGENT = SearchAttributeKey.for_keyword("RemitAgent")
USE_CASE = SearchAttributeKey.for_keyword("RemitUseCase")
ACTION_TYPE = SearchAttributeKey.for_keyword("RemitActionType")
OWNER = SearchAttributeKey.for_keyword("RemitOwner")
TIER = SearchAttributeKey.for_keyword("RemitTier")
ROUTE = SearchAttributeKey.for_keyword("RemitRoute")
STATE = SearchAttributeKey.for_keyword("RemitState")
SEARCH_ATTRIBUTES = (AGENT, USE_CASE, ACTION_TYPE, OWNER, TIER, ROUTE, STATE)


def mark(verdict: Verdict, state: State) -> None:
    """Set the attributes by which admins find an action.

    The agent is set at the start. The rest is set for what somebody may have to look at: actions that wait, and
    those that ended otherwise than by running at once. An action that did just that keeps to the one, because
    each attribute and each upsert is paid for with throughput (docs/benchmarks.md).
    """
    workflow.upsert_search_attributes(
        [
            USE_CASE.value_set(verdict.use_case),
            ACTION_TYPE.value_set(verdict.action_type),
            OWNER.value_set(verdict.owner),
            TIER.value_set(verdict.tier),
            ROUTE.value_set(verdict.route),
            STATE.value_set(state),
        ]
    )


def waiting_details(verdict: Verdict | None, approval: Approval | None, hold: str | None = None) -> str:
    """Describe a waiting action in Markdown."""
    held = [f"**held** by {hold}"] if hold is not None else []
    if verdict is None or approval is None:
        return "".join(held)
    votes = [f"- {vote.person} ({vote.group}): {vote.decision.value}" for vote in approval.votes] or ["- none yet"]
    stages = len(approval.plan.stages)
    stage = f" (stage {approval.current} of {stages})" if stages > 1 else ""
    outcome = approval.outcome.value if approval.outcome else "waiting"
    return "\n".join(
        [
            *held,
            f"**{outcome}**, tier **{verdict.tier.value}**: {verdict.because}",
            f"Rules: {', '.join(verdict.rules) or 'none'}",
            f"Asked: {', '.join(approval.groups)}; {approval.approvals} of {approval.quorum} approvals{stage}",
            f"Deadline: {approval.plan.expires_at:%Y-%m-%d %H:%M:%S} UTC",
            f"Revision: `{approval.revision}`",
            "Votes:",
            *votes,
        ]
    )
