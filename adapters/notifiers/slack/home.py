"""The Home of a person: what they may decide now, what they decided last, and whether they are away. Pure drawing.

Each request shows its arguments as far as they fit. What a card would leave to the page, Home leaves to it, too: high
risk that is not shown whole, and what takes signing in anew.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from adapters.notifiers.slack.buttons import APPROVE, APPROVE_WITH_REASON, REJECT, Place, buttons_id
from adapters.notifiers.slack.cards import review_link
from adapters.notifiers.slack.forms import View
from adapters.notifiers.slack.seal import Choice
from adapters.notifiers.slack.text import Block, code, deadline, fitted, mrkdwn, plain, prose, section, units
from domain.action import Tier
from domain.policy import Policy
from domain.record import ActionRecord

OPEN_PAGE = "remit_open"
TURN_PAGE = ("remit_home_back", "remit_home_on")
PAGE = 15
"""How many requests one page has: three blocks each at most, of the hundred that Slack takes."""
DECIDED = 10

_TITLE = 300
_ARGUMENTS = 700
_WHY = 300
_VALUE = 200
_SAID = 1500
_MARK = {Tier.LOW: "🟢", Tier.MEDIUM: "🟠", Tier.HIGH: "🔴"}


class Waiting(NamedTuple):
    """A request that its reader may decide: why they are asked, and why they can only reject it, if so."""

    record: ActionRecord
    because: str = ""
    why_no_approval: str | None = None


class HomePage(NamedTuple):
    """What stands on one page: requests, similar ones beside each other, and how many there are on all pages."""

    waiting: Sequence[Waiting]
    total: int
    decided: Sequence[tuple[ActionRecord, str]]
    absence: str
    page: int = 0
    said: str = ""


def home_view(shown: HomePage, policy: Policy, public_url: str, place: Place) -> View:
    """Draw a person's Home. `place` is the person whose it is, and what seals the buttons for them."""
    blocks: list[Block] = []
    if shown.said:
        blocks.append(section(f":warning: {fitted(shown.said, _SAID, 'a message', public_url)}"))
    title = f"You may decide {shown.total:,} request{'s' * (shown.total != 1)}"
    blocks.append({"type": "header", "text": plain(title if shown.total else "Nothing waits for you")})
    blocks += _queue(shown.waiting, policy, public_url, place)
    blocks += _pages(shown)
    blocks.append({"type": "divider"})
    blocks += _decided(shown.decided, policy, public_url)
    blocks.append({"type": "context", "elements": [mrkdwn(shown.absence)]})
    return {"type": "home", "private_metadata": str(shown.page), "blocks": blocks}


def closed_home(why: str) -> View:
    """Draw the Home of somebody for whom nothing can wait here, and say why."""
    return {"type": "home", "blocks": [{"type": "header", "text": plain("Remit")}, section(prose(why))]}


def summary(record: ActionRecord, policy: Policy, link: str) -> str:
    """Say in one line what an action is, how risky, and until when it can be decided."""
    action_type = policy.action_types.get(record.action.action_type)
    title = fitted(action_type.title, _TITLE, "a title", link) if action_type else f"`{record.action.action_type}`"
    mark = f"{_MARK[record.tier]} {record.tier.value}" if record.tier else "unknown risk"
    until = f" · until {deadline(record.approval.plan.expires_at)}" if record.approval else ""
    return f"*<{link}|{title}>* · {mark}{until}"


def _queue(waiting: Sequence[Waiting], policy: Policy, public_url: str, place: Place) -> Iterator[Block]:
    before = None
    for each in waiting:
        action = each.record.action
        alike = (action.agent, action.action_type, action.use_case)
        if alike != before:
            agent, use_case = policy.agents.get(action.agent), policy.use_cases.get(action.use_case)
            named = (
                prose(agent.title if agent else action.agent),
                prose(use_case.title if use_case else action.use_case),
            )
            yield {"type": "context", "elements": [mrkdwn(f"*{named[0]}* in *{named[1]}*")]}
        before = alike
        yield from _request(each, policy, public_url, place)


def _request(each: Waiting, policy: Policy, public_url: str, place: Place) -> Iterator[Block]:
    record = each.record
    link = review_link(public_url, record.action.id)
    shown, complete = _arguments(record, link)
    why = fitted(each.because, _WHY, "reasons", link) if each.because else ""
    not_approved = f":warning: {fitted(each.why_no_approval, _WHY, 'a reason', link)}" if each.why_no_approval else ""
    yield section("\n".join(filter(None, [summary(record, policy, link), why, shown, not_approved])))
    choice = Choice(action=record.action.id, revision=record.action.digest, channel=place.channel)
    sealed = place.seal.sealed(choice)
    elements: list[dict[str, Any]] = [
        {"type": "button", "action_id": OPEN_PAGE, "text": plain("Open"), "url": link, "value": sealed}
    ]
    decides = _buttons(each, complete)
    elements += [_button(action_id, text, style, sealed) for action_id, text, style in decides]
    yield {"type": "actions", "block_id": buttons_id(sealed), "elements": elements}


def _buttons(each: Waiting, complete: bool) -> Iterator[tuple[str, str, str]]:
    """Yield what can be decided here. What is not shown whole, or takes more than a click, is decided on the page."""
    approval = each.record.approval
    if approval is None or (each.record.tier not in (Tier.LOW, Tier.MEDIUM) and not complete) or approval.plan.step_up:
        return
    if each.why_no_approval is None:
        yield APPROVE_WITH_REASON if approval.plan.reason_required else APPROVE, "Approve", "primary"
    yield REJECT, "Reject", "danger"


def _arguments(record: ActionRecord, link: str) -> tuple[str, bool]:
    """Return the arguments as far as they fit, and whether that is all of them."""
    values: dict[str, Any] = json.loads(record.action.arguments_bytes)
    kept: list[str] = []
    room = _ARGUMENTS
    for name, value in values.items():
        line = f"{code(name)}: {code(value)}"
        if units(code(value)) <= _VALUE and units(line) <= room:
            kept.append(line)
            room -= units(line)
    left = len(values) - len(kept)
    return " · ".join([*kept, *([f"<{link}|{left} more>"] if left else [])]), left == 0


def _pages(shown: HomePage) -> Iterator[Block]:
    turns = []
    if shown.page > 0:
        turns.append((TURN_PAGE[0], "Sooner deadlines", shown.page - 1))
    if (shown.page + 1) * PAGE < shown.total:
        turns.append((TURN_PAGE[1], "Later deadlines", shown.page + 1))
    if turns:
        pages = -(-shown.total // PAGE)
        yield {"type": "context", "elements": [mrkdwn(f"Page {shown.page + 1} of {pages}")]}
        elements = [
            {"type": "button", "action_id": action_id, "text": plain(text), "value": str(page)}
            for action_id, text, page in turns
        ]
        yield {"type": "actions", "elements": elements}


def _decided(decided: Sequence[tuple[ActionRecord, str]], policy: Policy, public_url: str) -> Iterator[Block]:
    if not decided:
        return
    yield section("*Decided by you*")
    for record, said in decided[:DECIDED]:
        link = review_link(public_url, record.action.id)
        action_type = policy.action_types.get(record.action.action_type)
        title = fitted(action_type.title, _TITLE, "a title", link) if action_type else f"`{record.action.action_type}`"
        yield {"type": "context", "elements": [mrkdwn(f"<{link}|{title}> · {said}")]}


def _button(action_id: str, text: str, style: str, value: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": plain(text), "style": style, "value": value}
