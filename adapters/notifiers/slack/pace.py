"""How fast messages go into a channel: about one a second, a few at once, and none before Slack's Retry-After is over.

One process keeps its own pace. Where several work, Slack's own answer holds them back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from domain.errors import NotifierUnavailable

INTERVAL_SECONDS = 1.0
BURST = 4
PATIENCE_SECONDS = 3.0
_MANY = 1000


class Pace:
    """Gives each message to a channel its moment."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._due: dict[str, float] = {}

    async def turn(self, channel: str) -> None:
        """Wait for the moment of the next message to a channel.

        Raises NotifierUnavailable, with the time that is left, when that is more than a few seconds: waiting is for
        whoever can wait without holding anything.
        """
        now = self._clock()
        due = max(self._due.get(channel, now), now)
        wait = due - (BURST - 1) * INTERVAL_SECONDS - now
        if wait > PATIENCE_SECONDS:
            message = f"Slack takes no more messages to {channel} for {wait:.0f} s; trying again then"
            raise NotifierUnavailable(message, retry_after=wait)
        self._forget_idle(now)
        self._due[channel] = due + INTERVAL_SECONDS
        if wait > 0:
            await self._sleep(wait)

    def stop(self, channel: str, seconds: float) -> None:
        """Let nothing go to a channel for a while, because Slack said so."""
        until = self._clock() + seconds + (BURST - 1) * INTERVAL_SECONDS
        self._due[channel] = max(self._due.get(channel, until), until)

    def _forget_idle(self, now: float) -> None:
        if len(self._due) > _MANY:
            self._due = {channel: due for channel, due in self._due.items() if due > now}
