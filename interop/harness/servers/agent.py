"""An ssh-agent of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..processes import clean_environment, end, run, spawn, wait_until


@contextmanager
def agent(directory: Path, *keys: Path) -> Iterator[Path]:
    """Its socket; it holds these keys in this order."""
    socket = directory / "agent"
    process = spawn(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        wait_until(socket.exists, "ssh-agent")
        for key in keys:
            run(["ssh-add", "-q", key], env=clean_environment(SSH_AUTH_SOCK=str(socket)))
        yield socket
    finally:
        end(process)
        socket.unlink(missing_ok=True)
