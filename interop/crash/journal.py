"""What the workers tried and what was acknowledged, written down outside the server as it happens."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path


class Journal:
    """One worker's record: a line before each operation, a line after its acknowledgement."""

    def __init__(self, path: Path, acknowledged: Synchronized):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._acknowledged = acknowledged
        self._number = 0

    def trying(self, what: str, **details: object) -> int:
        self._number += 1
        self._write({"number": self._number, "try": what, **details})
        return self._number

    def done(self, number: int, **details: object) -> None:
        self._write({"number": number, "ack": True, **details})
        with self._acknowledged.get_lock():
            self._acknowledged.value += 1

    def failed(self, problem: str) -> None:
        """Something that must not happen whatever is killed when."""
        self._write({"number": 0, "problem": problem})

    def _write(self, line: dict) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


def read(path: Path) -> Iterator[dict]:
    """The operations of a record in order: each with what was tried, `ack` whether it was acknowledged, and what the
    acknowledgement said. Problems come as they are."""
    operations: dict[int, dict] = {}
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        if "problem" in entry:
            yield entry
        elif "try" in entry:
            operations[entry["number"]] = {"ack": False, **entry}
        else:
            operations[entry["number"]].update(entry)
    yield from operations.values()
