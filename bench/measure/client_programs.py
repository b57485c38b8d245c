"""The clients that are compared: ours, OpenSSH's `sftp`, `lftp`. One call is one whole command, from start to end."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .client import Client
from .servers import LOCALHOST, Login

TIMEOUT = 1800


@dataclass
class Run:
    """What a command took."""

    wall: float
    cpu: float
    """User and system time, children included."""
    peak_kib: int
    """Most resident memory, that of the children added; 0 unless it was watched."""
    output: str


def run(argv: list, text: str = "", environment: dict[str, str] | None = None, watch: bool = False) -> Run:
    """Runs a command to its end; it must succeed. `watch` looks at its memory fifty times a second."""
    started = time.monotonic()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    peak = _Peak(process.pid)
    if watch:
        peak.start()
    killer = threading.Timer(TIMEOUT, process.kill)
    killer.start()
    try:
        process.stdin.write(text.encode())
        process.stdin.close()
        output = process.stdout.read().decode(errors="replace")
        # not Popen.wait: only wait4 tells the CPU of this child alone, and of those that it has waited for
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        killer.cancel()
        peak.ended = True
        process.stdout.close()
    wall = time.monotonic() - started
    if process.returncode != 0:
        raise RuntimeError(f"{argv[0]} failed with {process.returncode} on {text!r}:\n{output[-2000:]}")
    if watch:
        peak.join()
    return Run(wall, usage.ru_utime + usage.ru_stime, sum(peak.seen.values()), output)


class _Peak(threading.Thread):
    """Notes the high-water mark (VmHWM) of a process and of each of its children."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid = pid
        self.ended = False
        self.seen: dict[int, int] = {}

    def run(self) -> None:
        while not self.ended:
            for pid in [self.pid, *processes.children(self.pid)]:
                self.seen[pid] = max(self.seen.get(pid, 0), processes.peak_kib(pid))
            time.sleep(0.02)


class Ours:
    """`longshore put` and `get`."""

    name = "longshore"

    def __init__(self, binary: Path):
        self.binary = binary

    def put(self, login: Login, local: Path, remote: str, tree: bool = False, watch: bool = False) -> Run:
        return self._run("put", login, tree, watch, local, self._target(login, remote))

    def get(self, login: Login, remote: str, local: Path, tree: bool = False, watch: bool = False) -> Run:
        return self._run("get", login, tree, watch, self._target(login, remote), local)

    def after_connect(self, login: Login, finished: Run) -> float:
        """Seconds of a command's only file by its receipt, which counts from when the session stands."""
        events = [json.loads(line) for line in finished.output.splitlines()]
        return next(event["receipt"]["seconds"] for event in events if event["event"] == "finished")

    def _run(self, command: str, login: Login, tree: bool, watch: bool, *ends: Path | str) -> Run:
        argv = [self.binary, command, *(["-r"] if tree else ["--jsonl"]), "-F", "none", "-P", str(login.port)]
        argv += ["-i", login.key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]
        return run([*argv, "--known-hosts", login.known_hosts, *ends], watch=watch)

    def _target(self, login: Login, remote: str) -> str:
        return f"{login.user}@{LOCALHOST}:{remote}"


class OpenSsh:
    """`sftp -b`."""

    name = "sftp"

    def __init__(self, client: Client):
        self.client = client

    def put(self, login: Login, local: Path, remote: str, tree: bool = False, watch: bool = False) -> Run:
        return self.batch(login, f"put {'-r ' if tree else ''}{local} {remote}\n", watch)

    def get(self, login: Login, remote: str, local: Path, tree: bool = False, watch: bool = False) -> Run:
        return self.batch(login, f"get {'-r ' if tree else ''}{remote} {local}\n", watch)

    def batch(self, login: Login, commands: str, watch: bool = False) -> Run:
        argv, environment = self.client.command(login)
        return run(argv, commands, environment, watch)

    def after_connect(self, login: Login, finished: Run) -> float:
        """Seconds of a command without those for connecting, which a session that only asks for its directory takes."""
        return finished.wall - self.batch(login, "pwd\n").wall


class Lftp:
    """`lftp`, with eight connections."""

    name = "lftp, 8 connections"

    def put(self, login: Login, local: Path, remote: str, tree: bool = False) -> Run:
        return self._mirror(login, f"mirror --reverse --parallel=8 {local} {remote}")

    def get(self, login: Login, remote: str, local: Path, tree: bool = False) -> Run:
        return self._mirror(login, f"mirror --parallel=8 {remote} {local}")

    def _mirror(self, login: Login, command: str) -> Run:
        options = {
            "UserKnownHostsFile": str(login.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentityFile": str(login.key),
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
        }
        ssh = ["ssh", "-a", "-x", "-F", "none"]
        ssh += [text for name, value in options.items() for text in ("-o", f"{name}={value}")]
        script = f"""set cmd:fail-exit yes
set net:max-retries 1
set sftp:auto-confirm yes
set sftp:connect-program "{shlex.join(ssh)}"
open -u {login.user}, -p {login.port} sftp://{LOCALHOST}
{command}
"""
        return run(["lftp", "--norc"], script)
