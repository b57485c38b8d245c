"""lftp: single commands and `mirror`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from ..processes import Finished, clean_environment, run
from .base import Client, path_bytes, quoted


class Lftp(Client):
    name = "lftp"
    keeps_times = frozenset({"get"})
    large = 1 << 30

    def script(self, *lines: bytes, timeout: float = 60) -> Finished:
        """Runs commands; the first one that fails ends it. The password stays out of the arguments."""
        login = self.login
        ssh = ["ssh", "-a", "-x", "-F", "none", f"-oUserKnownHostsFile={login.known_hosts}"]
        ssh += ["-oGlobalKnownHostsFile=/dev/null", "-oStrictHostKeyChecking=yes"]
        if login.key:
            ssh += [f"-oIdentityFile={login.key}", "-oIdentitiesOnly=yes"]
        settings = [
            "set cmd:fail-exit yes",
            "set net:max-retries 1",
            "set net:timeout 20",
            f"set sftp:connect-program {quoted(shlex.join(ssh).encode()).decode()}",
            f"open -u {login.user},{login.password or 'unused'} -p {login.port} sftp://{login.host}",
        ]
        script = self.secret_file("script", "")
        script.write_bytes(b"\n".join([*(line.encode() for line in settings), *lines, b""]))
        return run(["lftp", "--norc", "-f", script], env=clean_environment(HOME=str(self.work)), timeout=timeout)

    def put(self, local, remote):
        self.script(b"put %s -o %s" % (quoted(path_bytes(local)), quoted(remote)), timeout=150)

    def get(self, remote, local):
        self.script(b"get %s -o %s" % (quoted(remote), quoted(path_bytes(local))), timeout=150)

    def list(self, directory):
        shown = self.script(b"cls -1a %s" % quoted(directory + b"/")).stdout
        return {os.path.basename(line.rstrip(b"/")) for line in shown.splitlines()} - {b".", b".."}

    def rename(self, old, new):
        self.script(b"mv %s %s" % (quoted(old), quoted(new)))

    def remove(self, remote):
        self.script(b"rm %s" % quoted(remote))

    def mkdir(self, remote):
        self.script(b"mkdir %s" % quoted(remote))

    def rmdir(self, remote):
        self.script(b"rmdir %s" % quoted(remote))

    def put_tree(self, local, remote):
        self.script(b"mirror -R %s %s" % (quoted(path_bytes(local)), quoted(remote)))

    def get_tree(self, remote, local):
        self.script(b"mirror %s %s" % (quoted(remote), quoted(path_bytes(local))))
