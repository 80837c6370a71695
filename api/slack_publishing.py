"""When Homes are drawn: one at a time, each person's newest wish alone, and not more often than they could look.

A Home is read from all that waits for a person. Whoever decides fifty times in a minute needs the last one, and clicks
of others must not wait for the rest.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from api.slack_answers import Home

EVERY_SECONDS = 3.0
"""How long after a Home of a person the next one of theirs is drawn, at least, when they decided elsewhere."""


class Publishing:
    """What is to be drawn, and for whom it is being drawn."""

    def __init__(self, every: float | None = None) -> None:
        self._every = EVERY_SECONDS if every is None else every
        self._wanted: dict[str, Home] = {}
        self._free_at: dict[str, float] = {}
        self._busy: set[str] = set()
        self._one = asyncio.Lock()

    async def newest(self, home: Home, draw: Callable[[Home], Awaitable[None]]) -> None:
        """Draw a Home, unless a newer wish of the same person comes before its turn, which is drawn instead."""
        waiting = self._wanted.get(home.user)
        # What is to be said to somebody must not be lost to a newer wish that says nothing.
        self._wanted[home.user] = replace(home, said=home.said or (waiting.said if waiting else ""))
        if home.user in self._busy:
            return
        self._busy.add(home.user)
        loop = asyncio.get_running_loop()
        try:
            while home.user in self._wanted:
                # Whoever opens their Home or turns a page is looking; whoever decided elsewhere is not, yet.
                if self._wanted[home.user].decided:
                    await asyncio.sleep(max(0.0, self._free_at.get(home.user, 0.0) - loop.time()))
                async with self._one:
                    await draw(self._wanted.pop(home.user))
                self._free_at[home.user] = loop.time() + self._every
        finally:
            self._busy.discard(home.user)
