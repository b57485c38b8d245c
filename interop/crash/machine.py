"""The disk under the server, and the disaster that comes over both."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
import uuid
from pathlib import Path

from harness.longshore import Longshore, binary
from harness.processes import end, spawn

LOAD_LIMIT = 60
"""Seconds after which a disaster comes that nothing set off."""


class Killing:
    """A real disk; the process is killed at a random instant."""

    name = "kill"
    split = False
    wrap = ()

    def __init__(self, directory: Path):
        self.data = directory / "data"
        self._until = 0.0

    def arm(self, chance: random.Random) -> None:
        self._until = time.monotonic() + 0.05 + min(1.0, chance.expovariate(4))

    def may_refuse(self) -> bool:
        """Whether requests may fail though the server answers."""
        return False

    def wait(self) -> None:
        """Returns when the server is to be killed."""
        time.sleep(max(0.0, self._until - time.monotonic()))

    def recover(self) -> None:
        """What happens between the end of the server and its next start."""

    def strike_start(self, server: Longshore, chance: random.Random) -> None:
        """A second disaster, while the server puts in order what the first one left."""
        server.spawn()
        time.sleep(chance.random() * 0.15)
        server.kill()

    def close(self) -> None:
        pass


class PowerCut:
    """A disk that forgets whatever was not synced when the power goes, at a random operation."""

    name = "cut"

    def __init__(self, directory: Path, seed: str, ignore: tuple[tuple[str, str], ...] = ()):
        """`ignore`: syncs that are only pretended, each `data` or `names` and a pattern of paths."""
        self._mountpoint = directory / "disk"
        self._mountpoint.mkdir()
        self._boot_id = directory / "boot_id"
        self._boot()
        script = f"mount --bind {self._boot_id} /proc/sys/kernel/random/boot_id && exec \"$@\""
        self.wrap = ("unshare", "--mount", "sh", "-c", script, "sh")
        """What servers are started with: the machine of each start after a cut is another run of it."""
        self.data = self._mountpoint / "data"
        self.split = False
        self._turn = threading.Lock()
        number = random.Random(seed).getrandbits(63)
        program = powercut_binary()
        self._process = spawn(
            [program, self._mountpoint, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer("ready")
        for kind, pattern in ignore:
            self.command(f"ignore {kind} {pattern}")

    def command(self, line: str) -> str:
        with self._turn:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self, wanted: str | None = None) -> str:
        answer = self._process.stdout.readline().rstrip("\n")
        assert answer and not answer.startswith("error") and wanted in (None, answer), f"powercut said {answer!r}"
        return answer

    def arm(self, chance: random.Random) -> None:
        self.split = chance.random() < 0.5
        self.command(f"split {'on' if self.split else 'off'}")
        self.command(f"delay {chance.choice([0, 0, 1, 4])}")
        self.arm_at(int(chance.triangular(5, 900, 60)))

    def arm_at(self, operation: int) -> None:
        """The power goes at this change or sync from now."""
        self.command(f"cut-after {operation}")
        self._until = time.monotonic() + LOAD_LIMIT

    def may_refuse(self) -> bool:
        return self.command("state") == "off"

    def wait(self) -> None:
        while not self.may_refuse():
            assert time.monotonic() < self._until, "the load changed nothing on disk"
            time.sleep(0.003)
        # What the server answers while its disk is dead counts too.
        time.sleep(0.03)

    def recover(self) -> None:
        self.command("delay 0")
        self.command("boot")
        self._boot()

    def _boot(self) -> None:
        self._boot_id.write_text(f"{uuid.uuid4()}\n")

    def strike_start(self, server: Longshore, chance: random.Random) -> None:
        (server.data_dir / "run/server.json").unlink(missing_ok=True)
        if chance.random() < 0.5:
            self.arm_at(chance.randrange(40))
        else:
            # Right after the journal of uploads was written anew.
            self.arm_at(1000)
            self.command("cut-at data **/staging/journal")
        process = server.spawn()
        # It either sees the cut and ends, or serves without needing that many changes.
        while process.poll() is None and not self.may_refuse() and not self._serves(server):
            assert time.monotonic() < self._until, "the server neither starts nor ends"
            time.sleep(0.003)
        self.command("cut")
        server.kill()
        self.recover()

    @staticmethod
    def _serves(server: Longshore) -> bool:
        try:
            return (server.data_dir / "run/server.json").exists()
        except OSError:
            return False  # the disk is dead

    def counts(self) -> dict[tuple[str, str], int]:
        """How often what was synced: (`data` or `names`, path) → times."""
        found = {}
        for row in self.command("counts").strip("\t").split("\t"):
            kind, rest = row.split(" ", 1)
            path, count = rest.rsplit(" ", 1)
            found[kind, path] = int(count)
        return found

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            end(self._process)


def powercut_binary() -> Path:
    """The file system's program, built with the server's."""
    named = os.environ.get("LONGSHORE_POWERCUT_BIN")
    path = Path(named) if named else binary().with_name("longshore-powercut")
    assert path.exists(), f"{path} does not exist: cargo build -p longshore-powercut"
    return path

