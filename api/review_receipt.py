"""What a voter is told after a vote, read back from the ledger: an address can be forged, an entry cannot."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.database.ledger import StoredEntry
from domain.action import State
from domain.approval import ApprovalOutcome
from domain.catalog import Person
from domain.errors import RefusalCode, Unavailable
from domain.ledger import EntryKind
from domain.record import ActionRecord


@dataclass(frozen=True)
class Notice:
    """A message at the top of the page."""

    good: bool
    title: str
    text: str


REFUSED: dict[RefusalCode, tuple[str, str]] = {
    RefusalCode.NOT_FOUND: ("There is no such action", "Open the action from the inbox."),
    RefusalCode.ALREADY_DECIDED: (
        "Somebody was faster",
        "The first decision stands. If it was wrong, speak to whoever made it, or to the owner.",
    ),
    RefusalCode.EXPIRED: (
        "The deadline has passed",
        "Nothing was executed. If it is still wanted, the agent or its owner has to ask again.",
    ),
    RefusalCode.SUPERSEDED: (
        "The action changed while you were reading",
        "Read the arguments below again: they are what would run now. Then vote again.",
    ),
    RefusalCode.NOT_ELIGIBLE: (
        "You are not among the people who are asked",
        "Leave it to them. If you should be one of them, ask an admin to add you to the group.",
    ),
    RefusalCode.MEMBERSHIP_UNCONFIRMED: (
        "It is not known whether you are asked",
        "Your vote was not counted. The admin finds the reason in the log of the worker.",
    ),
    RefusalCode.TRAINING_REQUIRED: (
        "Your training does not cover this risk",
        "Whoever keeps the policy enters the new date of expiry.",
    ),
    RefusalCode.SELF_APPROVAL: (
        "This is your own request",
        "Somebody else of the group has to decide. You may tell them that it waits.",
    ),
    RefusalCode.STEP_UP_REQUIRED: (
        "You have to sign in again to approve this",
        "Follow the link in the decision below to do so, and vote soon after.",
    ),
    RefusalCode.QUESTIONS_OPEN: (
        "The agent has been asked, and has not answered",
        "Wait for its answer, or reject the action.",
    ),
    RefusalCode.EDIT_REFUSED: (
        "The edit was not made",
        "What stood there before is still what people are asked about.",
    ),
    RefusalCode.NOT_OFFERED: (
        "That is not possible here",
        "Nothing was changed. Decide as it stands, or leave it to a colleague.",
    ),
    RefusalCode.TOO_MANY_REQUESTS: (
        "You have asked too much of this action",
        "Leave it to a colleague of the group.",
    ),
    RefusalCode.DUPLICATE_VOTE: (
        "You have voted before",
        "Your first vote stands. If it was wrong, ask a colleague of the group to reject the action.",
    ),
    RefusalCode.REASON_REQUIRED: (
        "A reason is needed",
        "Write why, in a sentence: the agent and the ledger are told. Then press the same button again.",
    ),
    RefusalCode.NOT_WAITING: (
        "Nobody is asked about this action",
        "There is nothing to decide. What became of it stands below.",
    ),
    RefusalCode.HELD: (
        "A hold is on",
        "Nothing runs and the clock stands still. Vote again when the hold is lifted.",
    ),
    RefusalCode.DIGEST_MISMATCH: (
        "The arguments are not the ones that were shown",
        "Do not decide. Tell an admin: the stored arguments were changed.",
    ),
}
"""For each refusal what it is called, and what the person can do now."""

_OUTCOMES = {
    ApprovalOutcome.APPROVED: "The action is approved and runs now, or has run: reload to see how it ended.",
    ApprovalOutcome.REJECTED: "The action is rejected and will not run.",
    ApprovalOutcome.EXPIRED: "The deadline has passed since; the action will not run.",
    ApprovalOutcome.CANCELLED: "The agent has withdrawn the action since.",
}
_ENDED = {
    State.SUCCEEDED: "The action is approved and has run.",
    State.FAILED: "The action is approved, and its execution failed: see below.",
    State.IN_DOUBT: "The action is approved, but it is not certain that it ran: see below.",
}


def notice_of_vote(
    record: ActionRecord, entries: list[StoredEntry], person: Person, ballot: str, refused: RefusalCode | None
) -> Notice | None:
    """Return what to tell a person about the vote they cast, from its ledger entry.

    `refused` comes from the address. It is used only for a refusal that left no entry, and no address can claim
    that a vote counted.
    """
    said = next((body for body in _bodies(entries) if _is_vote(body, person, ballot)), None)
    if said is not None and said["kind"] == EntryKind.APPROVAL_RETURNED:
        text = "Nobody can approve the action until it answers; it can be rejected. You will find the answer here."
        return Notice(good=True, title="Your questions went to the agent", text=text)
    if said is not None and said["kind"] == EntryKind.VOTE_ACCEPTED:
        return Notice(good=True, title=f"Your vote to {said['data']['decision']} counts", text=_standing(record))
    if said is not None:
        title, advice = REFUSED[RefusalCode(said["data"]["code"])]
        return Notice(good=False, title=title, text=f"{sentence(said['data']['message'])} {advice}")
    return notice_of_refusal(refused) if refused is not None else None


def notice_of_refusal(code: RefusalCode) -> Notice:
    """Return what to tell a person whose vote did not count."""
    title, advice = REFUSED[code]
    return Notice(good=False, title=title, text=f"Your vote was not counted. {advice}")


def unanswered(problem: Unavailable) -> Notice:
    """Return what to tell a person when nobody could say whether their vote counted."""
    text = (
        f"{sentence(str(problem))} Wait a moment and press the same button again: however often you send this form, "
        "it is one vote."
    )
    return Notice(good=False, title="It is not known yet whether your vote counted", text=text)


def _standing(record: ActionRecord) -> str:
    approval = record.approval
    if approval is None or record.state in _ENDED:
        return _ENDED.get(record.state, "")
    if record.state is State.EXPIRED and approval.void_at is not None:
        return "The action was approved, but not executed while the approval was good. It will not run."
    if approval.outcome is not None:
        return _OUTCOMES[approval.outcome]
    stages = len(approval.plan.stages)
    stage = f"Stage {approval.current} of {stages}, {approval.group}: " if stages > 1 else ""
    missing = approval.quorum - approval.approvals
    return f"{stage}{approval.approvals} of {approval.quorum} approvals so far; {missing} more needed."


def _is_vote(body: dict[str, Any], person: Person, ballot: str) -> bool:
    is_vote = body["kind"] in (EntryKind.VOTE_ACCEPTED, EntryKind.VOTE_REFUSED, EntryKind.APPROVAL_RETURNED)
    return is_vote and body["data"]["ballot"] == ballot and body["actor"]["id"] == person.id


def _bodies(entries: list[StoredEntry]) -> Iterator[dict[str, Any]]:
    return (json.loads(stored.body) for stored in entries)


def sentence(message: str) -> str:
    """Write a message as a sentence."""
    return f"{message[:1].upper()}{message[1:]}."
