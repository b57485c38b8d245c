"""Programs with a time limit: nothing that a test starts outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Argument = str | bytes | Path


class ProgramFailed(AssertionError):
    """A program ended with another status than zero, or not at all."""


@dataclass(frozen=True)
class Finished:
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def errors(self) -> str:
        return self.stderr.decode("utf-8", "replace")


def clean_environment(**more: str) -> dict[bytes, bytes]:
    """The environment without what would change how a client behaves (agents, proxies, locale), and `more`."""
    drop = (b"SSH_", b"LC_", b"LANG", b"LONGSHORE_", b"RCLONE_", b"LFTP_", b"http_proxy", b"https_proxy", b"ALL_PROXY")
    kept = {k: v for k, v in os.environb.items() if not k.startswith(drop) and not k.lower().endswith(b"_proxy")}
    kept[b"LC_ALL"] = b"C.UTF-8"
    kept[b"TZ"] = b"UTC"
    kept.update({os.fsencode(k): os.fsencode(v) for k, v in more.items()})
    return kept


def spawn(argv: Sequence[Argument], **options) -> subprocess.Popen:
    """Starts a program in a process group of its own, so that `end` reaches its children too."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([os.fspath(a) for a in argv], start_new_session=True, **options)


def end(process: subprocess.Popen, how: int = signal.SIGKILL, timeout: float = 20) -> int:
    """Sends `how` to the program and its children and waits; after `timeout` it is killed."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            pass
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait(timeout)


def run(
    argv: Sequence[Argument],
    *,
    timeout: float = 60,
    stdin: bytes | None = None,
    env: dict[bytes, bytes] | None = None,
    cwd: Path | None = None,
    check: bool = True,
) -> Finished:
    """Runs a program to its end and gives back what it said.

    Raises `ProgramFailed` when it takes longer than `timeout` seconds, and, with `check`, when its status is not 0.
    """
    pipe = subprocess.PIPE
    process = spawn(
        argv,
        stdin=pipe if stdin is not None else subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env=env if env is not None else clean_environment(),
        cwd=cwd,
    )
    try:
        stdout, stderr = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        end(process)
        stdout, stderr = process.communicate()
        raise ProgramFailed(f"{argv[0]!r} did not end within {timeout} s\n{_shown(stdout, stderr)}") from None
    except BaseException:
        end(process)
        raise
    finally:
        _end_group(process.pid)
    finished = Finished(process.returncode, stdout, stderr)
    if check and finished.status != 0:
        raise ProgramFailed(f"{argv!r} ended with {finished.status}\n{_shown(stdout, stderr)}")
    return finished


def _end_group(leader: int) -> None:
    """Ends what a program that is gone left running in the background."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _shown(stdout: bytes, stderr: bytes) -> str:
    def tail(data: bytes) -> str:
        return data[-3000:].decode("utf-8", "backslashreplace")

    return f"--- stdout\n{tail(stdout)}\n--- stderr\n{tail(stderr)}"


def wait_until(condition: Callable[[], object], what: str, timeout: float = 20, every: float = 0.02):
    """Polls until `condition` gives something true, and gives it back. `AssertionError` naming `what` otherwise."""
    until = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(every)


def resident(pid: int) -> int:
    """Bytes of memory that a process has now."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
