"""`longshore serve` on free ports with a data directory of its own."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .api import UsersApi
from .login import Login
from .processes import Argument, Finished, clean_environment, end, run, spawn, wait_until

ROOT = Path(__file__).resolve().parents[2]


def binary() -> Path:
    """The program under test: `LONGSHORE_BIN`, else the debug build."""
    named = os.environ.get("LONGSHORE_BIN")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(named).resolve() if named else target / "debug/longshore"
    assert path.exists(), f"{path} does not exist: cargo build, or name another one in LONGSHORE_BIN"
    return path


def longshore(*arguments: Argument, check: bool = True, timeout: float = 30, **env: str) -> Finished:
    """Runs a command of the program."""
    return run([binary(), *arguments], timeout=timeout, check=check, env=clean_environment(**env))


class Longshore:
    """A server that can be started, killed and started again on the same data directory."""

    def __init__(self, data_dir: Path, settings: dict[str, str] | None = None, wrap: Sequence[Argument] = ()):
        """`settings` are environment variables (`LONGSHORE_…`); `wrap` is put in front of the command."""
        self.data_dir = data_dir
        # How the server itself names the data directory; differs in a mount namespace of its own.
        self.served_dir = data_dir
        self.settings = settings or {}
        self.wrap = wrap
        self.process: subprocess.Popen | None = None
        self.log = data_dir.with_name(data_dir.name + ".log")
        self.known_hosts = data_dir.with_name(data_dir.name + ".known_hosts")
        self._key: str | None = None
        self._number = itertools.count(1)

    def __enter__(self) -> Longshore:
        return self.start()

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self, timeout: float = 60) -> Longshore:
        """Starts serving; returns when both ports answer."""
        self.spawn()
        self.wait_ready(timeout)
        return self

    def spawn(self) -> subprocess.Popen:
        """Starts the program without waiting."""
        server_file = self.data_dir / "run/server.json"
        server_file.unlink(missing_ok=True)
        argv = [
            *self.wrap,
            binary(),
            "serve",
            "--data-dir",
            self.served_dir,
            "--sftp-listen",
            "127.0.0.1:0",
            "--api-listen",
            "127.0.0.1:0",
        ]
        with self.log.open("ab") as log:
            self.process = spawn(argv, stdout=log, stderr=log, env=clean_environment(**self.settings))
        return self.process

    def wait_ready(self, timeout: float) -> None:
        def addresses():
            assert self.process and self.process.poll() is None, f"serve ended:\n{self.log_text()[-3000:]}"
            try:
                return json.loads((self.data_dir / "run/server.json").read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                return None

        found = wait_until(addresses, f"{self.data_dir}/run/server.json", timeout)
        self.pid = int(found["pid"])
        self.host, port = found["sftp"].rsplit(":", 1)
        self.port = int(port)
        self.api_host, api_port = found["api"].rsplit(":", 1)
        self.api_port = int(api_port)
        lines = self.command("host-key", "show", "--known-hosts", f"{self.host}:{self.port}").text
        self.known_hosts.write_text(lines)
        if self._key is None:
            self._key = self.command("api-key", "create", "--quiet").text.strip()
            assert re.fullmatch(r"\S+", self._key), self._key
        self.api = UsersApi(self.api_host, self.api_port, self._key)

    def command(self, *arguments: Argument, check: bool = True) -> Finished:
        """A command on the server's own machine."""
        return longshore(*arguments, "--data-dir", self.data_dir, check=check)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self.process is not None:
            end(self.process, signal.SIGKILL)
            self.process = None

    def fingerprint(self) -> str:
        """`SHA256:…` of the Ed25519 host key, computed from the known_hosts line by ssh-keygen."""
        ed25519 = [line for line in self.known_hosts.read_text().splitlines() if " ssh-ed25519 " in line]
        shown = run(["ssh-keygen", "-l", "-f", "-"], stdin=ed25519[0].encode()).text
        return shown.split()[1]

    def bucket(self) -> Path:
        """Published files of the only bucket."""
        (files,) = (self.data_dir / "buckets").glob("*/files")
        return files

    def login(self, user: dict) -> Login:
        """The login of a user as CreateUser answered it."""
        return Login(
            host=self.host,
            port=self.port,
            user=user["username"],
            password=user["password"],
            known_hosts=self.known_hosts,
            fingerprint=self.fingerprint(),
            home=self.bucket() / user["homeDirectory"].strip("/"),
        )

    def new_login(self, home: str | None = None) -> Login:
        """Creates a user, with a home of its own unless one is named."""
        return self.login(self.api.create_user(home or f"/homes/user-{next(self._number)}"))
