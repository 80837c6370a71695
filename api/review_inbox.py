"""The inbox: what waits for the person signed in, what else waits with their groups, and what was decided lately."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from api.connections import Connections
from api.review_view import Field, is_asked, preview_of, time_left, why_no_vote
from domain.action import State
from domain.approval import Approval
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord

_PAGE = 200
_MOST_READ = 1000
_DECIDED_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """One action in a list, with why its reader cannot vote, if they cannot."""

    record: ActionRecord
    approval: Approval
    title: str
    reasons: str
    preview: list[Field]
    fields_left_out: int
    left: timedelta | None
    why_not: str | None


@dataclass(frozen=True)
class Inbox:
    """The lists. `complete` is false when more actions wait than were looked at."""

    mine: list[Row]
    others: list[Row]
    decided: list[Row]
    complete: bool


class Reader(Protocol):
    """Whose inbox it is, and the policy that is active at this moment."""

    @property
    def person(self) -> Person:
        """The person."""

    @property
    def policy(self) -> Policy:
        """The policy."""


async def inbox_of(doors: Connections, who: Reader) -> Inbox:
    """Return the inbox of a person: waiting actions by deadline, the soonest first."""
    now = datetime.now(UTC)
    records = await _waiting(doors)
    waiting = sorted(rows_of(records, who, now), key=lambda row: row.approval.plan.expires_at)
    asked = rows_of(await doors.actions.newest({"route": "ask"}, None, _PAGE), who, now)
    decided = [row for row in asked if row.approval.decided_at is not None]
    decided.sort(key=lambda row: row.approval.decided_at or row.record.updated_at, reverse=True)
    return Inbox(
        mine=[row for row in waiting if row.why_not is None],
        others=[row for row in waiting if row.why_not is not None],
        decided=decided[:_DECIDED_SHOWN],
        complete=len(records) < _MOST_READ,
    )


async def _waiting(doors: Connections) -> list[ActionRecord]:
    """Read the waiting actions page by page: the oldest are at the end, and they are the most urgent."""
    records: list[ActionRecord] = []
    before = None
    while len(records) < _MOST_READ:
        found = await doors.actions.newest({"state": State.PENDING_APPROVAL.value}, before, _PAGE)
        records += found
        if len(found) < _PAGE:
            break
        before = (found[-1].action.created_at, found[-1].action.id)
    return records


def rows_of(records: list[ActionRecord], who: Reader, now: datetime) -> list[Row]:
    """Return those of the records that one of the person's groups was asked about."""
    rows = []
    for record in records:
        if record.approval is not None and is_asked(record.approval, who.person, who.policy, now):
            action_type = who.policy.action_types.get(record.action.action_type)
            preview, left_out = preview_of(record)
            row = Row(
                record=record,
                approval=record.approval,
                title=action_type.title if action_type else record.action.action_type,
                reasons=_reasons(record),
                preview=preview,
                fields_left_out=left_out,
                left=time_left(record, now),
                why_not=why_no_vote(record, who.person, who.policy, now),
            )
            rows.append(row)
    return rows


def _reasons(record: ActionRecord) -> str:
    """Say why people are asked: the rules that hit, or, without one, what the route says."""
    if record.judgement is None:
        return ""
    hits = sorted(record.judgement.assessment.hits, key=lambda hit: hit.points, reverse=True)
    return "; ".join(hit.reason for hit in hits) or record.judgement.because
