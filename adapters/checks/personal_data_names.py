"""`personal_data_names`: names of persons and places, told by Presidio and a language model in a process of its own."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from adapters.checks.finder import CannotTell, Finder, Found, Settings, argument_texts
from domain.signals import Content

_PROGRAM = Path(__file__).with_name("names_process.py")
_AGAIN_AFTER_SECONDS = 30.0
_LONGEST_ANSWER = 2**20
_ENDED = "Presidio's process ended without an answer; it is started again for the next action"
_NOT_INSTALLED = (
    "Presidio is not installed; install Remit with its extra 'presidio' and a spaCy model, see docs/checks.md"
)


class NamesSettings(Settings):
    """`model` is an installed spaCy model, or `blank` for Presidio's patterns alone. `kinds` are Presidio's entities
    in small letters. `least_score` is how sure, in percent, Presidio must be."""

    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"
    model: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,80}$")] = "en_core_web_sm"
    kinds: Annotated[list[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]], Field(min_length=1)] = [
        "person",
        "location",
    ]
    least_score: Annotated[int, Field(ge=0, le=100)] = 60


class PersonalDataNames(Finder[NamesSettings]):
    """Asks Presidio about the texts of the arguments.

    The process starts with the first question and takes seconds for it; until it is ready, and when it is too slow,
    the check has no answer. A process that was too slow is ended, and a new one started for the next question.
    """

    name = "personal_data_names"
    version = "1"
    kinds = ("person", "location")  # and whatever else a bundle asks Presidio for
    settings = NamesSettings

    def __init__(self) -> None:
        self._processes: dict[tuple[str, str], NamesProcess] = {}

    async def search(self, content: Content, settings: NamesSettings) -> list[Found]:
        """Return each field with each kind of name in it. Raises CannotTell where Presidio does not answer."""
        if find_spec("presidio_analyzer") is None:
            raise CannotTell(_NOT_INSTALLED)
        places = list(argument_texts(content))
        request = {
            "language": settings.language,
            "model": settings.model,
            "kinds": settings.kinds,
            "least": settings.least_score,
            "texts": [text for _, text in places],
        }
        key = (settings.language, settings.model)
        process = self._processes.setdefault(key, NamesProcess())
        kinds = await process.answer_to(request)
        return [(field, kind) for (field, _), found in zip(places, kinds, strict=True) for kind in found]

    async def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            await process.end()
        self._processes.clear()


class NamesProcess:
    """One process for one language and model. It answers one question at a time."""

    def __init__(self, program: Path = _PROGRAM) -> None:
        self._program = program
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self._failed_at, self._refusal = float("-inf"), ""

    async def answer_to(self, request: Mapping[str, Any]) -> list[list[str]]:
        """Return what is found in each text of a request. Raises CannotTell where there is no answer."""
        await self._started(request)
        async with self._turn:
            return await self._ask(request)

    async def end(self) -> None:
        """End the process, if there is one."""
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.communicate())

    async def _started(self, request: Mapping[str, Any]) -> None:
        """Wait until the process has loaded its model. Loading goes on when the one who waits gives up."""
        loop = asyncio.get_running_loop()
        if self._starting is None:
            if loop.time() < self._failed_at + _AGAIN_AFTER_SECONDS:
                raise CannotTell(self._refusal)
            self._starting = loop.create_task(self._start({**request, "texts": ["ready?"]}))
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.shield(self._starting)
        except CannotTell as refusal:
            self._failed_at, self._refusal, self._starting = loop.time(), str(refusal), None
            await self.end()
            raise

    async def _start(self, request: Mapping[str, Any]) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(self._program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},  # none of the secrets that the worker was given
            limit=_LONGEST_ANSWER,
        )
        await self._ask(request)

    async def _ask(self, request: Mapping[str, Any]) -> list[list[str]]:
        """Ask the process, and end it if its answer is not waited for: the next request would get it."""
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise CannotTell(_ENDED)
        line = b""
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        except ConnectionError as failure:
            raise CannotTell(_ENDED) from failure
        finally:
            if not line:
                await self.end()
        if not line:
            raise CannotTell(_ENDED)
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise CannotTell(str(answer["refused"]))
        kinds: list[list[str]] = answer["kinds"]
        return kinds
