import json
from pathlib import Path

import pytest

from bench import results


def test_figures_are_written_beside_those_of_other_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))
    results.write({"one": 1.0, "both": 1.0})
    target = results.write({"both": 2.0, "other": 3.0})
    assert target == tmp_path / "home" / "bench.json"
    assert json.loads(target.read_text()) == {"one": 1.0, "both": 2.0, "other": 3.0}
