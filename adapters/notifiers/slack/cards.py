"""The card: one action as a Slack message, drawn from its record and the policy, and nothing else.

Every block is made by a pure function, so the same record gives the same card and a card that changed has
another digest. Buttons stand on it only while the action waits for people.
"""

import json
from typing import Annotated

from pydantic import Field

from adapters.notifiers.slack.arguments import ShownArguments, argument_blocks
from adapters.notifiers.slack.standing import headline, outcome_blocks, stage_lines, standing_block
from adapters.notifiers.slack.text import (
    HEADER,
    Block,
    code,
    deadline,
    fitted,
    lines_within,
    literal,
    mrkdwn,
    one_line,
    plain,
    prose,
    quoted,
    section,
    units,
)
from domain.action import Digest, Frozen, State, Tier
from domain.approval import Approval
from domain.canonical import canonical_bytes, digest
from domain.policy import Judgement, Policy
from domain.record import ActionRecord

APPROVE = "remit_approve"
APPROVE_WITH_REASON = "remit_approve_reason"
REJECT = "remit_reject"

_REASONS = 1500
_CLAIM = 1200
_FACT = 500
_UNKNOWN_REQUESTER = ", who is not in the catalog: nobody could be excluded"


class Card(Frozen):
    """A message: blocks for people, and the text that notifications and screen readers use instead."""

    text: str
    blocks: list[Block]

    @property
    def shown(self) -> str:
        """The digest of what is shown."""
        return digest(canonical_bytes(self.model_dump(mode="json")))


class Choice(Frozen):
    """What a button carries: the action and the exact revision that was on the card."""

    action: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    revision: Digest


def buttons_id(action_id: str) -> str:
    """Return the block id of an action's buttons."""
    return f"remit:{action_id}"


def card_id(action_id: str) -> str:
    """Return the block id by which an action's card is found again, with or without buttons."""
    return f"remit:{action_id}:card"


def review_link(public_url: str, action_id: str) -> str:
    """Return the address of the page that shows the whole action."""
    return f"{public_url.rstrip('/')}/review/{action_id}"


def card(record: ActionRecord, policy: Policy, public_url: str) -> Card:
    """Draw an action as it stands."""
    link = review_link(public_url, record.action.id)
    arguments = argument_blocks(record.action.arguments_bytes, link)
    blocks = [
        _header(record, policy),
        standing_block(record, policy, link),
        _facts(record, policy, link),
        *_reasons(record.judgement, link),
        *arguments.blocks,
        *_claim(record.action.context.reasoning, link),
        *outcome_blocks(record, policy, link),
        _footer(record, link),
        *_buttons(record, arguments, link),
    ]
    return Card(text=_summary(record, policy, link), blocks=blocks)


def _header(record: ActionRecord, policy: Policy) -> Block:
    name = record.action.action_type
    action_type = policy.action_types.get(name)
    title = one_line(action_type.title) if action_type else name
    if units(title) > HEADER:
        title = name
    return {"type": "header", "block_id": card_id(record.action.id), "text": plain(title)}


def _facts(record: ActionRecord, policy: Policy, link: str) -> Block:
    """Who: the agent, the use case, who answers for it, on whose behalf. The last is what the agent says."""
    action = record.action
    agent, use_case, owner = (
        policy.agents.get(action.agent),
        policy.use_cases.get(action.use_case),
        policy.people.get(record.owner),
    )
    facts = [
        ("Agent", _named(agent.title if agent else None, action.agent, link)),
        ("Use case", _named(use_case.title if use_case else None, action.use_case, link)),
        ("Owner", _named(owner.name if owner else None, record.owner, link)),
    ]
    approval = record.approval
    unknown = approval is not None and approval.plan.requester_unknown
    claims = [
        ("On behalf of", action.context.on_behalf_of, _UNKNOWN_REQUESTER if unknown else ""),
        ("Region", action.context.region, ""),
    ]
    facts += [(f"{name} (the agent says)", f"{_claimed(claim, link)}{note}") for name, claim, note in claims if claim]
    if approval is not None:
        facts += _asking(approval)
    return {"type": "section", "fields": [mrkdwn(f"*{name}*\n{value}") for name, value in facts]}


