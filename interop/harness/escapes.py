"""Ways out of a home, as a hostile user would try them with hand-made requests.

The layout that they are aimed at, in the bucket:

    alice/           the attacker's home
    alice/inside.txt
    alice2/secret.txt    a home whose name begins like the attacker's
    bob/secret.txt       another home
    top-secret.txt       beside the homes

Each way is tried as the attacker, after `plant` has made links in the attacker's home as the root user, whose home is
the bucket itself. Whatever a request answers, the marker must not be in it, and what lies outside must stay as it was.

The attempts overwrite, rename and remove. They aim only at files made for them (`outside` is a directory of the test's
own), and the server that they are sent to runs where the rest of the machine is read-only.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .wire import F_APPEND, F_CREAT, F_READ, F_WRITE, NEW, Refused, Wire, mode_attribute, size_attribute

MARKER = b"THE-SECRET-OF-SOMEBODY-ELSE"
SECRET_SIZE = 77_777
"""Size of every secret file: a size that shows up nowhere else, so that an answer to STAT gives itself away."""


def lay_out(bucket: Path) -> None:
    """Makes the files that nobody must reach."""
    secret = MARKER.ljust(SECRET_SIZE, b".")
    for name in ("alice2/secret.txt", "bob/secret.txt", "top-secret.txt"):
        path = bucket / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(secret)
    (bucket / "alice2/SECRET-NAME").mkdir()
    (bucket / "alice/inside.txt").write_bytes(b"inside")


def plant(root: Wire, bucket: Path, outside: Path) -> list[bytes]:
    """Makes links in the attacker's home as the root user, by SFTP. Gives the names of those that point somewhere,
    as the attacker sees them."""
    targets = [
        b"/alice2",
        b"/alice2/secret.txt",
        b"/bob",
        b"../alice2",
        b"../alice2/secret.txt",
        b"../bob/secret.txt",
        b"..",
        b"../..",
        b"../" * 40 + os.fsencode(outside).lstrip(b"/"),
        b"../top-secret.txt",
        b"/top-secret.txt",
        b"./../alice2/./secret.txt",
        b"../alice/../alice2/secret.txt",
        os.fsencode(bucket) + b"/alice2",
        os.fsencode(bucket) + b"/bob/secret.txt",
        os.fsencode(outside),
        os.fsencode(bucket.parent),
        b"/proc/self/root" + os.fsencode(outside),
        b"/proc/self/cwd",
        b"/proc/self/fd",
        b"/",
    ]
    names = []
    for number, target in enumerate(targets):
        name = b"link-%02d" % number
        root.symlink(target, b"/alice/" + name)
        names.append(b"/" + name)
    # A link to a link, and a directory with a link in it.
    root.symlink(b"link-03", b"/alice/chain")
    root.mkdir(b"/alice/deep")
    root.symlink(b"../../alice2", b"/alice/deep/link")
    return [*names, b"/chain", b"/deep/link"]


def outside_names(bucket: Path, outside: Path) -> list[bytes]:
    """Names that would lead out if they were taken as they are written."""
    return [
        b"..",
        b"../alice2",
        b"../alice2/secret.txt",
        b"/../alice2/secret.txt",
        b"/../../alice2/secret.txt",
        b"/./../alice2/secret.txt",
        b"//..//alice2//secret.txt",
        b"/deep/../../alice2/secret.txt",
        b"/deep/../../../alice2/secret.txt",
        b"/missing/../../bob/secret.txt",
        b"/inside.txt/../../bob/secret.txt",
        b"../top-secret.txt",
        b"../" * 40 + os.fsencode(outside).lstrip(b"/") + b"/secret.txt",
        b"2/secret.txt",
        b"/2/secret.txt",
        b"/alice2/secret.txt",
        b"/bob/secret.txt",
        b"/../alice/../alice2/secret.txt",
        b"/deep/link/../alice2/secret.txt",
        b"..\\alice2\\secret.txt",
        b"..%2falice2%2fsecret.txt",
        b"..\x00/alice2/secret.txt",
        b"/inside.txt\x00/../../bob/secret.txt",
        b"~bob/secret.txt",
        b"/proc/self/root" + os.fsencode(outside) + b"/secret.txt",
        b"/dev/fd/0",
        os.fsencode(bucket) + b"/alice2/secret.txt",
        os.fsencode(outside),
        os.fsencode(outside) + b"/secret.txt",
    ]


@dataclass(frozen=True)
class Attempt:
    name: str
    run: Callable[[Wire], object]
    """Gives what the server answered, as a value whose `repr` shows all of it."""


def attempts(bucket: Path, outside: Path, links: list[bytes], kinds: Iterable[str] = ()) -> Iterator[Attempt]:
    """Every way out: each kind of request (or those named) with each name, and with each link and what may lie
    behind it."""
    behind = [b"", b"/secret.txt", b"/alice2/secret.txt", b"/SECRET-NAME/..", b"/../alice2/secret.txt"]
    names = outside_names(bucket, outside) + [link + rest for link in links for rest in behind]
    for name, (verb, action) in itertools.product(names, _ACTIONS.items()):
        if kinds and verb not in kinds:
            continue
        yield Attempt(f"{verb} {name!r}", lambda wire, action=action, name=name: action(wire, name))


def _list_and_open(wire: Wire, path: bytes) -> object:
    return sorted(wire.list(path))


def _append(wire: Wire, path: bytes) -> None:
    handle = wire.open(path, F_WRITE | F_APPEND)
    wire.write(handle, b"intruder")
    wire.close(handle)


def _edit(wire: Wire, path: bytes) -> bytes:
    handle = wire.open(path, F_READ | F_WRITE)
    try:
        content = wire.read(handle)
        wire.write(handle, b"intruder")
        return content
    finally:
        wire.close(handle)


def _hard_link(wire: Wire, path: bytes) -> bytes:
    wire.hard_link(path, b"/taken")
    try:
        return wire.read_file(b"/taken")
    finally:
        wire.remove(b"/taken")


def _take_by(rename: str) -> Callable[[Wire, bytes], object]:
    def take(wire: Wire, path: bytes) -> object:
        """Moves it into the home; what it finds there is put back so that the next attempt finds the same."""
        getattr(wire, rename)(path, b"/taken")
        try:
            return _look_at(wire, b"/taken")
        finally:
            getattr(wire, rename)(b"/taken", path)

    return take


def _give_by(rename: str) -> Callable[[Wire, bytes], None]:
    def give(wire: Wire, path: bytes) -> None:
        """Moves a file out of the home."""
        wire.write_file(b"/gift", b"intruder")
        try:
            getattr(wire, rename)(b"/gift", path)
        finally:
            _quietly(wire.remove, b"/gift")

    return give


def _look_at(wire: Wire, path: bytes) -> object:
    """What a moved thing is; a link is shown as what it says, not followed."""
    return wire.lstat(path)


def _link_out(wire: Wire, path: bytes) -> object:
    """Makes a link of one's own and goes through it."""
    wire.symlink(path, b"/own-link")
    try:
        found: list[object] = []
        for look in (wire.stat, wire.read_file, wire.list):
            try:
                found.append(look(b"/own-link"))
            except Refused:
                pass
        return found
    finally:
        wire.remove(b"/own-link")


