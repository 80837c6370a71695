"""What makes mail the second channel: whether Slack shows an action to somebody, and how long it is waited for."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from adapters.database.notices import Notice
from domain.approval import Approval
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord


class Shows(Protocol):
    """A notifier."""

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Show the record wherever its groups are asked."""


class FirstChannel:
    """A notifier whose showings can be waited for, so that the second channel sees what this one managed.

    `patience` is how long it may take to show an action to somebody before the second channel does.
    """

    def __init__(self, notifier: Shows, patience: timedelta) -> None:
        self._notifier = notifier
        self._running: dict[str, asyncio.Event] = {}
        self.patience = patience

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Show the record as the notifier does."""
        over = self._running[record.action.id] = asyncio.Event()
        try:
            await self._notifier.show(record, policy, occasions)
        finally:
            over.set()
            if self._running.get(record.action.id) is over:
                del self._running[record.action.id]

    async def ended(self, action_id: str, seconds: float) -> None:
        """Wait for the end of the showing of an action that is under way, however it ends; no longer than `seconds`."""
        over = self._running.get(action_id)
        if over is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await over.wait()


def is_shown(person: Person, approval: Approval, policy: Policy, slack: Iterable[Notice]) -> bool:
    """Whether a card stands where the person looks: in their own channel, or in that of a group they belong to."""
    posted = {notice.target: notice.reference for notice in slack if notice.reference and "/" not in notice.target}
    if posted.get(f"@{person.slack_user}", "") in posted:
        return True
    groups = [policy.groups[name] for name in approval.groups if name in policy.groups]
    return any(person.id in group.members and group.slack_channel in posted for group in groups)
