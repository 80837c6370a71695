"""Carrying a vote to its action. Every door, API, Slack and page, comes through here."""

from datetime import UTC, datetime, timedelta

from activities.record import vote_entry
from api.connections import Connections
from api.step_up import with_the_way
from domain.action import State
from domain.approval import Ballot, Receipt, decided, receipt
from domain.errors import Refusal, RefusalCode
from domain.record import ActionRecord

PATIENCE = timedelta(seconds=8)


async def cast_ballot(doors: Connections, action_id: str, ballot: Ballot, patience: timedelta = PATIENCE) -> Receipt:
    """Carry a ballot to its action and return the receipt; a vote that comes too late is recorded as refused.

    Raises NotFound, and Unavailable when nobody could say within `patience` whether it counted: the same
    ballot may be cast again.
    """
    record = await doors.actions.get(action_id)
    if record.state is State.PENDING_APPROVAL:
        answer = await doors.workflows.vote(action_id, ballot, patience)
        if answer is not None:
            return with_the_way(answer, action_id, doors.settings)
        record = await doors.actions.get(action_id)
    answer = refused_by_record(record)
    await doors.ledger.append([vote_entry(action_id, ballot, answer, datetime.now(UTC))])
    return answer


def refused_by_record(record: ActionRecord) -> Receipt:
    """Return the receipt of whatever comes when the action no longer waits, or never did."""
    if record.approval is None or record.approval.outcome is None:
        message = f"the action is {record.state.value}; nobody is asked about it"
        if record.state is State.PENDING_APPROVAL:
            message = "the action's workflow was ended in Temporal, so it can no longer be decided; ask an admin"
        return Receipt(accepted=False, refusal=Refusal(code=RefusalCode.NOT_WAITING, message=message))
    return receipt(record.approval, decided(record.approval))
