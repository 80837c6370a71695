"""The clock of the Slack front: it stands still until a test moves it, so a busy machine is never what is refused."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """Seconds since 1970, for trigger ids, response URLs, acknowledgements and redelivery."""

    def __init__(self) -> None:
        self.now = time.time()
        self._waiting: list[asyncio.Future[None]] = []

    def advance(self, seconds: float) -> None:
        """Move it, and wake whoever waits for a moment that has come."""
        self.now += seconds
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, moment: float) -> None:
        """Wait until the clock is there."""
        while self.now < moment:
            moved = asyncio.get_running_loop().create_future()
            self._waiting.append(moved)
            await moved

    async def within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes of some work. Raises TimeoutError when the clock is moved past `seconds` before."""
        doing = asyncio.ensure_future(work)
        deadline = asyncio.ensure_future(self.until(self.now + seconds))
        try:
            await asyncio.wait({doing, deadline}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise TimeoutError(f"nothing within {seconds:g} s")
        finally:
            doing.cancel()
            deadline.cancel()
