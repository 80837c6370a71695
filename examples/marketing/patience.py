"""Waiting, with a bound: for an answer over HTTP, and for something to become true."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

PATIENCE_SECONDS = 60.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
_ANY_MOMENT = 0.1

Found = TypeVar("Found")


async def insist(send: Callable[[], Awaitable[httpx.Response]], patience: float = PATIENCE_SECONDS) -> httpx.Response:
    """Send a request until the other side answers it: again after a lost connection, a time-out or a 5xx.

    `send` must mean the same however often it is called. Returns the last 5xx, or raises the last
    httpx.TransportError, when `patience` seconds have passed.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    pause = _FIRST_PAUSE
    while True:
        problem: httpx.TransportError | None = None
        response: httpx.Response | None = None
        try:
            response = await send()
        except httpx.TransportError as lost:
            problem = lost
        if response is not None and not response.is_server_error:
            return response
        wait = max(pause, _retry_after(response))
        if loop.time() + wait >= until:
            if response is not None:
                return response
            raise problem or TimeoutError
        await asyncio.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def until(
    look: Callable[[], Awaitable[Found | None]], what: str, timeout: float, pause: float = _ANY_MOMENT
) -> Found:
    """Look again and again until there is something to return. Raises TimeoutError that says what it waited for."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while True:
        found = await look()
        if found is not None:
            return found
        if loop.time() >= end:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        await asyncio.sleep(pause)


def _retry_after(response: httpx.Response | None) -> float:
    said = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(said), _LONGEST_PAUSE) if said.isdigit() else 0.0
