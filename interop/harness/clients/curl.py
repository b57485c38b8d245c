"""curl with sftp:// (libssh2)."""

from __future__ import annotations

import os
import shutil
import urllib.parse
from pathlib import Path

from ..processes import Argument, Finished, clean_environment, run
from .base import Client, quoted


class Curl(Client):
    name = "curl"
    operations = frozenset({"put", "get", "list", "rename", "remove", "mkdir", "rmdir", "put_tree"})
    keeps_times = frozenset({"get"})

    def curl(self, remote: bytes, *arguments: Argument, timeout: float = 60) -> Finished:
        login = self.login
        ssh = self.work / ".ssh"
        ssh.mkdir(exist_ok=True)
        shutil.copy(login.known_hosts, ssh / "known_hosts")
        secret = [f'user = "{login.user}:{login.password or ""}"']
        if login.key:
            secret += [f'key = "{login.key}"', f'pubkey = "{login.key}.pub"']
        config = self.secret_file("curlrc", "\n".join([*secret, ""]))
        url = b"sftp://%s:%d%s" % (login.host.encode(), login.port, urllib.parse.quote(remote).encode())
        return run(
            ["curl", "-q", "-sS", "--globoff", "--connect-timeout", "20", "-K", config, *arguments, url],
            env=clean_environment(HOME=str(self.work)),
            timeout=timeout,
        )

    def quote(self, command: bytes) -> None:
        """Runs one of its quote commands; it insists on fetching something, so it lists the root as well."""
        self.curl(b"/", "-o", "/dev/null", "-Q", command)

    def put(self, local, remote):
        self.curl(remote, "-T", local, timeout=150)

    def get(self, remote, local):
        self.curl(remote, "--remote-time", "-o", local, timeout=150)

    def list(self, directory):
        shown = self.curl(directory.rstrip(b"/") + b"/", "--list-only").stdout
        return set(shown.splitlines()) - {b".", b".."}

    def rename(self, old, new):
        self.quote(b"rename %s %s" % (quoted(old), quoted(new)))

    def remove(self, remote):
        self.quote(b"rm %s" % quoted(remote))

    def mkdir(self, remote):
        self.quote(b"mkdir %s" % quoted(remote))

    def rmdir(self, remote):
        self.quote(b"rmdir %s" % quoted(remote))

    def put_tree(self, local, remote):
        """File by file, making missing directories on the way; empty directories by hand."""
        for where, directories, files in os.walk(local):
            base = remote + b"/" + os.path.relpath(os.fsencode(where), os.fsencode(local))
            for name in files:
                target = os.path.normpath(base + b"/" + os.fsencode(name))
                self.curl(target, "--ftp-create-dirs", "-T", Path(where, name))
            if not directories and not files:
                self.mkdir(os.path.normpath(base))
