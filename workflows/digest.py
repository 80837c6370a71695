"""PersonDigest: one person's next digest. It waits until that is due, sends it, and is over until the next request."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.digest import DigestRequest, SendDigest
    from domain.action import Frozen

_TIMEOUT = timedelta(seconds=30)
_PATIENCE = timedelta(hours=24)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2))


class DigestStart(Frozen):
    """Whose digest it is, and when it is due, where that is known already."""

    person: str
    due: datetime | None = None


@workflow.defn
class PersonDigest:
    """Waits for the moment, and lets everything that came until then be sent in one message."""

    @workflow.init
    def __init__(self, start: DigestStart) -> None:
        self._due = start.due

    @workflow.run
    async def run(self, start: DigestStart) -> None:
        """Send digests as long as one is due."""
        while self._due is not None:
            due = self._due
            if _is_long():
                workflow.continue_as_new(DigestStart(person=start.person, due=due))
            if due > workflow.now():
                await self._wait(due)
                continue
            self._due = None
            await self._send(start.person)

    async def _wait(self, due: datetime) -> None:
        """Wait until a moment, or until an earlier one is wanted, or enough wishes came to go on in a new run."""
        try:
            await workflow.wait_condition(
                lambda: _is_long() or (self._due is not None and self._due < due),
                timeout=due - workflow.now(),
                timeout_summary="send the digest",
            )
        except TimeoutError:
            return

    async def _send(self, person: str) -> None:
        try:
            done = await workflow.execute_activity_method(
                SendDigest.send_digest,
                DigestRequest(person=person, at=workflow.now()),
                start_to_close_timeout=_TIMEOUT,
                schedule_to_close_timeout=_PATIENCE,
                retry_policy=_RETRY,
                summary=f"digest for {person}",
            )
        except ActivityError as failure:
            # What it held still waits in the database, and is in the next one.
            workflow.logger.error("could not send a digest: %s", failure.cause)
            return
        if done.next_at is not None:
            self._sooner(done.next_at)

    @workflow.signal
    def expect(self, at: datetime) -> None:
        """Have the digest sent at this moment, if it is not to come sooner."""
        self._sooner(at)

    def _sooner(self, at: datetime) -> None:
        self._due = at if self._due is None else min(self._due, at)


def _is_long() -> bool:
    """Whether a new run is due: each wish is a signal, and Temporal takes 10,000 of them for one run."""
    return workflow.info().is_continue_as_new_suggested()
