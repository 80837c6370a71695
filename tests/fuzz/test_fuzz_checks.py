"""A minute of fuzzing for the content checks."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.adapters.checks.test_laws import EVERY_SEED
from tests.pages_of_docs import CHECKOUT

SECONDS = 60


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is not installed; make soak installs it where it runs"
)
def test_a_minute_of_fuzzing_breaks_no_check(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, text in enumerate(EVERY_SEED):
        (corpus / str(number)).write_bytes(text.encode() + b"\0more")
    options = ["-timeout=3", f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/", "-print_final_stats=1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.fuzz_checks", *options, str(corpus)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=SECONDS + 90,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert "stat::number_of_executed_units" in done.stderr
