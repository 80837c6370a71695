"""Where an action stands, in words: the line under the card's title, the votes, the questions, the outcome."""

from adapters.notifiers.slack.text import (
    Block,
    code,
    fitted,
    lines_within,
    moment,
    prose,
    section,
    units,
)
from domain.action import State, Tier
from domain.approval import Approval, ApprovalOutcome, Decision, Questions, Vote
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
_STANDING = 2000
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
        return _waiting(record, approval)
    else:
        said = f"*{state.value.replace('_', ' ').capitalize()}.*"
    who = decided_by(approval, policy) if approval is not None else ""
    return f"{said} {who}".rstrip()


def _waiting(record: ActionRecord, approval: Approval) -> str:
    mark, tier = (_MARK[record.tier], record.tier.value.capitalize()) if record.tier else ("", "Unknown")
    if approval.returned is not None:
        return f"{mark} *{tier} risk.* Returned to the agent with questions: nobody can approve before it answers."
    stages, still = (
        len(approval.plan.stages),
        [number for number in approval.open_stages if not approval.is_met(number)],
    )
    groups = " and ".join(" or ".join(groups_of(approval, number)) for number in still or approval.open_stages)
    counted = " and ".join(f"{approval.approvals_in(n)} of {approval.plan.stages[n - 1].quorum}" for n in still)
    numbers = " and ".join(map(str, still))
    stage = "W" if stages == 1 else f"Stage{'s' * (len(still) > 1)} {numbers} of {stages}: w"
    return f"{mark} *{tier} risk.* {stage}aiting for {groups}: {counted} approvals."


def stage_lines(approval: Approval) -> list[str]:
    """Say for each stage how far it is and who is asked in it: `1 of 2: finance or on-call`."""
    lines = []
    for number, stage in enumerate(approval.plan.stages, 1):
        asked = number in approval.open_stages and approval.outcome is None
        who = " or ".join(groups_of(approval, number)) if asked else stage.group
        counted = f"{approval.approvals_in(number)} of {stage.quorum}: {who}"
        if number > approval.open_stages[-1]:
            counted = f"not asked yet: {who} ({stage.quorum})"
        elif approval.is_met(number):
            counted += " ✓"
        lines.append(f"{number}. {counted}" if len(approval.plan.stages) > 1 else counted)
    return lines


def groups_of(approval: Approval, stage: int) -> list[str]:
    """Return who is asked in a stage: its group, then those whom escalations added, groups and people."""
    added = [too.group or too.person for too in approval.asked_too if too.stage == stage]
    if approval.open_stages == [stage]:
        added += approval.groups
    return list(dict.fromkeys([approval.plan.stages[stage - 1].group, *filter(None, added)]))


def standing_block(record: ActionRecord, policy: Policy, link: str) -> Block:
    """Return the line under the title, with the votes so far."""
    votes = record.approval.votes if record.approval else []
    lines = [
        headline(record, policy),
        *_hold_lines(record, link),
        *_question_lines(record, policy, link),
        *(f"• {vote_line(vote, policy, link)}" for vote in votes),
    ]
    return section(lines_within(lines, _STANDING, link))


def _question_lines(record: ActionRecord, policy: Policy, link: str) -> list[str]:
    """Say who asked the agent what, and what it answered: its own words."""
    if record.approval is None:
        return []
    return [line for asked in record.approval.questions for line in question_lines(asked, policy, link)]


def question_lines(asked: Questions, policy: Policy, link: str) -> list[str]:
    """Return the questions of one person and the agent's answer to them."""
    question = fitted(asked.text, _REASON, "questions", link)
    lines = [f"• {name_of(asked.person, policy)} *asks the agent* {moment(asked.at)}: “{question}”"]
    if asked.answer is not None and asked.answered_at is not None:
        answer = code(asked.answer)
        if units(answer) > _REASON:
            answer = f"<{link}|an answer of {len(asked.answer):,} characters>"
        lines.append(f"• *The agent answers* (its claim) {moment(asked.answered_at)}: {answer}")
    return lines


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


def outcome_line(record: ActionRecord) -> str | None:
    """Say how the execution ended; None before it has."""
    execution = record.execution
    if execution is None or execution.outcome is None:
        return None
    when = f", {moment(execution.ended_at)}" if execution.ended_at else ""
    return f"*Outcome:* {execution.outcome.value.replace('_', ' ')}{when}"


def outcome_blocks(record: ActionRecord, policy: Policy, link: str) -> list[Block]:
    """Return what came of the execution: the other side's answer, which is its own words."""
    execution, title = record.execution, outcome_line(record)
    if execution is None or title is None:
        return []
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
    reason = f": “{fitted(vote.why, _REASON, 'a reason', link)}”" if vote.why else ""
    person = name_of(vote.person, policy)
    place = f" in the place of {name_of(vote.in_place_of, policy)}" if vote.in_place_of else ""
    return f"{person} ({vote.group}){place} *{verb}* {moment(vote.at)} by {vote.door.value}{reason}"


def name_of(person: str, policy: Policy) -> str:
    """Return a person's name; their id when the catalog no longer has them."""
    found = policy.people.get(person)
    return prose(found.name) if found else f"`{person}`"


def decision(record: ActionRecord, policy: Policy) -> str:
    """Say how the asking ended, who decided and when."""
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


def mention(member: str, policy: Policy) -> str:
    """Call on a person in Slack; by name where they have no Slack user."""
    person = policy.people.get(member)
    return f"<@{person.slack_user}>" if person and person.slack_user else name_of(member, policy)
