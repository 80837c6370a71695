"""A minute of fuzzing for the content checks, for the loading of bundles, and for conditions."""

import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.adapters.checks.test_laws import EVERY_SEED
from tests.adapters.policy_mistakes import MISTAKES as MISTAKES_IN_FILES
from tests.adapters.shop_policy import FILES
from tests.domain.test_conditions import MISTAKES as MISTAKES_IN_CONDITIONS
from tests.pages_of_docs import CHECKOUT

SECONDS = 60
EXAMPLES = 4
"""How many examples fuzz_bundle knows; the byte after those begins a whole file."""


def wholes() -> Iterable[bytes]:
    """Yield bundles in one file each: a sound one, and what stands in the files with mistakes."""
    yield "\n".join(FILES.values()).encode()
    for changes, _ in MISTAKES_IN_FILES.values():
        for _, _, written in changes:
            yield f"risk:\n{written}".encode()


def conditions() -> Iterable[str]:
    """Yield the conditions of the examples' rules."""
    for path in sorted((CHECKOUT / "examples").glob("*/policy/risk.yaml")):
        for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["risk"]["rules"]:
            yield rule["when"]


def changes() -> Iterable[bytes]:
    """Yield changes of an example: each kind of change at some lines, and two at once."""
    for kind in range(6):
        for line in range(1, 100, 33):
            yield bytes([kind, 1, line]) + b"a\0" + bytes([5 - kind, 1, 2 * line]) + b"olga"


SEEDS: dict[str, list[bytes]] = {
    "fuzz_checks": [text.encode() + b"\0more" for text in EVERY_SEED],
    "fuzz_bundle": [
        *(bytes([EXAMPLES]) + text for text in wholes()),
        *(bytes([example]) + change for example in range(EXAMPLES) for change in [b"", *changes()]),
    ],
    "fuzz_conditions": [
        bytes([place]) + text.replace("»", "").encode()
        for text in [*MISTAKES_IN_CONDITIONS, *conditions()]
        for place in range(3)
    ],
}
SLOWEST = {"fuzz_checks": 3, "fuzz_bundle": 10, "fuzz_conditions": 3}
"""Seconds after which an input counts as one that never ends."""


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is not installed; make soak installs it where it runs"
)
@pytest.mark.parametrize("target", SEEDS)
def test_a_minute_of_fuzzing_breaks_nothing(tmp_path: Path, target: str) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS[target]):
        (corpus / str(number)).write_bytes(seed)
    limits = [f"-timeout={SLOWEST[target]}", f"-max_total_time={SECONDS}"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", f"tests.fuzz.{target}"),
            *limits,
            *(f"-artifact_prefix={tmp_path}/", "-print_final_stats=1", str(corpus)),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=SECONDS + 90,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert "stat::number_of_executed_units" in done.stderr
