"""Nobody reaches anything outside their home: by name, link, rename, hard link or a likeness of names."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.data import tree
from harness.escapes import MARKER, SECRET_SIZE, Attempt, attempts, gives_away, lay_out, plant
from harness.longshore import ROOT
from harness.namespaces import with_read_only_machine
from harness.openssh_server import OpensshServer
from harness.wire import Refused, Wire, session


def fingerprint_outside(bucket: Path, home: Path) -> dict[bytes, str]:
    """Everything in the bucket but the attacker's home: type, mode, link count, content."""
    found = {}
    for name, content in tree(bucket).items():
        path = bucket / os.fsdecode(name)
        if path == home or home in path.parents:
            continue
        stat = path.lstat()
        links = stat.st_nlink if path.is_file() else 0
        digest = hashlib.sha256(content or b"").hexdigest()
        found[name] = f"{stat.st_mode:o} {links} {stat.st_size if path.is_file() else 0} {digest}"
    return found


def try_all(attacker: Wire, ways: Iterable[Attempt]) -> tuple[list[str], Counter]:
    """Makes every attempt; gives those that were answered with something secret, and how all of them ended."""
    escaped, ends = [], Counter()
    for attempt in ways:
        try:
            answer = attempt.run(attacker)
        except Refused as refused:
            ends[f"status {refused.code}"] += 1
            continue
        ends["answered"] += 1
        if gives_away(answer):
            escaped.append(f"{attempt.name} gave {answer!r:.200}")
    return escaped, ends


@pytest.fixture
def outside(workdir):
    """A directory of the machine that is no part of any bucket."""
    path = workdir / "outside"
    path.mkdir()
    (path / "secret.txt").write_bytes(MARKER.ljust(SECRET_SIZE, b"."))
    return path


@pytest.mark.longshore_only
@pytest.mark.parametrize("resolver", ["openat2", "fallback"])
def test_no_attempt_to_leave_the_home_succeeds(own_server, room, outside, resolver):
    server = own_server(with_read_only_machine(room), LONGSHORE_STORAGE_RESOLVER=resolver).start()
    alice, root = server.new_login("/alice"), server.new_login("/")
    server.new_login("/alice2"), server.new_login("/bob")
    bucket = server.bucket()
    lay_out(bucket)
    with session(root) as root_wire, session(alice) as attacker:
        links = plant(root_wire, bucket, outside)
        ways = list(attempts(bucket, outside, links))
        before = fingerprint_outside(bucket, alice.home), tree(outside)
        escaped, ends = try_all(attacker, ways)
        print(f"{resolver}: {len(ways)} attempts: {dict(ends)}")
        assert len(ways) > 1000
        assert not escaped, "\n".join(escaped)
        assert (fingerprint_outside(bucket, alice.home), tree(outside)) == before
        # And the attacker's own files still answer, so the refusals above mean something.
        attacker.write_file(b"/inside.txt", b"still mine")
        assert attacker.read_file(b"/../../inside.txt") == b"still mine"


@pytest.mark.longshore_only
@pytest.mark.parametrize("resolver", ["openat2", "fallback"])
def test_a_link_means_what_its_user_would_see(own_server, resolver):
    """The same link text leads somewhere for the root user, and inside the own home for its owner."""
    server = own_server(LONGSHORE_STORAGE_RESOLVER=resolver).start()
    alice, root = server.new_login("/alice"), server.new_login("/")
    server.new_login("/alice2")
    bucket = server.bucket()
    lay_out(bucket)
    (alice.home / "alice2").mkdir()
    (alice.home / "alice2/secret.txt").write_bytes(b"alice's own")
    with session(root) as root_wire, session(alice) as alice_wire:
        root_wire.symlink(b"/alice2/secret.txt", b"/alice/link")
        assert root_wire.read_file(b"/alice/link").startswith(MARKER)
        assert alice_wire.read_file(b"/link") == b"alice's own"
        alice_wire.symlink(b"../../../alice2/secret.txt", b"/up")
        assert alice_wire.read_file(b"/up") == b"alice's own"


@pytest.mark.longshore_only
def test_a_home_whose_name_begins_alike_stays_apart(target):
    short, long = target.new_login("/prefix"), target.new_login("/prefix2")
    with session(short) as short_wire, session(long) as long_wire:
        long_wire.write_file(b"/file", b"of the longer one")
        assert short_wire.list(b"/") == set()
        for path in (b"2/file", b"/2/file", b"../prefix2/file", b"/../prefix2/file"):
            with pytest.raises(Refused):
                short_wire.read_file(path)
        short_wire.write_file(b"/2", b"a file named 2")
        assert long_wire.list(b"/") == {b"file"}


def test_the_attempts_succeed_where_there_is_no_jail(outside):
    """Negative control: attempts that only look, and one that writes, against a server that merely changes into the
    home. They find what they are after."""
    directory = ROOT / f"target/interop-jail-{os.getpid()}"
    try:
        with OpensshServer(directory / "server", jail=False) as server:
            login = server.new_login("/alice")
            bucket = login.home.parent
            lay_out(bucket)
            # OpenSSH's server ends the session at a NUL instead of answering.
            looking = [
                attempt
                for attempt in attempts(bucket, outside, [], {"read", "stat", "lstat", "list"})
                if "\\x00" not in attempt.name
            ]
            with session(login) as wire:
                escaped, _ends = try_all(wire, looking)
                before = fingerprint_outside(bucket, login.home)
                wire.write_file(b"../alice2/secret.txt", b"intruder")
                assert fingerprint_outside(bucket, login.home) != before
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    assert {line.split()[0] for line in escaped} == {"read", "stat", "lstat", "list"}
    assert sum("alice2/secret.txt" in line for line in escaped) >= 3
    assert sum(str(outside) in line for line in escaped) >= 3
