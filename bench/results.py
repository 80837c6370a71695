"""Figures of benchmarks, in one file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def write(figures: Mapping[str, float]) -> Path:
    """Write figures into `bench.json` in REMIT_HOME, beside those of other benchmarks. Returns where."""
    target = Path(os.environ.get("REMIT_HOME", ".remit")) / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(target.read_text()) if target.exists() else {}
    target.write_text(json.dumps({**known, **figures}, indent=2, sort_keys=True) + "\n")
    return target
