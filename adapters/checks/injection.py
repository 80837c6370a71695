"""`injection`: text that speaks to a model instead of a reader, in what the agent read, wrote or wants to send."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from adapters.checks.finder import Finder, Found, Settings, argument_texts
from domain.injection import MARKERS, Marker, instruction_markers
from domain.signals import Content


class InjectionSettings(Settings):
    """Which marks count."""

    kinds: Annotated[tuple[Marker, ...], Field(min_length=1)] = MARKERS


class Injection(Finder[InjectionSettings]):
    """Looks for marks of instructions in arguments, sources and output. The user's own prompt may instruct."""

    name = "injection"
    version = "1"
    settings = InjectionSettings

    def find(self, content: Content, settings: InjectionSettings) -> Iterator[Found]:
        """Yield each field with each kind of mark in it."""
        for field, text in _searched(content):
            for kind in instruction_markers(text):
                if kind in settings.kinds:
                    yield field, kind


def _searched(content: Content) -> Iterator[tuple[str, str]]:
    yield from argument_texts(content)
    for number, source in enumerate(content.context.sources):
        yield f"sources[{number}]", source.content
        if source.locator:
            yield f"sources[{number}]", source.locator
    if content.context.output:
        yield "output", content.context.output
