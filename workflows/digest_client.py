"""The way into digests from outside: expect one."""

from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import EngineUnavailable
from workflows.digest import DigestStart, PersonDigest

_TIMEOUT = timedelta(seconds=5)


class Digests:
    """Sees to it that digests come: one workflow for each person who expects one."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def expect(self, person: str, at: datetime) -> None:
        """Have a person's next digest sent at this moment, if none is to come sooner. Raises EngineUnavailable."""
        try:
            await self._client.start_workflow(
                PersonDigest.run,
                DigestStart(person=person),
                id=digest_id(person),
                task_queue=self._task_queue,
                start_signal="expect",
                start_signal_args=[at],
                static_summary=f"digest for {person}",
                rpc_timeout=_TIMEOUT,
            )
        except (RPCError, RuntimeError) as problem:
            raise EngineUnavailable(
                "Temporal does not take new work; the digest is planned at the next try"
            ) from problem


def digest_id(person: str) -> str:
    """Return the id of the workflow that sends a person's digests."""
    return f"digest-{person}"
