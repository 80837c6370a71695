"""The story under a card: one reply for each thing that happened, told from the record and so never told twice.

Each reply has a name that stays the same for the same happening. Votes are numbered within their revision, because a
new revision starts the asking anew.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adapters.notifiers.slack.buttons import is_open
from adapters.notifiers.slack.standing import decision, mention, name_of, outcome_blocks, question_lines, vote_line
from adapters.notifiers.slack.text import SECTION, deadline, fitted, lines_within, moment
from domain.approval import Approval, Escalation
from domain.approval_plan import StepKind
from domain.authority import expected_voters
from domain.canary import TOLD
from domain.ledger import ActorKind
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revision import Revision

_REASON = 500


class Reply(NamedTuple):
    """One reply: its name, and what it says in mrkdwn."""

    name: str
    text: str


def story(record: ActionRecord, policy: Policy, revisions: Sequence[Revision], link: str, channel: str) -> list[Reply]:
    """Return what the thread of a channel's card tells. `revisions` are those that were made."""
    approval = record.approval
    if approval is None:
        return []
    return [
        *_edits(revisions, policy),
        *_questions(approval, policy, link),
        *_escalations(record, approval, policy, link, channel),
        *_handed_over(approval, policy),
        *_votes(approval, policy, link),
        *_end(record, approval, policy, link),
    ]


def _edits(revisions: Sequence[Revision], policy: Policy) -> Iterator[Reply]:
    for revision in revisions[1:]:
        author = revision.author
        who = name_of(author.id, policy) if author.kind is ActorKind.PERSON else f"agent `{author.id}`"
        text = f"✏️ {who} *changed the arguments:* revision {revision.number}, `{revision.digest[7:19]}`."
        yield Reply(f"revision-{revision.number}", f"{text} Votes on the one before are void; read it again.")


def _questions(approval: Approval, policy: Policy, link: str) -> Iterator[Reply]:
    for number, asked in enumerate(approval.questions, 1):
        question, *answer = question_lines(asked, policy, link)
        yield Reply(f"question-{number}", question)
        for line in answer:
            yield Reply(f"answer-{number}", line)


def _escalations(record: ActionRecord, approval: Approval, policy: Policy, link: str, channel: str) -> Iterator[Reply]:
    for number, escalation in enumerate(approval.escalations, 1):
        name = f"step-{approval.revisions}-{number}"
        if escalation.skipped is not None:
            yield Reply(name, f"⚠️ A step reached nobody: {fitted(escalation.skipped, _REASON, 'a reason', link)}")
        elif escalation.kind == StepKind.REMIND:
            group = policy.groups.get(escalation.group)
            if group is not None and group.slack_channel == channel:
                yield Reply(name, reminder(record, approval, escalation, policy))
        else:
            yield Reply(name, _asked_too(record, approval, escalation, policy))


def reminders_to(person: str, record: ActionRecord, policy: Policy) -> list[Reply]:
    """Return the last reminder, for one of those whom no channel reaches: their group has none."""
    approval = record.approval
    if approval is None or not is_open(record) or approval.earlier_vote(person) is not None:
        return []
    found = [
        (number, escalation)
        for number, escalation in enumerate(approval.escalations, 1)
        if escalation.kind == StepKind.REMIND and escalation.skipped is None
    ]
    if not found:
        return []
    number, last = found[-1]
    group = policy.groups.get(last.group)
    if group is None or group.slack_channel is not None:
        return []
    text = f"⏰ Reminder for {mention(person, policy)}: this waits for your decision, until "
    return [Reply(f"step-{approval.revisions}-{number}", f"{text}{deadline(approval.plan.expires_at)}.")]


def reminder(record: ActionRecord, approval: Approval, escalation: Escalation, policy: Policy) -> str:
    """Call on those of the group who have not voted and may; for who is away, on their stand-in. Nobody is called on
    for what is over."""
    group = policy.groups.get(escalation.group)
    if group is None or not is_open(record):
        return f"{escalation.group} was reminded {moment(escalation.at)}."
    expected = expected_voters(group, policy, approval.plan.excluded, escalation.at)
    silent = [who for who in expected if approval.earlier_vote(who) is None and who not in group.not_notified]
    called = " ".join(mention(member, policy) for member in silent) or f"group {group.id}"
    return f"⏰ Reminder for {called}: this waits for your decision, until {deadline(approval.plan.expires_at)}."


def _asked_too(record: ActionRecord, approval: Approval, escalation: Escalation, policy: Policy) -> str:
    asked = name_of(escalation.person, policy) if escalation.person else escalation.group
    if not is_open(record):
        return f"No decision until {moment(escalation.at)}, so {asked} was asked, too."
    called = mention(escalation.person, policy) if escalation.person else asked
    return f"No decision yet, so {called} is asked too, until {deadline(approval.plan.expires_at)}."


def _handed_over(approval: Approval, policy: Policy) -> Iterator[Reply]:
    for person in approval.assigned:
        yield Reply(f"assigned-{approval.revisions}-{person}", f"➡️ Handed to {mention(person, policy)}.")
    if approval.extended:
        yield Reply("extended", f"🕒 The deadline was moved, to {deadline(approval.plan.expires_at)}.")


def _votes(approval: Approval, policy: Policy, link: str) -> Iterator[Reply]:
    for number, vote in enumerate(approval.votes, 1):
        yield Reply(f"vote-{approval.revisions}-{number}", vote_line(vote, policy, link))


def _end(record: ActionRecord, approval: Approval, policy: Policy, link: str) -> Iterator[Reply]:
    if approval.outcome is None:
        return
    yield Reply("decided", decision(record, policy))
    if record.execution is not None and record.execution.outcome is not None:
        said = [block["text"]["text"] for block in outcome_blocks(record, policy, link)]
        yield Reply("executed", lines_within(said, SECTION, link))
    if record.was_canary:
        yield Reply("canary", f"🐤 {TOLD}")
