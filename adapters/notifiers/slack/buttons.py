"""The buttons of a card: Approve, Reject and More, with the sealed choice they carry."""

from typing import NamedTuple

from adapters.notifiers.slack.seal import Choice, Seal
from adapters.notifiers.slack.text import Block, plain, section
from domain.action import State, Tier
from domain.approval import Approval
from domain.approval_plan import StepKind
from domain.escalation import waiting
from domain.policy import Policy
from domain.record import ActionRecord

APPROVE = "remit_approve"
APPROVE_WITH_REASON = "remit_approve_reason"
APPROVE_ON_PAGE = "remit_approve_page"
REJECT = "remit_reject"
MORE = "remit_more"

EDIT, ASK, REASSIGN, SNOOZE, EXTEND, DETAILS = "edit", "ask", "reassign", "snooze", "extend", "details"
_OFFERED = {
    EDIT: "Edit",
    ASK: "Ask the agent",
    REASSIGN: "Reassign",
    SNOOZE: "Snooze the reminder",
    EXTEND: "Extend the deadline",
    DETAILS: "Full details",
}
_MOST_OPTIONS = 5
_BLOCK = "remit:"


class Place(NamedTuple):
    """Where a card stands, and what seals its buttons for there."""

    channel: str
    seal: Seal


def buttons_id(sealed: str) -> str:
    """Return the block id of a card's buttons. It carries the sealed choice, because a menu's options have no room."""
    return f"{_BLOCK}{sealed}"


def sealed_in(block_id: str) -> str:
    """Return the sealed choice that a block of buttons carries, empty for another block."""
    return block_id.removeprefix(_BLOCK) if block_id.startswith(_BLOCK) else ""


def is_open(record: ActionRecord) -> bool:
    """Whether people can still decide."""
    return record.state is State.PENDING_APPROVAL and record.approval is not None and record.approval.outcome is None


def buttons(record: ActionRecord, policy: Policy, place: Place, complete: bool, link: str) -> list[Block]:
    """Offer the decision while it is open and not held.

    Nobody approves high risk from a card that shows a part (`complete` is false), nor what takes signing in anew: the
    button leads to the page. While questions wait for the agent, nobody can approve.
    """
    approval = record.approval
    if approval is None or not is_open(record) or record.hold is not None:
        return []
    choice = Choice(action=record.action.id, revision=record.action.digest, channel=place.channel)
    sealed = place.seal.sealed(choice)
    before, elements = _approving(record, approval, sealed, complete, link)
    elements.append(_button(REJECT, "Reject", "danger", sealed))
    elements.append(_more(record, approval, policy, link))
    return [*before, {"type": "actions", "block_id": buttons_id(sealed), "elements": elements}]


def _approving(
    record: ActionRecord, approval: Approval, sealed: str, complete: bool, link: str
) -> tuple[list[Block], list[Block]]:
    """Return the button that approves, with what is to be said before it; none where nobody can approve here."""
    if approval.returned is not None:
        return [], []
    if record.tier is Tier.HIGH and not complete:
        text = f":warning: High risk, and not all of it fits here: <{link}|open the review page to approve>."
        return [section(text)], []
    if approval.plan.step_up:
        page = {"type": "button", "action_id": APPROVE_ON_PAGE, "text": plain("Approve (sign in)")}
        return [], [{**page, "style": "primary", "url": link}]
    needed = APPROVE_WITH_REASON if approval.plan.reason_required else APPROVE
    return [], [_button(needed, "Approve", "primary", sealed)]


def _more(record: ActionRecord, approval: Approval, policy: Policy, link: str) -> Block:
    """Return the menu of what else can be done, as far as it can be done to this action."""
    action_type = policy.action_types.get(record.action.action_type)
    offered = dict(_OFFERED)
    if action_type is None or not action_type.editable:
        del offered[EDIT]
    if approval.returned is not None:
        del offered[ASK]
    if approval.plan.extension is None or approval.extended:
        del offered[EXTEND]
    if not any(step.kind is StepKind.REMIND for step in waiting(approval)):
        del offered[SNOOZE]
    if len(offered) > _MOST_OPTIONS:  # the page is linked from the card's last line, too
        del offered[DETAILS]
    options = [{"text": plain(title), "value": value} for value, title in offered.items()]
    for option in options:
        if option["value"] == DETAILS:
            option["url"] = link
    return {"type": "overflow", "action_id": MORE, "options": options}


def _button(action_id: str, text: str, style: str, value: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": plain(text), "style": style, "value": value}
