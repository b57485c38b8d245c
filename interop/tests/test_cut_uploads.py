"""An upload over an existing file is cut at a random byte. Others read the old content all the time; the owner finds
what came without a gap and goes on from there with an ordinary client."""

from __future__ import annotations

import hashlib
import random
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.clients import Curl, Lftp, OpensshSftp
from harness.data import random_bytes
from harness.login import Login
from harness.processes import wait_until
from harness.wire import NEW, OK, WRITE, Wire, connect, session, text

pytestmark = pytest.mark.longshore_only

OLD = random_bytes(700_000, 1)
NEW_CONTENT = random_bytes(1_200_000, 2)
CUTS = 9
"""Cuts in each of the six tests: more than fifty."""


def _with_sftp(login: Login, work: Path, local: Path) -> None:
    OpensshSftp(login, work).batch(b"reput %s /file" % bytes(local))


def _with_lftp(login: Login, work: Path, local: Path) -> None:
    Lftp(login, work).script(b"reput %s -o /file" % bytes(local))


def _with_curl(login: Login, work: Path, local: Path) -> None:
    Curl(login, work).curl(b"/file", "-C", "-", "-T", local)


RESUMERS = {"sftp": _with_sftp, "lftp": _with_lftp, "curl": _with_curl}
VERDICTS = {"sftp": "appended", "lftp": "size-matches", "curl": "appended"}
"""lftp sets the size in the end, the others open the file for appending."""


class Reader:
    """Another user of the same home, who reads the file all the time."""

    def __init__(self, login: Login):
        self.login = login
        self.resumed = False
        """From now on the new content may be there too."""
        self.reads = 0
        self.problems: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Reader:
        self._thread.start()
        wait_until(lambda: self.reads or self.problems, "the first read")
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            with session(self.login) as wire:
                while not self._stop.is_set():
                    may_be_new = self.resumed
                    content = wire.read_file(b"/file")
                    if content != OLD and not (content == NEW_CONTENT and (may_be_new or self.resumed)):
                        self.problems.append(f"read {len(content)} bytes that are neither version")
                        return
                    self.reads += 1
                    # The machine is for the others too.
                    self._stop.wait(0.05)
        except Exception as problem:  # reported by the test
            self.problems.append(repr(problem))


def _blocks(chance: random.Random, in_order: bool) -> Iterator[tuple[int, int]]:
    """Ranges to write, as clients with many requests under way send them: in order, or up to 16 blocks mixed up."""
    ranges, at = [], 0
    while at < len(NEW_CONTENT):
        end = min(at + chance.choice([4096, 16384, 32768, 32000]), len(NEW_CONTENT))
        ranges.append((at, end))
        at = end
    # The first one always arrives first, so that there is something to go on from.
    yield ranges[0]
    for window in range(1, len(ranges), 16):
        part = ranges[window : window + 16]
        if not in_order:
            chance.shuffle(part)
        yield from part


def _send_until(wire: Wire, handle: bytes, blocks: Iterator[tuple[int, int]], cut: int) -> list[tuple[int, int]]:
    """Writes until `cut` bytes are acknowledged, the last block only in part; gives the ranges."""
    written, waiting = [], set()
    for begin, end in blocks:
        end = min(end, begin + cut)
        cut -= end - begin
        if begin == end:
            break
        waiting.add(wire.send(WRITE, text(handle) + struct.pack(">Q", begin) + text(NEW_CONTENT[begin:end])))
        written.append((begin, end))
    while waiting:
        _, number, body = wire.receive()
        waiting.remove(number)
        assert struct.unpack_from(">I", body)[0] == OK
    return written


def _front(written: list[tuple[int, int]]) -> int:
    """Up to where there is no gap."""
    front = 0
    for begin, end in sorted(written):
        if begin > front:
            break
        front = max(front, end)
    return front


