"""Where an action stands, in a mail's words: the line at its top, votes, questions, the hold, the outcome."""

from adapters.notifiers.email.parts import Paragraph, Part, Quote, Table
from adapters.notifiers.email.words import fitted, json_line, local_time, name_of
from adapters.notifiers.slack.standing import groups_of
from adapters.notifiers.slack.text import one_line
from domain.action import State
from domain.approval import Approval, Decision, Vote
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord

_ENDED = {
    State.SUCCEEDED: "Approved and done.",
    State.FAILED: "Approved, but it failed.",
    State.IN_DOUBT: "Approved, but in doubt: nobody knows yet whether it happened. A person has to find out.",
    State.REJECTED: "Rejected. Nothing was executed.",
    State.EXPIRED: "Expired. Nobody decided by the deadline; nothing was executed.",
    State.CANCELLED: "Withdrawn by the agent. Nothing was executed.",
    State.EXECUTING: "Approved. It is being executed.",
}
_VERBS = {Decision.APPROVE: "approved", Decision.REJECT: "rejected"}
_REASON = 1000
_RESULT = 2000
_MOST_VOTES = 50


def headline(record: ActionRecord, policy: Policy, reader: Person) -> str:
    """Say in one sentence where the action stands."""
    approval, state = record.approval, record.state
    if approval is not None and state is State.EXPIRED and approval.void_at is not None:
        until = local_time(approval.void_at, reader)
        return f"Approved, but not executed in time. The approval was good until {until}; nothing was executed."
    if approval is not None and state is State.PENDING_APPROVAL and approval.outcome is None:
        return _waiting(record, approval, reader)
    return _ENDED.get(state, f"{state.value.replace('_', ' ').capitalize()}.")


def _waiting(record: ActionRecord, approval: Approval, reader: Person) -> str:
    tier = f"{record.tier.value.capitalize()} risk." if record.tier else "Risk unknown."
    if approval.returned is not None:
        return f"{tier} Returned to the agent with questions: nobody can approve before it answers."
    still = [number for number in approval.open_stages if not approval.is_met(number)]
    groups = " and ".join(" or ".join(groups_of(approval, number)) for number in still)
    counted = " and ".join(f"{approval.approvals_in(n)} of {approval.plan.stages[n - 1].quorum}" for n in still)
    return f"{tier} Waiting for {groups}: {counted} approvals, until {local_time(approval.plan.expires_at, reader)}."


def standing_parts(record: ActionRecord, policy: Policy, reader: Person) -> list[Part]:
    """Return the hold over the action, the votes so far, and the questions with the agent's answers."""
    parts: list[Part] = []
    if (hold := record.hold) is not None:
        reason = fitted(hold.reason, _REASON, "a reason")
        said = f"Held since {local_time(hold.placed_at, reader)} by {one_line(hold.placed_by)}: {reason}"
        parts.append(Paragraph(f"{said} Nobody can decide and the clock stands still until it is lifted.", strong=True))
    approval = record.approval
    if approval is None:
        return parts
    if approval.votes:
        rows = [_vote(vote, policy, reader) for vote in approval.votes[-_MOST_VOTES:]]
        parts.append(Table("Votes so far" if approval.outcome is None else "Votes", rows))
    for asked in approval.questions[-_MOST_VOTES:]:
        who = f"{name_of(asked.person, policy)} asks the agent, {local_time(asked.at, reader)}"
        parts.append(Quote(who, fitted(asked.text, _REASON, "questions")))
        if asked.answer is not None:
            parts.append(Quote("The agent answers (its claim)", fitted(asked.answer, _REASON, "an answer")))
    return parts


def _vote(vote: Vote, policy: Policy, reader: Person) -> tuple[str, str]:
    """Say who voted what, when, through which door and why."""
    place = f" in the place of {name_of(vote.in_place_of, policy)}" if vote.in_place_of else ""
    reason = f"\n“{fitted(vote.why, _REASON, 'a reason')}”" if vote.why else ""
    said = f"{_VERBS.get(vote.decision, vote.decision.value)} {local_time(vote.at, reader)} by {vote.door.value}"
    return f"{name_of(vote.person, policy)} ({vote.group}){place}", f"{said}{reason}"


def outcome_parts(record: ActionRecord, reader: Person) -> list[Part]:
    """Return what came of the execution: the other side's answer, which is its own words."""
    execution = record.execution
    if execution is None or execution.outcome is None:
        return []
    when = f", {local_time(execution.ended_at, reader)}" if execution.ended_at else ""
    said: list[Part] = [Paragraph(f"Outcome: {execution.outcome.value.replace('_', ' ')}{when}", strong=True)]
    if execution.result:
        result = json_line(execution.result)
        size = f"(an answer of {len(result):,} characters: read it on the review page)"
        said.append(Quote("The other side's answer", result if len(result) <= _RESULT else size))
    return said
