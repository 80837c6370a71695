"""Waiting for actions to end: one LISTEN connection a process, however many callers wait."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import structlog
from pydantic import SecretStr

from adapters.database.actions import CHANNEL
from adapters.database.connection import LOST

log = structlog.get_logger(__name__)
_RECONNECT_SECONDS = 1.0


class ActionWatch:
    """Wakes whoever waits for an action. A lost connection only delays: callers look again when they time out."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "ActionWatch":
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.asynccontextmanager
    async def ended(self, action_id: str) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set when the action reaches a final state. Enter it before looking or starting."""
        event = asyncio.Event()
        self._waiting[action_id].add(event)
        try:
            yield event
        finally:
            self._waiting[action_id].discard(event)
            if not self._waiting[action_id]:
                del self._waiting[action_id]

    async def _listen(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self._url.get_secret_value(), timeout=10)
            except (*LOST, asyncpg.PostgresError) as problem:
                log.warning("watch_unavailable", problem=type(problem).__name__)
                await asyncio.sleep(_RECONNECT_SECONDS)
                continue
            lost = asyncio.Event()
            try:
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, self._notified)
                self._wake_all()  # something may have ended while nobody listened
                await lost.wait()
            except LOST as problem:
                log.warning("watch_lost", problem=type(problem).__name__)
            finally:
                with contextlib.suppress(*LOST):
                    await connection.close(timeout=2)

    def _notified(self, _connection: Any, _pid: int, _channel: str, action_id: Any) -> None:
        for event in self._waiting.get(action_id, ()):
            event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()
