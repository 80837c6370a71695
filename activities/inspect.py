"""Inspect: what the content checks of the bundle say about an action, before it is judged."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol

import structlog
from prometheus_client import Counter

from domain.catalog.guardrails import CheckUse
from domain.signals import Content, Finding, Signal

log = structlog.get_logger(__name__)
UNANSWERED = Counter("remit_checks_unanswered", "Content checks that gave no answer, which raises the tier", ["check"])


class Check(Protocol):
    """A content check: it looks at an action and says what it found, never what stood there."""

    version: str

    def problems_in_settings(self, settings: Mapping[str, Any]) -> Iterable[str]:
        """Return what is wrong with settings, each problem starting with the setting's name."""

    async def inspect(self, content: Content, settings: Mapping[str, Any]) -> Signal:
        """Look at the content. The same content and settings give the same signal, in any process."""


async def inspect(
    content: Content, agent: str, uses: Sequence[CheckUse], checks: Mapping[str, Check]
) -> dict[str, Signal]:
    """Run the checks that a bundle uses on actions like this one, and return their signals by the checks' names.

    A check that is not there, fails or takes longer than its limit gives `unknown`, never an exception. Where a check
    is used twice on an action, its signals are joined.
    """
    signals: dict[str, Signal] = {}
    for use in uses:
        if use.actions.selects(agent, content.use_case.id, content.action_type.id):
            signal = await _signal(content, use, checks.get(use.check))
            earlier = signals.get(use.check)
            signals[use.check] = signal if earlier is None else _joined(earlier, signal)
    return signals


async def _signal(content: Content, use: CheckUse, check: Check | None) -> Signal:
    if check is None:
        return _unknown(use.check, "", "there is no such check in this installation")
    # A check that does not wait for anything cannot be interrupted, so that its time is measured, too.
    limit = use.time_limit_ms / 1000
    deadline = monotonic() + limit
    late = f"no answer within {use.time_limit_ms} ms"
    try:
        async with asyncio.timeout(limit):
            signal = await check.inspect(content, use.settings)
    except Exception as failure:
        because = late if monotonic() >= deadline else f"the check failed with {type(failure).__name__}"
        return _unknown(use.check, check.version, because, failure)
    if monotonic() >= deadline:
        return _unknown(use.check, check.version, late)
    if signal.finding is Finding.UNKNOWN:
        return _unknown(use.check, check.version, signal.because)
    return signal


def _unknown(check: str, version: str, because: str, failure: Exception | None = None) -> Signal:
    """Count and log that there is no answer. The message of a failure may quote the content, so it is left out."""
    UNANSWERED.labels(check=check).inc()
    log.error("a content check gave no answer", check=check, because=because, where=_place(failure))
    return Signal(check=check, version=version, finding=Finding.UNKNOWN, because=because)


def _place(failure: Exception | None) -> str | None:
    """Return the line of code where a failure came from."""
    trace = failure.__traceback__ if failure else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None


_WEIGHT = {Finding.CLEAR: 0, Finding.FOUND: 1, Finding.UNKNOWN: 2}


def _joined(one: Signal, other: Signal) -> Signal:
    """Return what two uses of a check say together: everything found, and unknown if either is."""
    heavier = max(one, other, key=lambda signal: _WEIGHT[signal.finding])
    reasons = dict.fromkeys(signal.because for signal in (one, other) if signal.because)
    return heavier.model_copy(
        update={
            "kinds": sorted({*one.kinds, *other.kinds}),
            "fields": sorted({*one.fields, *other.fields}),
            "because": "; ".join(reasons),
        }
    )
