"""What every client can be asked to do, and what each one can express."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..login import Login


EVERYTHING = frozenset({"put", "get", "list", "rename", "remove", "mkdir", "rmdir", "put_tree", "get_tree"})


class Client:
    """One client program or library, logging in anew for each call.

    Remote names are bytes and absolute. Failures raise (`ProgramFailed`, or what a library raises)."""

    name: str
    operations = EVERYTHING
    odd_bytes = EVERYTHING
    """Operations in which it can name, and show, files whose names are not UTF-8."""
    keeps_times = frozenset({"put", "get"})
    """Directions in which it can be told to keep time stamps."""
    large = 64 << 20
    """Size of the large file that it moves in the tests."""

    def __init__(self, login: Login, work: Path):
        """`work` is an empty directory for its settings; it serves as HOME too."""
        self.login = login
        self.work = work

    def put(self, local: Path, remote: bytes) -> None:
        raise NotImplementedError

    def get(self, remote: bytes, local: Path) -> None:
        raise NotImplementedError

    def list(self, directory: bytes) -> set[bytes]:
        raise NotImplementedError

    def rename(self, old: bytes, new: bytes) -> None:
        raise NotImplementedError

    def remove(self, remote: bytes) -> None:
        raise NotImplementedError

    def mkdir(self, remote: bytes) -> None:
        raise NotImplementedError

    def rmdir(self, remote: bytes) -> None:
        raise NotImplementedError

    def put_tree(self, local: Path, remote: bytes) -> None:
        """Makes `remote` a copy of the directory `local`."""
        raise NotImplementedError

    def get_tree(self, remote: bytes, local: Path) -> None:
        """Makes `local` a copy of the directory `remote`."""
        raise NotImplementedError

    def secret_file(self, name: str, text: str) -> Path:
        """A file that only this user can read."""
        path = self.work / name
        path.write_text(text)
        path.chmod(0o600)
        return path


def quoted(name: bytes) -> bytes:
    """In double quotes, with backslashes before what the client would take as special."""
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", name) + b'"'


def path_bytes(path: Path) -> bytes:
    return os.fsencode(path)


def unescape_octal(shown: bytes) -> bytes:
    """Undoes vis(3): clients show bytes that are no text as `\\351`."""
    return re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), shown)
