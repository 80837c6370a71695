"""Carrying to an action what is no vote: the agent's answer, a reassignment, a snooze, an extension. Every door, API,
Slack and page, comes through here."""

from datetime import UTC, datetime

from activities.record import ApprovalChange, entries_of
from api.connections import Connections
from api.voting import PATIENCE, refused_by_record
from domain.action import State
from domain.approval import Receipt
from domain.errors import InvalidRequest
from domain.escalation import AnswerRequest, ManageRequest

_YEARS = range(2000, 9999)


async def manage(doors: Connections, action_id: str, request: ManageRequest) -> Receipt:
    """Carry a reassignment, a snooze or an extension to its action and return the receipt.

    Raises NotFound, and Unavailable when nobody could say in time: the same request may be sent again.
    """
    return await _carried(doors, action_id, request)


async def answer(doors: Connections, action_id: str, request: AnswerRequest) -> Receipt:
    """Carry the agent's answer to its action and return the receipt. Raises as `manage` does."""
    return await _carried(doors, action_id, request)


def moment(until: datetime) -> datetime:
    """Return a moment that somebody typed in UTC. Raises InvalidRequest for one without a zone or far off."""
    if until.tzinfo is None or until.year not in _YEARS:
        raise InvalidRequest(
            f"the time {until.isoformat()} needs a zone (2026-11-24T09:00:00Z) and a year from 2000 on"
        )
    return until.astimezone(UTC)


async def _carried(doors: Connections, action_id: str, request: ManageRequest | AnswerRequest) -> Receipt:
    """Carry a request; one that comes too late is recorded as refused."""
    record = await doors.actions.get(action_id)
    if record.state is State.PENDING_APPROVAL:
        if isinstance(request, ManageRequest):
            told = await doors.workflows.manage(action_id, request, PATIENCE)
        else:
            told = await doors.workflows.answer(action_id, request, PATIENCE)
        if told is not None:
            return told
        record = await doors.actions.get(action_id)
    told = refused_by_record(record)
    if record.approval is not None:
        now = datetime.now(UTC)
        late = ApprovalChange(action_id=action_id, approval=record.approval, at=now, request=request, receipt=told)
        await doors.ledger.append(entries_of(late))
    return told
