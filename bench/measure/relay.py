"""The delay relay: a long line on this machine."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from .servers import LOCALHOST, Login


class Relay:
    """The relay in front of a port; gives the port to connect to."""

    def __init__(self, binary: Path, port: int, delay_ms: float):
        self.argv = [binary, f"{LOCALHOST}:{port}", f"{delay_ms:.0f}"]

    def __enter__(self) -> int:
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return int(self.process.stdout.readline().rsplit(":", 1)[1])

    def __exit__(self, *_) -> None:
        self.process.stdin.close()  # that is what ends it
        self.process.wait(10)
        self.process.stdout.close()


class Far:
    """A server at a distance: gives a login whose port is the relay's, and whose known hosts name that port."""

    def __init__(self, relay: Path, login: Login, round_trip_ms: float):
        self.login = login
        self.relay = Relay(relay, login.port, round_trip_ms / 2)

    def __enter__(self) -> Login:
        port = self.relay.__enter__()
        known = self.login.known_hosts.read_text().replace(f"]:{self.login.port} ", f"]:{port} ")
        known_hosts = self.login.known_hosts.with_name(f"known_hosts-{port}")
        known_hosts.write_text(known)
        return replace(self.login, port=port, known_hosts=known_hosts)

    def __exit__(self, *_) -> None:
        self.relay.__exit__()
