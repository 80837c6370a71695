"""Whom to notify: those whose turn it is to decide, each by name, before anybody has looked at how busy they are."""

from datetime import datetime

from domain.action import State
from domain.asked import lacking, not_notified, voters
from domain.policy import Policy
from domain.record import ActionRecord


def whom_to_notify(record: ActionRecord, policy: Policy, at: datetime) -> list[str]:
    """Return the persons who should get a message of their own about an action now; nobody once it is decided.

    These are the people who may approve in a stage that still lacks approvals, without those whose groups spare them.
    """
    approval = record.approval
    if approval is None or record.state is not State.PENDING_APPROVAL:
        return []
    found: dict[str, None] = {}
    for stage in lacking(record):
        spared = not_notified(approval, stage, policy)
        found |= dict.fromkeys(
            person.id for person in voters(record, approval, stage, policy, at) if person.id not in spared
        )
    return list(found)
