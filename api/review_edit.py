"""Editing on the page: the form of an action's editable fields, what was typed into it, and what an edit changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.review_view import FIELDS_SHOWN, why_closed
from domain.catalog import Person
from domain.editing import EditForm, form_of
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revising import why_not_edit
from domain.revision import Revision
from domain.revision_diff import Difference, diff


@dataclass(frozen=True)
class EditDraft:
    """What the edit form starts with where something was typed into it before: the revision that it was drawn from,
    the texts by key of their field, and why."""

    base: str
    typed: Mapping[str, str]
    reason: str


@dataclass(frozen=True)
class Change:
    """One field that an edit changed; `before` and `after` are None where it was not there."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class MadeRevision:
    """A revision in the row of all, with what it changed of the one before. `left_out` changes are not shown."""

    revision: Revision
    changes: list[Change]
    left_out: int


def edit_form(record: ActionRecord, person: Person, policy: Policy, now: datetime) -> EditForm | None:
    """Return the form by which a person may edit an action; None when they may not, or it has nothing to edit.

    This decides what the page offers. Whether an edit is made is decided again, by the action's workflow.
    """
    action_type = policy.action_types.get(record.action.action_type)
    if action_type is None or record.approval is None or why_closed(record, now) is not None:
        return None
    if why_not_edit(person.id, policy, record.approval, now) is not None:
        return None
    form = form_of(values_of(record), action_type.editable, action_type.arguments)
    return form if form.fields or form.left_out else None


def values_of(record: ActionRecord) -> dict[str, Any]:
    """Return the arguments of the revision that people are asked about."""
    values: dict[str, Any] = json.loads(record.action.arguments_bytes)
    return values


def revisions_of(made: Sequence[Revision]) -> list[MadeRevision]:
    """Return the revisions, newest first, each with what it changed."""
    rows: list[MadeRevision] = []
    before: dict[str, Any] | None = None
    for revision in made:
        arguments = json.loads(revision.arguments_bytes)
        found = [] if before is None else diff(before, arguments)
        changes = [_change(each) for each in found[:FIELDS_SHOWN]]
        rows.append(MadeRevision(revision, changes, len(found) - len(changes)))
        before = arguments
    return rows[::-1]


def _change(found: Difference) -> Change:
    """Write texts as they are, and everything else as JSON, a text beside it, too."""
    texts = [json.loads(each) for each in (found.before, found.after) if each is not None]
    if not all(isinstance(text, str) for text in texts):
        return Change(found.path, found.before, found.after)
    before, after = (None if each is None else json.loads(each) for each in (found.before, found.after))
    return Change(found.path, before, after)