@pytest.mark.parametrize("client", RESUMERS)
@pytest.mark.parametrize("in_order", [True, False], ids=["in order", "out of order"])
def test_a_cut_upload_is_resumed_where_its_gap_free_front_ends(target, login, workdir, client, in_order):
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    other = target.new_login("/" + str(login.home.relative_to(target.bucket())))
    (workdir / "new").write_bytes(NEW_CONTENT)
    for number in range(CUTS):
        work = workdir / f"client-{number}"
        work.mkdir()
        login.on_disk(b"file").write_bytes(OLD)
        _cut_and_resume(target, chance, in_order, login, other, lambda: RESUMERS[client](login, work, workdir / "new"))
        _check_record(target, login, number + 1, VERDICTS[client])


def _cut_and_resume(
    target, chance: random.Random, in_order: bool, login: Login, other: Login, resume: Callable[[], None]
) -> None:
    with Reader(other) as reader:
        transport = connect(login)
        try:
            wire = Wire(transport)
            handle = wire.open(b"/file", NEW)
            cut = chance.randrange(1, len(NEW_CONTENT))
            front = _front(_send_until(wire, handle, _blocks(chance, in_order), cut))
        finally:
            transport.close()
        with session(login) as wire:
            wait_until(lambda: wire.stat(b"/file").size == front, f"the owner to find {front} bytes")
            assert wire.read_file(b"/file") == NEW_CONTENT[:front]
        assert login.on_disk(b"file").read_bytes() == OLD
        assert not reader.problems, reader.problems
        # Until the server has noticed, the owner would join a handle that lives.
        wait_until(lambda: _unfinished(target) == [("parked", front)], "the upload to be parked")
        reader.resumed = True
        resume()
        wait_until(lambda: login.on_disk(b"file").read_bytes() == NEW_CONTENT, "the new content to be published")
        reads = reader.reads
        wait_until(lambda: reader.reads > reads + 1 or reader.problems, "somebody to read it")
    assert not reader.problems, reader.problems
    assert list(login.home.iterdir()) == [login.on_disk(b"file")]


def _unfinished(target) -> list[tuple[str, int]]:
    """State and gap-free bytes of every upload that is not finished."""
    items = target.api.call("GET", "/admin/unfinished-uploads").json()["items"]
    return [(item["state"], item["unfinished"]["gapFree"]) for item in items]


def _check_record(target, login: Login, uploads: int, verdict: str) -> None:
    """The newest of so many records tells how the upload went, and the digest of what was published in the end."""

    def records() -> list[dict]:
        return target.api.call("GET", f"/admin/uploads?username={login.user}&pageSize=50").json()["items"]

    wait_until(lambda: len(records()) >= uploads and records()[0]["digest"] != "pending", "the record with its digest")
    found = records()
    assert len(found) == uploads
    record, evidence = found[0], found[0]["evidence"]
    assert (record["state"], record["verdict"]) == ("published", verdict), record
    assert (record["size"], record["sha256"]) == (len(NEW_CONTENT), hashlib.sha256(NEW_CONTENT).hexdigest()), record
    assert (evidence["dropped"], evidence["resumed"]) == (1, 1), record
    assert evidence.get("carriedOver", 0) == evidence.get("holes", 0) == 0, record


def test_a_resumed_upload_is_published_though_the_cut_was_not_noticed(target, login, workdir):
    """A client whose network went away comes back while the server still waits for its first connection. Its CLOSE is
    not the last one then, but nobody is going to send another."""
    login.on_disk(b"file").write_bytes(OLD)
    (workdir / "new").write_bytes(NEW_CONTENT)
    transport = connect(login)
    try:
        wire = Wire(transport)
        handle = wire.open(b"/file", NEW)
        _send_until(wire, handle, _blocks(random.Random(1), True), 400_000)
        _with_sftp(login, workdir, workdir / "new")
        with session(login) as owner:
            assert owner.read_file(b"/file") == NEW_CONTENT
    finally:
        transport.close()
    wait_until(lambda: login.on_disk(b"file").read_bytes() == NEW_CONTENT, "the new content to be published")
