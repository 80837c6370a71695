"""The card: one action as a Slack message, drawn from its record and the policy, and nothing else.

Every block is made by a pure function, so the same record gives the same card and a card that changed has
another digest. Buttons stand on it only while the action waits for people.
"""

from adapters.notifiers.slack.arguments import MAX_UNITS, argument_blocks
from adapters.notifiers.slack.buttons import Place, buttons
from adapters.notifiers.slack.meaning import meaning_block
from adapters.notifiers.slack.reasons import CHANGES, CLAIM, changes, claim, reasons
from adapters.notifiers.slack.standing import headline, outcome_blocks, stage_lines, standing_block
from adapters.notifiers.slack.text import (
    HEADER,
    Block,
    code,
    deadline,
    fitted,
    mrkdwn,
    one_line,
    plain,
    prose,
    units,
    units_of,
)
from domain.action import Frozen
from domain.approval import Approval
from domain.canonical import canonical_bytes, digest
from domain.policy import Policy
from domain.record import ActionRecord

_WHOLE = 12_500
"""What a card may say in all: Slack refuses messages whose blocks are longer than about 13,000 units."""
_AROUND_ARGUMENTS = 2000
"""What their title, the pointers to what is hidden or not shown, and the buttons may take."""
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


def card_id(action_id: str) -> str:
    """Return the block id by which an action's card is found again, with or without buttons."""
    return f"remit:{action_id}:card"


def review_link(public_url: str, action_id: str) -> str:
    """Return the address of the page that shows the whole action."""
    return f"{public_url.rstrip('/')}/review/{action_id}"


def card(record: ActionRecord, policy: Policy, public_url: str, place: Place, earlier: bytes | None = None) -> Card:
    """Draw an action as it stands, for one place. `earlier` are the arguments of the revision before, if any."""
    link, data = review_link(public_url, record.action.id), record.action.arguments_bytes
    above = [
        _header(record, policy),
        standing_block(record, policy, link),
        _facts(record, policy, link),
        *meaning_block(record.action, policy, link),
        *reasons(record.judgement, link),
    ]
    below = [*outcome_blocks(record, policy, link), _footer(record, link)]
    room = _WHOLE - units_of([*above, *below])
    changed = changes(earlier, data, link, min(CHANGES, room // 4))
    claimed = claim(record.action.context.reasoning, link, min(CLAIM, room // 4))
    arguments = argument_blocks(data, link, min(MAX_UNITS, room - units_of([*changed, *claimed]) - _AROUND_ARGUMENTS))
    offered = buttons(record, policy, place, arguments.complete, link)
    blocks = [*above, *changed, *arguments.blocks, *claimed, *below, *offered]
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
    lines = stage_lines(approval)
    title = "Stages" if len(lines) > 1 else "Approvals"
    return [(title, "\n".join(lines)), ("Deadline", deadline(approval.plan.expires_at))]


def _named(title: str | None, identifier: str, link: str) -> str:
    return f"{fitted(title, _FACT, 'a title', link)} (`{identifier}`)" if title else f"`{identifier}`"


def _claimed(name: str, link: str) -> str:
    shown = code(name)
    return shown if units(shown) <= _FACT else f"<{link}|a name of {len(name):,} characters>"


def _footer(record: ActionRecord, link: str) -> Block:
    revision = record.action.digest.removeprefix("sha256:")[:12]
    text = f"<{link}|Open the review page> · revision `{revision}` · action `{record.action.id}`"
    return {"type": "context", "elements": [mrkdwn(text)]}


def _summary(record: ActionRecord, policy: Policy, link: str) -> str:
    """Say in one line what notifications and screen readers say."""
    action_type = policy.action_types.get(record.action.action_type)
    title = prose(action_type.title) if action_type else record.action.action_type
    return f"{title} by agent {record.action.agent}: {headline(record, policy)} {link}"
