"""PuTTY's psftp in batch mode."""

from __future__ import annotations

import re

from ..processes import Finished, clean_environment, run
from .base import EVERYTHING, Client, path_bytes

# What `ls` shows is the long name that the server wrote: mode, links, owner, group, size, three words of date, name.
LONG_NAME = re.compile(rb"^\S{10}\s+\d+\s+\S+\s+\S+\s+\d+\s+\w{3}\s+\d+\s+[\d:]+ (.*)$", re.M)


class Psftp(Client):
    name = "psftp"
    odd_bytes = EVERYTHING - {"list"}  # it leaves them out of what it prints
    keeps_times = frozenset()

    def batch(self, *lines: bytes, timeout: float = 60) -> Finished:
        """Runs commands; the first one that fails ends it."""
        login = self.login
        if login.key:
            key = self.work / "key.ppk"
            run(["puttygen", login.key, "-o", key])
            proof = ["-i", key]
        else:
            proof = ["-pwfile", self.secret_file("password", f"{login.password}\n")]
        script = self.work / "script"
        script.write_bytes(b"".join(line + b"\n" for line in lines))
        where = ["-P", str(login.port), "-hostkey", login.fingerprint, f"{login.user}@{login.host}"]
        return run(
            ["psftp", "-batch", "-noagent", *proof, "-b", script, *where],
            env=clean_environment(HOME=str(self.work)),
            timeout=timeout,
        )

    def put(self, local, remote):
        self.batch(b"put %s %s" % (_word(path_bytes(local)), _word(remote)), timeout=150)

    def get(self, remote, local):
        self.batch(b"get %s %s" % (_word(remote), _word(path_bytes(local))), timeout=150)

    def list(self, directory):
        shown = self.batch(b"ls %s" % _word(directory)).stdout
        return {match[1].rstrip(b"\r") for match in LONG_NAME.finditer(shown)} - {b".", b".."}

    def rename(self, old, new):
        self.batch(b"mv %s %s" % (_word(old), _word(new)))

    def remove(self, remote):
        self.batch(b"del %s" % _pattern(remote))

    def mkdir(self, remote):
        self.batch(b"mkdir %s" % _word(remote))

    def rmdir(self, remote):
        self.batch(b"rmdir %s" % _pattern(remote))

    def put_tree(self, local, remote):
        self.batch(b"put -r %s %s" % (_word(path_bytes(local)), _word(remote)))

    def get_tree(self, remote, local):
        self.batch(b"get -r %s %s" % (_word(remote), _word(path_bytes(local))))


def _word(name: bytes) -> bytes:
    """psftp doubles quotes inside quotes."""
    return b'"' + name.replace(b'"', b'""') + b'"'


def _pattern(name: bytes) -> bytes:
    """A word where psftp takes patterns."""
    return _word(re.sub(rb"([\[\]*?\\])", rb"\\\1", name))
