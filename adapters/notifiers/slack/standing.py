"""Where an action stands, in words: the line under the card's title, the votes, the outcome, thread replies."""

from datetime import datetime

from adapters.notifiers.slack.text import (
    SECTION,
    Block,
    code,
    deadline,
    fitted,
    lines_within,
    moment,
    prose,
    section,
    units,
)
from domain.action import State, Tier
from domain.approval import Approval, ApprovalOutcome, Decision, Vote
from domain.authority import expected_voters
from domain.catalog import Group
from domain.policy import Policy
from domain.record import ActionRecord

_MARK = {Tier.LOW: "🟢", Tier.MEDIUM: "🟠", Tier.HIGH: "🔴"}
_ENDED = {
    State.SUCCEEDED: "✅ *Approved and done.*",
    State.FAILED: "❌ *Approved, but it failed.*",
    State.IN_DOUBT: "❓ *Approved, but in doubt:* nobody knows yet whether it happened. A person has to find out.",
    State.REJECTED: "⛔ *Rejected.* Nothing was executed.",
    State.EXPIRED: "⌛ *Expired.* Nobody decided by the deadline; nothing was executed.",
    State.CANCELLED: "↩️ *Withdrawn by the agent.* Nothing was executed.",
}
_REASON = 500
_RESULT = 700


def headline(record: ActionRecord, policy: Policy) -> str:
    """Say in one sentence where the action stands and, once somebody decided, who."""
    approval, state = record.approval, record.state
    if state is State.EXPIRED and approval is not None and approval.void_at is not None:
        until = moment(approval.void_at)
        said = f"⌛ *Approved, but not executed in time.* The approval was good until {until}; nothing was executed."
    elif state in _ENDED:
        said = _ENDED[state]
    elif approval is not None and approval.outcome is ApprovalOutcome.APPROVED:
        said = "✅ *Approved.*" if record.hold is not None else "✅ *Approved.* It is being executed."
    elif approval is not None and state is State.PENDING_APPROVAL and approval.outcome is None:
        mark, tier = (_MARK[record.tier], record.tier.value.capitalize()) if record.tier else ("", "Unknown")
        groups = " or ".join(approval.groups)
        stage = f"Stage {approval.stage} of {len(approval.plan.stages)}: w" if approval.plan.later else "W"
        counted = f"{approval.approvals} of {approval.quorum} approvals"
        return f"{mark} *{tier} risk.* {stage}aiting for {groups}: {counted}."
    else:
        said = f"*{state.value.replace('_', ' ').capitalize()}.*"
    who = decided_by(approval, policy) if approval is not None else ""
    return f"{said} {who}".rstrip()


def stage_lines(approval: Approval) -> list[str]:
    """Say for each stage who is asked in it, and how far it is."""
    lines = []
    for number, stage in enumerate(approval.plan.stages, 1):
        who = " or ".join(approval.groups) if number == approval.stage and not approval.outcome else stage.group
        counted = f"{approval.approvals_in(number)} of {stage.quorum} votes"
        lines.append(f"{number}. {who}: {counted if number <= approval.stage else 'not asked yet'}")
    return lines


def standing_block(record: ActionRecord, policy: Policy, link: str) -> Block:
    """Return the line under the title, with the votes so far."""
    votes = record.approval.votes if record.approval else []
    lines = [
        headline(record, policy),
        *_hold_lines(record, link),
        *(f"• {vote_line(vote, policy, link)}" for vote in votes),
    ]
    return section(lines_within(lines, SECTION, link))


def _hold_lines(record: ActionRecord, link: str) -> list[str]:
    """Say which hold keeps the action from going on, and why."""
    hold = record.hold
    if hold is None:
        return []
    reason = fitted(hold.reason, _REASON, "a reason", link)
    placed = (
        f"hold `{hold.id}` on {prose(hold.over)}, placed {moment(hold.placed_at)} by {prose(hold.placed_by)}: {reason}"
    )
    return [f"⏸️ *Held.* Nothing runs, nobody can decide and the clock stands still until it is lifted: {placed}"]


