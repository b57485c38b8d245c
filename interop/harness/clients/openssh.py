"""OpenSSH's sftp (batch mode) and scp (over SFTP, its default since 9.0)."""

from __future__ import annotations

import re
from pathlib import Path

from ..processes import Finished, clean_environment, run
from .base import Client, path_bytes, quoted, unescape_octal

# Gives the password, and notes each time that it was asked.
ASKPASS = b'#!/bin/sh\necho asked >>"$HOME/asked"\nprintf "%s\\n" "$LONGSHORE_TEST_PASSWORD"\n'


class OpensshClient(Client):
    """What sftp, scp and ssh have in common: host key, key or password."""

    large = 1 << 30

    def options(self) -> list[str]:
        login = self.login
        chosen = [
            "-F",
            "none",
            # sftp -b sets BatchMode, which would forbid passwords; the first value counts.
            "-oBatchMode=no",
            f"-oUserKnownHostsFile={login.known_hosts}",
            "-oGlobalKnownHostsFile=/dev/null",
            "-oStrictHostKeyChecking=yes",
            "-oNumberOfPasswordPrompts=1",
            "-oConnectTimeout=20",
        ]
        if login.key:
            chosen += [f"-oIdentityFile={login.key}", "-oIdentitiesOnly=yes"]
        return chosen

    def environment(self) -> dict[bytes, bytes]:
        askpass = self.work / "askpass"
        if not askpass.exists():
            askpass.write_bytes(ASKPASS)
            askpass.chmod(0o700)
        return clean_environment(
            HOME=str(self.work),
            SSH_ASKPASS=str(askpass),
            SSH_ASKPASS_REQUIRE="force",
            LONGSHORE_TEST_PASSWORD=self.login.password or "",
        )


class OpensshSftp(OpensshClient):
    name = "sftp"

    def command(self, *extra: str, batch: str = "-") -> list[str]:
        login = self.login
        return ["sftp", *self.options(), "-P", str(login.port), *extra, "-b", batch, f"{login.user}@{login.host}"]

    def batch(self, *lines: bytes, timeout: float = 60, extra: tuple[str, ...] = ()) -> Finished:
        """Runs commands; the first one that fails ends it."""
        script = b"".join(line + b"\n" for line in lines)
        return run(self.command(*extra), stdin=script, env=self.environment(), timeout=timeout)

    def put(self, local, remote):
        self.batch(b"put -p %s %s" % (_name(path_bytes(local)), _name(remote)), timeout=150)

    def get(self, remote, local):
        self.batch(b"get -p %s %s" % (_name(remote), _name(path_bytes(local))), timeout=150)

    def list(self, directory):
        shown = self.batch(b"ls -1a %s" % _name(directory)).stdout
        lines = [line for line in shown.split(b"\n") if line and not line.startswith(b"sftp> ")]
        names = {unescape_octal(line.rstrip(b"/")).rsplit(b"/", 1)[-1] for line in lines}
        return names - {b".", b".."}

    def rename(self, old, new):
        self.batch(b"rename %s %s" % (_name(old), _name(new)))

    def remove(self, remote):
        self.batch(b"rm %s" % _name(remote))

    def mkdir(self, remote):
        self.batch(b"mkdir %s" % _name(remote))

    def rmdir(self, remote):
        self.batch(b"rmdir %s" % _name(remote))

    def put_tree(self, local, remote):
        self.batch(b"mkdir %s" % _name(remote), b"put -r %s/. %s" % (_name(path_bytes(local)), _name(remote)))

    def get_tree(self, remote, local):
        local.mkdir()
        self.batch(b"get -r %s/. %s" % (_name(remote), _name(path_bytes(local))))


class Scp(OpensshClient):
    name = "scp"
    operations = frozenset({"put", "get", "put_tree", "get_tree"})

    def command(self, *arguments: bytes | Path | str) -> list[bytes | Path | str]:
        return ["scp", *self.options(), "-p", "-P", str(self.login.port), *arguments]

    def remote(self, path: bytes) -> bytes:
        # scp globs remote sources in SFTP mode, so what is special to glob(3) is escaped by the caller.
        return b"%s@%s:%s" % (self.login.user.encode(), self.login.host.encode(), path)

    def put(self, local, remote):
        run(self.command(local, self.remote(remote)), env=self.environment(), timeout=150)

    def get(self, remote, local):
        run(self.command(self.remote(_glob_escaped(remote)), local), env=self.environment(), timeout=150)

    def put_tree(self, local, remote):
        run(self.command("-r", local, self.remote(remote)), env=self.environment())

    def get_tree(self, remote, local):
        run(self.command("-r", self.remote(remote), local), env=self.environment())


def _glob_escaped(path: bytes) -> bytes:
    return re.sub(rb"([\[\]*?\\])", rb"\\\1", path)


def _name(path: bytes) -> bytes:
    """A word of sftp's command line; inside quotes it takes `*`, `?` and `[` as they are."""
    return quoted(path)
