"""`injection`: text that speaks to a model instead of a reader, in what the agent read, wrote or wants to send."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from adapters.checks.finder import Finder, Found, Settings, argument_texts
from domain.injection import MARKERS, Marker, instruction_markers
from domain.signals import Content

_LONG = 8000


class InjectionSettings(Settings):
    """Which marks count."""

    kinds: Annotated[tuple[Marker, ...], Field(min_length=1)] = MARKERS


class Injection(Finder[InjectionSettings]):
    """Looks for marks of instructions in arguments, sources and output. The user's own prompt may instruct."""

    name = "injection"
    version = "1"
    kinds = MARKERS
    settings = InjectionSettings

    async def search(self, content: Content, settings: InjectionSettings) -> list[Found]:
        """Return each field with each kind of mark in it.

        Other work gets its turn after each long text, and the time limit its chance: sources can be fifty long ones.
        """
        found: list[Found] = []
        for field, text in _searched(content):
            found += [(field, kind) for kind in instruction_markers(text) if kind in settings.kinds]
            if len(text) > _LONG:
                await asyncio.sleep(0)
        return found


def _searched(content: Content) -> Iterator[tuple[str, str]]:
    yield from argument_texts(content)
    for number, source in enumerate(content.context.sources):
        yield f"sources[{number}]", source.content
        if source.locator:
            yield f"sources[{number}]", source.locator
    if content.context.output:
        yield "output", content.context.output
