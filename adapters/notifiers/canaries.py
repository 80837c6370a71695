"""Notes what people made of a canary, once the question is closed. It shows nothing to anybody."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from domain.canary import CanaryResult, ended_entry, result_of
from domain.ledger import Entry
from domain.policy import Policy
from domain.record import ActionRecord

log = structlog.get_logger(__name__)


class CanaryStore(Protocol):
    """What is needed of the store of canaries."""

    async def end(self, action_id: str, result: CanaryResult, at: datetime, entry: Entry) -> bool:
        """Record the result, once."""


class CanaryResults:
    """Records results among the notifiers, because they are told of every change."""

    def __init__(self, canaries: CanaryStore) -> None:
        self._canaries = canaries

    async def show(self, record: ActionRecord, _policy: Policy, _occasions: Sequence[str]) -> None:
        """Record what people made of the action, if it was a canary that they decided. Told twice, it is recorded once.

        One that was missed is logged, too: reading is what everything else relies on.
        """
        result = result_of(record)
        if result is None:
            return
        at = datetime.now(UTC)
        fresh = await self._canaries.end(record.action.id, result, at, ended_entry(record, result, at))
        if fresh and result is CanaryResult.MISSED:
            log.warning("canary_missed", action=record.action.id, to_do="see docs/risk.md: reading the statistics")
