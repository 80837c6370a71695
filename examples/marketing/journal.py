"""A file of JSON lines that an example system keeps its state in, so that it survives being killed."""

import json
import os
from pathlib import Path
from typing import Any


class Journal:
    """Records in the order they were added. What `add` returned from is on the disk."""

    def __init__(self, path: Path) -> None:
        """Open the journal and read it. A last line that was cut off, whose `add` never returned, is dropped."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            self._file.truncate(whole)
        self.records: list[dict[str, Any]] = [json.loads(line) for line in content[:whole].splitlines()]

    def add(self, record: dict[str, Any]) -> None:
        """Append a record, durably. It blocks for a moment, on purpose: nothing may come in between."""
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records.append(record)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
