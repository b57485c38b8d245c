"""What is visible is whole: an upload that is cut off leaves what was there, and no reader sees half of one."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from harness.clients import OpensshSftp, Scp
from harness.clients.openssh import OpensshClient
from harness.data import random_bytes, tree
from harness.processes import end, spawn, wait_until
from harness.wire import NEW, F_CREAT, F_EXCL, F_WRITE, Refused, session, size_attribute

pytestmark = pytest.mark.longshore_only
SIZE = 2 << 20


def _begin_slow_upload(client: OpensshClient, local, remote: bytes):
    """Starts an upload at 1.6 Mbit/s, which takes 10 s, and returns without waiting."""
    if isinstance(client, Scp):
        return spawn(client.command("-l", "1600", local, client.remote(remote)), env=client.environment())
    script = client.work / "script"
    script.write_bytes(b"put %s %s\n" % (bytes(local), remote))
    return spawn(client.command("-l", "1600", batch=str(script)), env=client.environment())


def _staged_bytes(target) -> int:
    """Bytes of uploads that are under way."""
    staging = target.bucket().parent / "staging"
    return sum(entry.stat().st_size for entry in staging.rglob("*") if entry.is_file())


@pytest.mark.parametrize("kind", [Scp, OpensshSftp], ids=lambda kind: kind.name)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_an_upload_killed_midway_leaves_the_old_bytes(target, login, workdir, kind, how):
    old = random_bytes(SIZE, 1)
    login.on_disk(b"file").write_bytes(old)
    (workdir / "new").write_bytes(random_bytes(SIZE, 2))
    # Another user with the same home is another reader: the uploader itself would see its own upload.
    reader_login = target.new_login("/" + str(login.home.relative_to(target.bucket())))
    client = kind(login, workdir)
    before = _staged_bytes(target)
    upload = _begin_slow_upload(client, workdir / "new", b"/file")
    try:
        with session(reader_login) as reader:
            wait_until(lambda: _staged_bytes(target) > before + (128 << 10), "128 KiB to arrive")
            assert upload.poll() is None
            assert reader.read_file(b"/file") == old
            assert reader.list(b"/") == {b"file"}
            end(upload, how)
            for _ in range(5):
                assert reader.read_file(b"/file") == old
    finally:
        end(upload)
    assert tree(login.home) == {b"file": old}


def test_a_new_file_cut_off_midway_never_appears(target, login):
    reader_login = target.new_login("/" + str(login.home.relative_to(target.bucket())))
    with session(reader_login) as reader:
        with session(login) as writer:
            handle = writer.open(b"/new", NEW)
            writer.write(handle, b"half")
            assert reader.list(b"/") == set()
            with pytest.raises(Refused):
                reader.stat(b"/new")
        for _ in range(20):
            assert reader.list(b"/") == set()
            time.sleep(0.02)
    assert tree(login.home) == {}


def test_readers_see_one_whole_version_all_the_time(target, login):
    """One user overwrites without pause, in the ways that clients do it; another reads without pause."""
    versions = [bytes([number]) * 300_000 for number in range(1, 6)]
    reader_login = target.new_login("/" + str(login.home.relative_to(target.bucket())))
    stop = threading.Event()
    seen: list[bytes] = []
    problems: list[object] = []

    def read() -> None:
        try:
            with session(reader_login) as reader:
                while not stop.is_set():
                    seen.append(reader.read_file(b"/file"))
        except Exception as problem:  # reported by the test itself below
            problems.append(problem)

    with session(login) as writer:
        writer.write_file(b"/file", versions[0])
        thread = threading.Thread(target=read)
        thread.start()
        try:
            turn = 0
            while turn < 60 or len(seen) < 20 and not problems:
                turn += 1
                data = versions[turn % len(versions)]
                if turn % 2:
                    writer.write_file(b"/file", data)
                else:  # stock scp: no TRUNC; the size is set at the end
                    handle = writer.open(b"/file", F_WRITE | F_CREAT)
                    writer.write(handle, data[:200_000])
                    writer.write(handle, data[200_000:], 200_000)
                    writer.fset_stat(handle, size_attribute(len(data)))
                    writer.close(handle)
        finally:
            stop.set()
            thread.join(60)
    assert not problems, problems
    assert {content in versions for content in seen} == {True}


def test_scp_onto_a_longer_file_leaves_exactly_the_new_bytes(login, workdir):
    login.on_disk(b"file").write_bytes(random_bytes(500_000, 1))
    (workdir / "new").write_bytes(random_bytes(123_456, 2))
    Scp(login, workdir).put(workdir / "new", b"/file")
    assert tree(login.home) == {b"file": random_bytes(123_456, 2)}


def test_an_exclusive_create_fails_where_the_name_is_taken_by_an_open_upload(target, login):
    other_login = target.new_login("/" + str(login.home.relative_to(target.bucket())))
    with session(login) as first, session(other_login) as second:
        handle = first.open(b"/once", F_WRITE | F_CREAT | F_EXCL)
        with pytest.raises(Refused):
            second.open(b"/once", F_WRITE | F_CREAT | F_EXCL)
        first.write(handle, b"mine")
        first.close(handle)
    assert tree(login.home) == {b"once": b"mine"}