def outcome_blocks(record: ActionRecord, policy: Policy, link: str) -> list[Block]:
    """Return what came of the execution: the other side's answer, which is its own words."""
    execution = record.execution
    if execution is None or execution.outcome is None:
        return []
    when = f", {moment(execution.ended_at)}" if execution.ended_at else ""
    title = f"*Outcome:* {execution.outcome.value.replace('_', ' ')}{when}"
    if not execution.result:
        return [section(title)]
    result = code(execution.result)
    if units(result) > _RESULT:
        result = f"<{link}|an answer of {units(result):,} characters>"
    return [section(f"{title}\n{result}")]


def decided_by(approval: Approval, policy: Policy) -> str:
    """Name whose votes decided, and when."""
    if approval.outcome is None or approval.decided_at is None:
        return ""
    wanted = {ApprovalOutcome.APPROVED: Decision.APPROVE, ApprovalOutcome.REJECTED: Decision.REJECT}
    decision = wanted.get(approval.outcome)
    deciding = [name_of(vote.person, policy) for vote in approval.votes if vote.decision is decision]
    by = f"By {' and '.join(deciding)}, " if deciding else ""
    return f"{by}{moment(approval.decided_at)}."


def vote_line(vote: Vote, policy: Policy, link: str) -> str:
    """Say who voted what, when, through which door and why."""
    verb = "approved" if vote.decision is Decision.APPROVE else "rejected"
    reason = f": “{fitted(vote.reason, _REASON, 'a reason', link)}”" if vote.reason else ""
    person = name_of(vote.person, policy)
    place = f" in the place of {name_of(vote.in_place_of, policy)}" if vote.in_place_of else ""
    return f"{person} ({vote.group}){place} *{verb}* {moment(vote.at)} by {vote.door.value}{reason}"


def decision_reply(record: ActionRecord, policy: Policy, link: str) -> str:
    """Return the thread reply that tells the decision: who and why."""
    votes = record.approval.votes if record.approval else []
    return lines_within([_decision(record, policy), *(f"• {vote_line(v, policy, link)}" for v in votes)], SECTION, link)


def reminder_reply(approval: Approval, group: Group, policy: Policy, at: datetime) -> str:
    """Return the thread reply that calls on those of a group who have not voted and may; for who is away, on their
    stand-in."""
    heard = {vote.person for vote in approval.votes}
    silent = [who for who in expected_voters(group, policy, approval.plan.excluded, at) if who not in heard]
    called = " ".join(_mention(member, policy) for member in silent) or f"group {group.id}"
    return f"Reminder for {called}: this waits for your decision, until {deadline(approval.plan.expires_at)}."


def escalation_reply(approval: Approval) -> str:
    """Return the thread reply that says who is asked now, too."""
    asked = approval.groups[-1]
    return f"No decision yet, so {asked} is asked too, until {deadline(approval.plan.expires_at)}."


def name_of(person: str, policy: Policy) -> str:
    """Return a person's name; their id when the catalog no longer has them."""
    found = policy.people.get(person)
    return prose(found.name) if found else f"`{person}`"


def _decision(record: ActionRecord, policy: Policy) -> str:
    approval = record.approval
    said = {
        ApprovalOutcome.APPROVED: "✅ *Approved.*",
        ApprovalOutcome.REJECTED: "⛔ *Rejected.*",
        ApprovalOutcome.EXPIRED: "⌛ *Expired* without a decision; nothing was executed.",
        ApprovalOutcome.CANCELLED: "↩️ *Withdrawn by the agent.*",
    }
    if approval is None or approval.outcome is None:
        return headline(record, policy)
    return f"{said[approval.outcome]} {decided_by(approval, policy)}".rstrip()


def _mention(member: str, policy: Policy) -> str:
    person = policy.people.get(member)
    return f"<@{person.slack_user}>" if person and person.slack_user else name_of(member, policy)
