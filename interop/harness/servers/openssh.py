"""OpenSSH's sshd, with password, key and keyboard-interactive (PAM)."""

from __future__ import annotations

import shutil
from pathlib import Path

from .accounts import UID, give_to, with_accounts, write_accounts
from .base import Server
from .daemon import LOCALHOST


class Openssh(Server):
    name = "openssh"

    def prepare(self) -> None:
        super().prepare()
        write_accounts(self.directory, self.home)
        give_to(UID, self.home)
        Path("/run/sshd").mkdir(exist_ok=True)  # its privilege separation directory

    def command(self, port):
        options = {
            "ListenAddress": f"{LOCALHOST}:{port}",
            "HostKey": self.directory / "host",
            "AuthorizedKeysFile": self.directory / "authorized_keys",
            "StrictModes": "no",
            "UsePAM": "yes",
            "PasswordAuthentication": "yes",
            "KbdInteractiveAuthentication": "yes",
            "PidFile": "none",
            "LogLevel": "VERBOSE",
            "MaxStartups": "100",
            "Subsystem": "sftp internal-sftp",
        }
        arguments = [text for key, value in options.items() for text in ("-o", f"{key}={value}")]
        sshd = shutil.which("sshd") or "/usr/sbin/sshd"
        return [*with_accounts(self.directory), sshd, "-D", "-e", "-f", "/dev/null", *arguments]
