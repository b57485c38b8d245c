"""OpenSSH's server as the control: what holds for both servers is first shown to hold there, so that a failing test
speaks about Longshore and not about itself. Each user has a server process and a key of its own, jailed by chroot(2),
which needs root."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
from pathlib import Path

from .login import Login
from .processes import end, run, spawn, wait_until

LOCALHOST = "127.0.0.1"


class OpensshServer:
    subsystem = "internal-sftp"
    """What serves SFTP where users are not jailed."""

    def __init__(self, directory: Path, jail: bool = True):
        """`directory` must belong to root all the way up, as ChrootDirectory wants."""
        self.directory = directory
        self.jail = jail
        self.servers: list[subprocess.Popen] = []
        self._number = itertools.count(1)
        self.log = directory / "log"
        directory.mkdir(parents=True)
        for name in ("host_key", "user_key"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name])
        shutil.copy(directory / "user_key.pub", directory / "authorized_keys")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # its privilege separation directory

    def __enter__(self) -> OpensshServer:
        return self

    def __exit__(self, *_) -> None:
        for server in self.servers:
            end(server)

    def new_login(self, home: str | None = None) -> Login:
        path = self.directory / "homes" / (home or f"user-{next(self._number)}").lstrip("/")
        path.mkdir(parents=True)
        port = _free_port()
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        options = {
            "ListenAddress": f"{LOCALHOST}:{port}",
            "HostKey": self.directory / "host_key",
            "AuthorizedKeysFile": self.directory / "authorized_keys",
            "PidFile": "none",
            "PermitRootLogin": "yes",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "UsePAM": "no",
            "StrictModes": "no",
            "MaxStartups": "100",
            "Subsystem": f"sftp {self.subsystem}",
            **({"ChrootDirectory": path, "ForceCommand": "internal-sftp"} if self.jail else {}),
            **({} if self.jail else {"ForceCommand": f"{self.subsystem} -d {path}"}),
        }
        arguments = [text for key, value in options.items() for text in ("-o", f"{key}={value}")]
        with self.log.open("ab") as log:
            server = spawn([sshd, "-D", "-e", "-f", "/dev/null", *arguments], stdout=log, stderr=log)
        self.servers.append(server)

        def answers():
            assert server.poll() is None, self.log.read_text()[-2000:]
            with socket.socket() as probe:
                return probe.connect_ex((LOCALHOST, port)) == 0

        wait_until(answers, "sshd")
        known_hosts = self.directory / f"known_hosts-{port}"
        kind, blob = (self.directory / "host_key.pub").read_text().split()[:2]
        known_hosts.write_text(f"[{LOCALHOST}]:{port} {kind} {blob}\n")
        return Login(
            host=LOCALHOST,
            port=port,
            user=run(["id", "-un"]).text.strip(),
            key=self.directory / "user_key",
            known_hosts=known_hosts,
            fingerprint=run(["ssh-keygen", "-l", "-f", self.directory / "host_key.pub"]).text.split()[1],
            home=path,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return probe.getsockname()[1]
