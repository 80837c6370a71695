"""The form that edits an action's arguments: one input for each field that a reviewer may change, and what it changes.

What Slack's inputs cannot carry (a text of more than 3000 characters, or too much in all) is named, with the page.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adapters.notifiers.slack.forms import View, about, asking, form, reason_input
from adapters.notifiers.slack.reasons import changes
from adapters.notifiers.slack.text import Block, lines_within, one_line, plain, prose, section, units
from domain.editing import EditableField, EditForm, FieldKind

EDIT_FORM = "remit_edit"
_INPUT = 3000
_INPUTS = 40
_LABEL = 500
_ALL = 20_000
"""What the inputs may hold together, in Slack's units: a form comes back whole, twice, and is bounded by the API."""
_LINE = 80
_LISTS = (FieldKind.TEXTS, FieldKind.NUMBERS)
_HINTS = {
    FieldKind.NUMBER: "A number, such as 1250 or 12.5.",
    FieldKind.TEXTS: "One text a line.",
    FieldKind.NUMBERS: "One number a line.",
}


class Draft(NamedTuple):
    """What the form shows of what was typed: by key of its field, why, and the arguments before and after, if known."""

    typed: Mapping[str, str] = {}
    reason: str = ""
    before: bytes = b""
    after: bytes = b""


def offered(fields: EditForm) -> tuple[list[EditableField], list[str]]:
    """Return the fields that the form has, and the labels of those that are left to the page."""
    shown: list[EditableField] = []
    left, room = list(fields.left_out), _ALL
    for field in fields.fields:
        size = units(field.text)
        if size > min(_INPUT, room) or len(shown) >= _INPUTS or units(one_line(field.label)) > _LABEL:
            left.append(field.label)
            continue
        shown.append(field)
        room -= size
    return shown, left


def edit_view(
    action_id: str, revision: str, fields: EditForm, link: str, metadata: str, draft: Draft | None = None
) -> View:
    """Draw the form. With a draft it shows what would change, and sends it when it is submitted as it is."""
    shown, left = offered(fields)
    blocks = [about(action_id, revision)]
    if draft is not None:
        blocks += [
            *changes(draft.before, draft.after, link),
            section("*Send* makes this a new revision: votes on the one before are void, and people are asked again."),
        ]
    typed = draft.typed if draft is not None else {}
    blocks += [_input(field, typed.get(field.key, field.text)) for field in shown]
    if left:
        blocks.append(section(_left_out(left, link)))
    blocks.append(
        reason_input("Why? The agent and the ledger are told.", optional=True, typed=draft.reason if draft else "")
    )
    return form(EDIT_FORM, "Edit", "Send" if draft is not None else "Show what changes", metadata, blocks)


def _left_out(labels: Sequence[str], link: str) -> str:
    lines = [
        f"*Too long for this form:* <{link}|edit it on the review page>",
        *(f"• {_short(label)}" for label in labels),
    ]
    return lines_within(lines, _INPUT, link)


def _short(label: str) -> str:
    shown = prose(label)
    return shown if units(shown) <= _LABEL else f"a field with a name of {len(label):,} characters"


def _input(field: EditableField, text: str) -> Block:
    """Return the input of a field. One that holds something cannot be emptied here, so that a value which does not
    come back never means an empty one."""
    element, label = _element(field.kind, text), one_line(field.label)
    return asking(field.key, label, element, optional=not text, hint=_HINTS.get(field.kind, ""))


def _element(kind: FieldKind, text: str) -> Block:
    """Return what a field is typed into. Numbers are texts, too: Slack's own input for them knows fewer of them."""
    initial: dict[str, Any] = {"initial_value": text} if text else {}
    if kind is FieldKind.YES_NO:
        options = [{"text": plain(said), "value": value} for said, value in (("Yes", "true"), ("No", "false"))]
        chosen = [option for option in options if option["value"] == text]
        return {"type": "radio_buttons", "options": options, **({"initial_option": chosen[0]} if chosen else {})}
    multiline = kind in _LISTS or "\n" in text or units(text) > _LINE
    return {"type": "plain_text_input", "multiline": multiline, "max_length": _INPUT, **initial}
