"""The forms that a card's buttons and menu open: why, what to ask, to whom, until when. Pure drawings.

Each has one block in which Slack shows what is wrong with it. `metadata` is what it carries, sealed by whoever opens
it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.notifiers.slack.text import Block, deadline, one_line, plain, section, units
from domain.catalog import Person, RejectionReason

View = dict[str, Any]

REASON_BLOCK = "reason"
"""The block of every form in which what is wrong with it is told."""
REASON_INPUT = "text"
CHOSEN_BLOCK = "chosen"
MAX_REASON = 2000
MAX_OPTIONS = 100
_OPTION = 75


def form(callback_id: str, title: str, submit: str, metadata: str, blocks: Sequence[Block]) -> View:
    """Return a modal. Title and button have 24 characters at most."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": metadata,
        "title": plain(title),
        "submit": plain(submit),
        "close": plain("Cancel"),
        "blocks": list(blocks),
    }


def about(action_id: str, revision: str) -> Block:
    """Say which action a form is about, and exactly which revision."""
    return section(f"Action `{action_id}`, revision `{revision.removeprefix('sha256:')[:12]}`")


def reason_input(label: str, *, optional: bool = False, typed: str = "") -> Block:
    """Ask for a text."""
    element: dict[str, Any] = {"type": "plain_text_input", "multiline": True, "max_length": MAX_REASON}
    if not optional:
        element["min_length"] = 1
    if typed:
        element["initial_value"] = typed
    return asking(REASON_BLOCK, label, element, optional=optional)


def chosen_reason_input(reasons: Sequence[RejectionReason]) -> Block:
    """Ask for one of the reasons of a rule."""
    options = [{"text": plain(one_line(reason.title)[:_OPTION]), "value": reason.id} for reason in reasons]
    return asking(CHOSEN_BLOCK, "Choose why", {"type": "static_select", "options": options})


def person_input(label: str, people: Sequence[Person]) -> Block:
    """Ask for one of these people; the first hundred are offered."""
    options = [{"text": plain(_named(person)), "value": person.id} for person in people[:MAX_OPTIONS]]
    return asking(REASON_BLOCK, label, {"type": "static_select", "options": options})


def moment_input(label: str, suggested: datetime) -> Block:
    """Ask for a moment; Slack shows it in the person's own time zone."""
    element = {"type": "datetimepicker", "initial_date_time": int(suggested.timestamp())}
    return asking(REASON_BLOCK, label, element)


def between(after: datetime, until: datetime) -> Block:
    """Say which moments can be chosen."""
    return section(f"It must be after {deadline(after)} and not after {deadline(until)}.")


def asking(block_id: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """Return an input."""
    block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": {"action_id": REASON_INPUT, **element},
        "optional": optional,
    }
    return {**block, "hint": plain(hint)} if hint else block


def _named(person: Person) -> str:
    """Return a name with the id, which tells people of one name apart; the id alone where both are too long."""
    named = f"{one_line(person.name)} ({person.id})"
    return named if units(named) <= _OPTION else person.id[:_OPTION]