def _asking(approval: Approval) -> list[tuple[str, str]]:
    """Who is asked, how many of them, in which order, and until when."""
    counted = ("Approvals", f"{approval.approvals} of {approval.quorum}: {', '.join(approval.groups)}")
    if approval.plan.later:
        counted = ("Stages", "\n".join(stage_lines(approval)))
    return [counted, ("Deadline", deadline(approval.plan.expires_at))]


def _named(title: str | None, identifier: str, link: str) -> str:
    return f"{fitted(title, _FACT, 'a title', link)} (`{identifier}`)" if title else f"`{identifier}`"


def _claimed(name: str, link: str) -> str:
    shown = code(name)
    return shown if units(shown) <= _FACT else f"<{link}|a name of {len(name):,} characters>"


def _reasons(judgement: Judgement | None, link: str) -> list[Block]:
    """Why people are asked: what decided the route, and each rule that gave points."""
    if judgement is None:
        return []
    lines = [f"*Why you are asked:* {fitted(judgement.because, 600, 'a reason', link)}"]
    for hit in sorted(judgement.assessment.hits, key=lambda hit: -hit.points):
        reason = fitted(hit.reason, 300, "a reason", link)
        lines.append(f"• {hit.dimension.value} {hit.points} of 5: {reason} (`{hit.rule}`)")
    return [section(lines_within(lines, _REASONS, link))]


def _claim(reasoning: str | None, link: str) -> list[Block]:
    """Quote what the agent says for itself, labelled as that."""
    if not reasoning or not reasoning.strip():
        return []
    first, *rest = quoted(literal(reasoning), _CLAIM)
    label = "*The agent's own reasoning* (its claim: nobody has checked it)"
    if rest:
        label += f"; the beginning of {len(reasoning):,} characters: <{link}|read all>"
    return [section(label), section(first)]


def _footer(record: ActionRecord, link: str) -> Block:
    revision = record.action.digest.removeprefix("sha256:")[:12]
    text = f"<{link}|Open the review page> · revision `{revision}` · action `{record.action.id}`"
    return {"type": "context", "elements": [mrkdwn(text)]}


def _buttons(record: ActionRecord, arguments: ShownArguments, link: str) -> list[Block]:
    """Offer the decision while it is open and not held. Nobody approves high risk from a card that shows a part."""
    if not is_open(record) or record.hold is not None:
        return []
    choice = Choice(action=record.action.id, revision=record.action.digest)
    value = json.dumps(choice.model_dump(), separators=(",", ":"))
    elements = []
    before = []
    if record.tier is Tier.HIGH and not arguments.complete:
        text = f":warning: High risk, and not all of it fits here: <{link}|open the review page to approve>."
        before.append(section(text))
    else:
        needs_reason = record.approval is not None and record.approval.plan.reason_required
        approve = APPROVE_WITH_REASON if needs_reason else APPROVE
        elements.append(_button(approve, "Approve", "primary", value))
    elements.append(_button(REJECT, "Reject", "danger", value))
    return [*before, {"type": "actions", "block_id": buttons_id(record.action.id), "elements": elements}]


def _button(action_id: str, text: str, style: str, value: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": plain(text), "style": style, "value": value}


def is_open(record: ActionRecord) -> bool:
    """Whether people can still decide."""
    return record.state is State.PENDING_APPROVAL and record.approval is not None and record.approval.outcome is None


def _summary(record: ActionRecord, policy: Policy, link: str) -> str:
    """Say in one line what notifications and screen readers say."""
    action_type = policy.action_types.get(record.action.action_type)
    title = prose(action_type.title) if action_type else record.action.action_type
    return f"{title} by agent {record.action.agent}: {headline(record, policy)} {link}"
