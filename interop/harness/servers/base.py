"""What all servers have in common."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..login import Login
from ..processes import run
from .accounts import PASSWORD, USER
from .daemon import LOCALHOST, Daemon


class Server(Daemon):
    name: str
    """As the tests call it."""
    refuses_commands: tuple[int, str] | None = None
    """With which exit code and words `longshore run` fails, where there are no commands."""
    continues_uploads = True
    """Whether what is there of a file outlives its being opened for writing."""

    def prepare(self) -> None:
        self.home = self.directory / "home"
        self.home.mkdir()
        for name in ("host", "user"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.directory / name])
        shutil.copy(self.directory / "user.pub", self.directory / "authorized_keys")

    @property
    def login(self) -> Login:
        known_hosts = self.directory / "known_hosts"
        known_hosts.write_text(self.known_hosts_line())
        return Login(
            host=LOCALHOST,
            port=self.port,
            user=USER,
            password=PASSWORD,
            key=self.directory / "user",
            known_hosts=known_hosts,
            fingerprint=run(["ssh-keygen", "-l", "-f", self.directory / "host.pub"]).text.split()[1],
            home=self.home,
        )

    def known_hosts_line(self) -> str:
        kind, blob = (self.directory / "host.pub").read_text().split()[:2]
        return f"[{LOCALHOST}]:{self.port} {kind} {blob}\n"

    def empty_home(self) -> None:
        """So that a test finds nothing of the one before."""
        for path in self.home.iterdir():
            if path.name.startswith("."):
                continue  # what the server itself needs
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def on_disk(self, remote: str) -> Path:
        return self.home / remote
