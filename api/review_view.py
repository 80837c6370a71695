"""What the action's page shows of a record, worked out before a template draws it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.database.ledger import StoredEntry
from domain.action import State, Tier
from domain.approval import Approval
from domain.authority import may_vote
from domain.canonical import digest
from domain.catalog import Dimension, Person, has_left
from domain.errors import RefusalCode
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revising import question_about

FIELDS_SHOWN = 200
ENTRIES_SHOWN = 100
HIGHEST_SCORE = 5
_FIELDS_IN_LIST = 4
_LENGTH_IN_LIST = 60


@dataclass(frozen=True)
class Field:
    """One value of the arguments: where it stands, what kind it is, and what it says."""

    path: tuple[str, ...]
    kind: str
    text: str


@dataclass(frozen=True)
class Arguments:
    """The revision as a table of fields and as JSON. The table may be too short for them all; the JSON never is."""

    fields: list[Field]
    total: int
    json: str


@dataclass(frozen=True)
class Entry:
    """One ledger entry for the list."""

    number: int | None
    chain_hash: str | None
    kind: str
    at: datetime
    actor: str
    json: str


def arguments_of(record: ActionRecord) -> Arguments:
    """Return the arguments from the stored bytes, the same that run."""
    values = json.loads(record.action.arguments_bytes)
    fields = _fields(values)
    return Arguments(fields=fields[:FIELDS_SHOWN], total=len(fields), json=_pretty(values))


def entries_of(stored: list[StoredEntry]) -> list[Entry]:
    """Return the last entries, newest last."""
    return [_entry(one) for one in stored[-ENTRIES_SHOWN:]]


def preview_of(record: ActionRecord) -> tuple[list[Field], int]:
    """Return the first fields for a list, shortened and saying so, and how many more there are."""
    fields = _fields(json.loads(record.action.arguments_bytes))
    return [_shortened(field) for field in fields[:_FIELDS_IN_LIST]], max(len(fields) - _FIELDS_IN_LIST, 0)


def scores_of(record: ActionRecord) -> list[tuple[str, int]]:
    """Return all five dimensions with their scores, those without a hit, too."""
    if record.judgement is None:
        return []
    scores = record.judgement.assessment.scores
    return [(dimension.value, scores.get(dimension, 0)) for dimension in Dimension]


def why_no_vote(record: ActionRecord, person: Person, policy: Policy, now: datetime) -> str | None:
    """Say why a person may not vote on an action; None when they may.

    This decides what the page offers. Whether a vote counts is decided again, by the action's workflow.
    """
    approval = record.approval
    if approval is None or (closed := why_closed(record, now)) is not None:
        return closed if approval else "Nobody is asked about this action."
    if approval.earlier_vote(person.id) is not None:
        return "You have voted. One person counts once."
    return _ineligible(approval, person, policy, now)


def why_closed(record: ActionRecord, now: datetime) -> str | None:
    """Say why nobody can decide or change anything about an action; None when it waits for people."""
    approval = record.approval
    if approval is None or record.state is not State.PENDING_APPROVAL:
        return "Nobody is asked about this action any more."
    if not is_intact(record):
        return "The stored arguments are not the revision that people are asked about. Do not decide; tell an admin."
    if record.hold is not None:
        return "Nobody can decide while the hold is on. Come back when it is lifted."
    if approval.outcome is not None or now >= approval.plan.expires_at:
        return "The question is closed: it was decided a moment ago, or its deadline has passed. Reload the page."
    return None


def why_no_approval(record: ActionRecord, person: Person, policy: Policy, now: datetime) -> str | None:
    """Say why a person who may vote can only reject; None when they can approve, too."""
    if record.approval is None:
        return None
    if record.approval.returned is not None:
        return "Nobody can approve it before the agent has answered the questions. You can reject it."
    question = question_about(record.approval, now, approving=True, tier=record.tier or Tier.HIGH)
    refusal = may_vote(person.id, policy, question).refusal
    return f"You cannot approve this one: {refusal.message}." if refusal is not None else None


def _ineligible(approval: Approval, person: Person, policy: Policy, now: datetime) -> str | None:
    refusal = may_vote(person.id, policy, question_about(approval, now, approving=False)).refusal
    if refusal is None:
        return None
    if refusal.code is RefusalCode.SELF_APPROVAL:
        return f"You may not decide this one ({person.name}: {approval.plan.excluded[person.id]})."
    if refusal.code is RefusalCode.NOT_ELIGIBLE and not has_left(person, now):
        return f"You may not decide this one: only members of {' or '.join(approval.groups)} may."
    return f"You may not decide this one: {refusal.message}."


def is_intact(record: ActionRecord) -> bool:
    """Whether the bytes that are shown are the revision that is named, and the one that people are asked about."""
    action = record.action
    named = digest(action.arguments_bytes) == action.digest
    return named and (record.approval is None or record.approval.revision == action.digest)


def is_asked(approval: Approval, person: Person, policy: Policy, now: datetime) -> bool:
    """Whether one of the person's groups, as they are now, is or was asked, or somebody for whom they stand in."""
    groups = [policy.groups[name] for name in approval.asked_so_far if name in policy.groups]
    if any(person.id in group.members for group in groups):
        return True
    return may_vote(person.id, policy, question_about(approval, now, approving=False)).refusal is None


def time_left(record: ActionRecord, now: datetime) -> timedelta | None:
    """Return how long people still have; None when nobody is asked. While a hold is on, it stays the same."""
    approval = record.approval
    if approval is None or approval.outcome is not None or record.state is not State.PENDING_APPROVAL:
        return None
    if record.hold is not None:
        now = max(record.hold.placed_at, approval.asked_at or record.hold.placed_at)
    return max(approval.plan.expires_at - now, timedelta(0))


def _fields(arguments: Mapping[str, Any]) -> list[Field]:
    """Flatten nested values, in the order of the JSON."""
    fields: list[Field] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), arguments)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting.extend(((*path, key), child) for key, child in reversed(value.items()))
        elif isinstance(value, list) and value:
            waiting.extend(((*path, f"[{n}]"), value[n]) for n in reversed(range(len(value))))
        elif path:
            fields.append(_field(path, value))
    return fields


def _field(path: tuple[str, ...], value: Any) -> Field:
    if isinstance(value, str):
        return Field(path, "text" if value else "empty text", value)
    if isinstance(value, bool):
        return Field(path, "yes/no", "true" if value else "false")
    if isinstance(value, int | float):
        return Field(path, "number", json.dumps(value))
    if value is None:
        return Field(path, "nothing", "null")
    return Field(path, "empty list" if isinstance(value, list) else "empty object", "")


def _shortened(field: Field) -> Field:
    text = " ".join(field.text.split())
    left_out = len(text) - _LENGTH_IN_LIST
    return replace(field, text=f"{text[:_LENGTH_IN_LIST]}… (and {left_out} characters)" if left_out > 0 else text)


def _entry(stored: StoredEntry) -> Entry:
    body = json.loads(stored.body)
    actor = body["actor"]
    return Entry(
        number=stored.number,
        chain_hash=stored.chain_hash.hex() if stored.chain_hash else None,
        kind=body["kind"],
        at=datetime.fromisoformat(body["at"]),
        actor=f"{actor['kind']} {actor['id']} via {actor['door']}",
        json=_pretty(body),
    )


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
