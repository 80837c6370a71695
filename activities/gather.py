"""Gather: the facts an action is judged by, beyond what its agent sent: the recent past and what the checks say."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from activities.inspect import Check, inspect
from domain import policy_change
from domain.facts import Facts
from domain.guardrails import AggregateQuery, aggregates_of
from domain.policy import Admitted, Policy
from domain.record import ActionRecord
from domain.roles import meaning_of
from domain.signals import content_of


class HistorySource(Protocol):
    """What happened lately, added up."""

    async def history(self, action_id: str, wanted: Sequence[AggregateQuery], at: datetime) -> dict[str, int]:
        """Return each aggregate by its id, the action itself included."""


class Gather:
    """Gathers facts for a policy, and only those that it asks for."""

    def __init__(self, past: HistorySource, checks: Mapping[str, Check]) -> None:
        self._past = past
        self._checks = checks

    async def facts(
        self, policy: Policy, record: ActionRecord, admitted: Admitted, arguments: Mapping[str, Any], at: datetime
    ) -> Facts:
        """Return the facts of one action at a moment. A check without an answer is among them as `unknown`."""
        action_type, use_case = admitted.action_type, admitted.use_case
        if action_type.id == policy_change.ACTION_TYPE:
            return Facts(at=at)
        guardrails = policy.bundle.guardrails
        history: dict[str, int] = {}
        if guardrails.aggregates and "history" in policy.needed(admitted):
            wanted = aggregates_of(guardrails, record.action, meaning_of(action_type, arguments))
            history = await self._past.history(record.action.id, wanted, at)
        content = content_of(arguments, record.action.context, action_type, use_case)
        signals = await inspect(content, admitted.agent.id, guardrails.checks, self._checks)
        return Facts(at=at, history=history, signals=signals, exceeded=record.exceeded)
