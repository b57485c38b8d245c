"""A program that listens on a port of 127.0.0.1, in a directory of its own, until it is stopped."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..processes import Argument, clean_environment, end, spawn, wait_until

LOCALHOST = "127.0.0.1"


class Daemon:
    """Made by a `with` statement."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="longshore-daemon-"))
        self.directory.chmod(0o755)  # for those who give up being root
        self.log = self.directory / "log"
        self.process: subprocess.Popen | None = None
        self.port = 0

    def prepare(self) -> None:
        """Writes what does not depend on the port."""

    def command(self, port: int) -> Sequence[Argument]:
        """Writes what depends on the port; gives the command line."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def __enter__(self):
        self.prepare()
        for _ in range(5):  # somebody else may take the port first
            self.port = _free_port()
            with self.log.open("ab") as log:
                self.process = spawn(
                    self.command(self.port),
                    stdout=log,
                    stderr=log,
                    cwd=self.directory,
                    env=clean_environment(**self.environment()),
                )
            if self._answers():
                return self
        raise AssertionError(f"{type(self).__name__} did not come up:\n{self.log_text()[-3000:]}")

    def __exit__(self, *_) -> None:
        if self.process is not None:
            end(self.process)
        shutil.rmtree(self.directory)

    def _answers(self) -> bool:
        def settled():
            if self.process.poll() is not None:
                return "ended"
            with socket.socket() as probe:
                return "answers" if probe.connect_ex((LOCALHOST, self.port)) == 0 else None

        return wait_until(settled, f"{type(self).__name__} to listen", timeout=60) == "answers"

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return probe.getsockname()[1]
