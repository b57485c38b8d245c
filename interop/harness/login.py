"""Who logs in where: all that a client adapter is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Login:
    """One account on one server, and where its home lies on disk so that tests can look behind the scenes."""

    host: str
    port: int
    user: str
    known_hosts: Path
    fingerprint: str
    """`SHA256:…` of the server's Ed25519 host key."""
    home: Path
    password: str | None = field(default=None, repr=False)
    key: Path | None = None
    """Private key in OpenSSH's format, where the server takes no password (the control server)."""

    def on_disk(self, remote: bytes) -> Path:
        """The published file behind a remote path."""
        import os

        return self.home / os.fsdecode(remote.lstrip(b"/"))
