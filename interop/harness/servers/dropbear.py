"""Dropbear, which starts OpenSSH's `sftp-server` for SFTP."""

from __future__ import annotations

import shutil

from ..processes import run
from .accounts import UID, give_to, with_accounts, write_accounts
from .base import Server
from .daemon import LOCALHOST


class Dropbear(Server):
    name = "dropbear"

    def prepare(self) -> None:
        super().prepare()
        write_accounts(self.directory, self.home)
        # It looks for keys here, and only where nobody else could have put them.
        ssh = self.home / ".ssh"
        ssh.mkdir(mode=0o700)
        keys = ssh / "authorized_keys"
        shutil.copy(self.directory / "user.pub", keys)
        keys.chmod(0o600)
        give_to(UID, self.home, ssh, keys)
        # A host key in its own format.
        made = self.directory / "dropbear_host"
        run(["dropbearkey", "-t", "ed25519", "-f", made])
        public = run(["dropbearkey", "-y", "-f", made]).text
        line = next(line for line in public.splitlines() if line.startswith("ssh-ed25519 "))
        (self.directory / "host.pub").write_text(line + "\n")

    def command(self, port):
        dropbear = shutil.which("dropbear") or "/usr/sbin/dropbear"
        arguments = ["-F", "-E", "-p", f"{LOCALHOST}:{port}", "-r", self.directory / "dropbear_host"]
        return [*with_accounts(self.directory), dropbear, *arguments, "-P", self.directory / "pid"]
