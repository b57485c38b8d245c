"""A user's home mounted with sshfs."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .login import Login
from .processes import Argument, clean_environment, end, run, spawn, wait_until


@contextlib.contextmanager
def mounted(login: Login, work: Path, *options: str) -> Iterator[Path]:
    """Mounts the home as sshfs does without options, other than those that say who logs in where."""
    mountpoint = work / "mounted"
    mountpoint.mkdir()
    log = work / "sshfs.log"
    with log.open("wb") as output:
        process = spawn(
            _command(login, mountpoint, options),
            stdin=subprocess.PIPE if login.password else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=clean_environment(HOME=str(work)),
        )
    try:
        if login.password:
            process.stdin.write(login.password.encode() + b"\n")
            process.stdin.close()

        def is_there() -> bool:
            assert process.poll() is None, f"sshfs ended: {log.read_text(errors='replace')}"
            return mountpoint.is_mount()

        wait_until(is_there, "sshfs to mount")
        yield mountpoint
        # Not lazily: everything is written back and closed once this returns.
        wait_until(lambda: run(["fusermount3", "-u", mountpoint], check=False).status == 0, "sshfs to let go")
        process.wait(20)
    finally:
        end(process)
        run(["fusermount3", "-u", "-z", mountpoint], check=False)


def _command(login: Login, mountpoint: Path, options: tuple[str, ...]) -> list[Argument]:
    command: list[Argument] = ["sshfs", "-f", "-p", str(login.port), f"{login.user}@{login.host}:/", mountpoint]
    chosen = [
        f"UserKnownHostsFile={login.known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "NumberOfPasswordPrompts=1",
        *(["password_stdin"] if login.password else [f"IdentityFile={login.key}", "IdentitiesOnly=yes"]),
        *options,
    ]
    for option in chosen:
        command += ["-o", option]
    return command
