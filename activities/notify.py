"""Notify: bring every place that shows an action up to date with its record."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Protocol

import structlog
from prometheus_client import Counter
from temporalio import activity

from activities.failures import translated
from domain.action import Frozen
from domain.errors import NotifierUnavailable, RemitError
from domain.policy import Policy
from domain.record import ActionRecord

PATIENCE_SECONDS = 25
"""How long a notifier may take: less than the workflow waits, so that no two attempts ever show at once."""

log = structlog.get_logger(__name__)
FAILED = Counter("remit_notifications_failed", "Showings of an action that a notifier did not finish", ["notifier"])


class NoticeSource(Protocol):
    """What notify needs of the store of actions."""

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action."""


class PolicySource(Protocol):
    """The policy that is active now: it says where groups are asked."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class Notifier(Protocol):
    """Shows actions somewhere people look.

    Showing is drawn from the record alone and so may be repeated: the same record shown twice is one card.
    """

    async def show(self, record: ActionRecord, policy: Policy, occasions: list[str]) -> None:
        """Show the record wherever its groups are asked. `occasions` names what people should be alerted to."""


class NotifyRequest(Frozen):
    """Which action to show, and what is new about it: `asked`, `reminded`, `escalated`, or nothing to alert to."""

    action_id: str
    occasions: list[str] = []


class Notify:
    """Shows actions through every notifier that is configured."""

    def __init__(self, actions: NoticeSource, policies: PolicySource, notifiers: Mapping[str, Notifier]) -> None:
        self._actions = actions
        self._policies = policies
        self._notifiers = notifiers

    @activity.defn
    @translated
    async def notify(self, request: NotifyRequest) -> None:
        """Show the action as its record has it now, through every notifier, whatever becomes of the others.

        Fails, when all are done, with the failure that is to be tried again first, if there is one.
        """
        record = await self._actions.get(request.action_id)
        policy = await self._policies.current()
        ended = await asyncio.gather(
            *(_in_time(notifier.show(record, policy, request.occasions)) for notifier in self._notifiers.values()),
            return_exceptions=True,
        )
        problems = []
        for name, problem in zip(self._notifiers, ended, strict=True):
            if problem is not None:
                FAILED.labels(name).inc()
                log.warning("notification_failed", action=request.action_id, notifier=name, problem=str(problem)[:500])
                problems.append(problem)
        if problems:
            raise min(problems, key=_urgency)


async def _in_time(showing: Awaitable[None]) -> None:
    """Break a showing off that takes too long. Whatever it did is noted, and the next one goes on from there."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await showing
    except TimeoutError as problem:
        raise NotifierUnavailable(f"not shown everywhere within {PATIENCE_SECONDS} s; going on") from problem


def _urgency(problem: BaseException) -> tuple[bool, float]:
    """Order problems: first those that trying again may mend, by the time they name; none means as soon as ever."""
    named = problem.retry_after if isinstance(problem, NotifierUnavailable) else None
    return not (isinstance(problem, RemitError) and problem.retryable), named or 0.0
