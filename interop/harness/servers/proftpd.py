"""ProFTPD with mod_sftp: an account from a file of its own, no commands."""

from __future__ import annotations

import shutil

from ..processes import run
from .accounts import NOBODY, PASSWORD, USER, as_nobody, give_to
from .base import Server
from .daemon import LOCALHOST


class Proftpd(Server):
    name = "proftpd"
    refuses_commands = (255, "the server refused the request")

    def prepare(self) -> None:
        super().prepare()
        secret = run(["openssl", "passwd", "-6", "-stdin"], stdin=PASSWORD.encode()).text.strip()
        accounts = self.directory / "accounts"
        accounts.write_text(f"{USER}:{secret}:{NOBODY}:{NOBODY}::{self.home}:/bin/false\n")
        accounts.chmod(0o600)
        # It takes keys in the form of RFC 4716 only.
        keys = self.directory / "keys"
        keys.write_text(run(["ssh-keygen", "-e", "-m", "RFC4716", "-f", self.directory / "user.pub"]).text)
        give_to(NOBODY, self.directory, self.home, accounts, keys, self.directory / "host")

    def command(self, port):
        config = self.directory / "proftpd.conf"
        config.write_text(
            f"""
            ModulePath /usr/lib/proftpd
            LoadModule mod_sftp.c
            ServerType standalone
            ServerName "the tests'"
            DefaultAddress {LOCALHOST}
            SocketBindTight on
            Port {port}
            UseIPv6 off
            UseReverseDNS off
            User nobody
            Group nogroup
            PidFile {self.directory}/pid
            ScoreboardFile {self.directory}/scoreboard
            DelayEngine off
            WtmpLog off
            TransferLog none
            RequireValidShell off
            AuthOrder mod_auth_file.c
            AuthUserFile {self.directory}/accounts
            AllowOverwrite on
            AllowStoreRestart on
            AllowRetrieveRestart on
            MaxInstances none
            SFTPEngine on
            SFTPHostKey {self.directory}/host
            SFTPAuthorizedUserKeys file:{self.directory}/keys
            SFTPAuthMethods publickey password
            SFTPLog {self.directory}/sftp.log
            """
        )
        proftpd = shutil.which("proftpd") or "/usr/sbin/proftpd"
        return [*as_nobody(), proftpd, "--nodaemon", "--quiet", "-c", config]