def _hard_link_out(wire: Wire, path: bytes) -> None:
    wire.hard_link(b"/inside.txt", path)


def _quietly(action: Callable[[bytes], object], path: bytes) -> None:
    try:
        action(path)
    except Refused:
        pass


_ACTIONS: dict[str, Callable[[Wire, bytes], object]] = {
    "read": lambda wire, path: wire.read_file(path),
    "stat": lambda wire, path: wire.stat(path),
    "lstat": lambda wire, path: wire.lstat(path),
    "list": _list_and_open,
    "overwrite": lambda wire, path: wire.write_file(path, b"intruder"),
    "write over": lambda wire, path: wire.write_file(path, b"intruder", F_WRITE | F_CREAT),
    "create below": lambda wire, path: wire.write_file(path + b"/intruder", b"intruder", NEW),
    "append": _append,
    "edit": _edit,
    "truncate": lambda wire, path: wire.set_stat(path, size_attribute(0)),
    "chmod": lambda wire, path: wire.set_stat(path, mode_attribute(0o777)),
    "mkdir below": lambda wire, path: wire.mkdir(path + b"/intruder"),
    "remove below": lambda wire, path: wire.remove(path + b"/secret.txt"),
    "rmdir below": lambda wire, path: wire.rmdir(path + b"/SECRET-NAME"),
    "realpath": lambda wire, path: wire.real_path(path),
    "hard link from": _hard_link,
    "hard link to": _hard_link_out,
    "rename from": _take_by("rename"),
    "posix-rename from": _take_by("posix_rename"),
    "rename to": _give_by("rename"),
    "posix-rename to": _give_by("posix_rename"),
    "own link": _link_out,
}


def gives_away(answer: object) -> bool:
    """Whether an answer shows something of a secret file: its content, its size, a name beside it."""
    shown = repr(answer)
    return any(sign in shown for sign in (MARKER.decode(), str(SECRET_SIZE), "SECRET-NAME"))
