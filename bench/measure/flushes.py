"""How many flushes many sessions share on a slow disk: a file system whose syncs take their time, and count."""

from __future__ import annotations

import struct
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .client import Client
from .raw import CLOSE, WRITE, Raw, string
from .servers import Longshore
from .table import Row

DELAY_MS = 10


class SlowDisk:
    """`longshore-powercut`, which needs FUSE; here its power is never cut."""

    def __init__(self, program: Path, mountpoint: Path):
        mountpoint.mkdir()
        self._process = subprocess.Popen(
            [program, mountpoint], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def command(self, line: str) -> str:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        answer = self._process.stdout.readline().rstrip("\n")
        if not answer or answer.startswith("error"):
            raise RuntimeError(f"the slow disk said {answer!r}")
        return answer

    def counts(self) -> Counter[str]:
        """Syncs since `reset`, by what they were for."""
        counted: Counter[str] = Counter()
        for row in filter(None, self.command("counts").split("\t")):
            kind, rest = row.split(" ", 1)
            path, times = rest.rsplit(" ", 1)
            counted[_purpose(kind, path)] += int(times)
        return counted

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)


def rows(binary: Path, powercut: Path, client: Client, directory: Path, sessions: int, files: int) -> list[Row]:
    """`sessions` at once upload `files` each into one directory, durability `close`."""
    disk = SlowDisk(powercut, directory / "slow")
    server = Longshore(binary, directory / "slow", "data")
    open_sessions: list[Raw] = []
    try:
        server.start()
        login = server.new_login()
        client.batch(login, "mkdir inbox\n")
        open_sessions += [Raw(client, login) for _ in range(sessions)]
        disk.command(f"delay {DELAY_MS}")
        disk.command("reset")
        with ThreadPoolExecutor(sessions) as pool:
            list(pool.map(_upload, open_sessions, range(sessions), [files] * sessions))
        counted = disk.counts()
        disk.command("delay 0")
    finally:
        for session in open_sessions:
            session.__exit__()
        server.stop()
        disk.close()
    total = sessions * files
    shared = (counted["directories"] + counted["catalog"]) / total
    parts = ", ".join(f"{kind} {times / total:.2g}" for kind, times in sorted(counted.items()))
    what = f"{sessions} sessions, flush delayed by {DELAY_MS} ms: flushes of directories and catalog for each file"
    return [Row(what, "", shared, 0.3, remark=parts)]


def _upload(session: Raw, number: int, files: int) -> None:
    content = string(bytes(4096))
    for file in range(files):
        handle = string(session.open_for_writing(f"inbox/s{number:03}-{file:03}"))
        session.expect_ok(session.ask(WRITE, handle + struct.pack(">Q", 0) + content))
        session.expect_ok(session.ask(CLOSE, handle))


def _purpose(kind: str, path: str) -> str:
    if kind == "names":
        return "directories"
    name = path.rsplit("/", 1)[-1]
    if name.startswith("catalog.db"):
        return "catalog"
    return "journal" if name.startswith("journal") else "contents"
