"""paramiko asks for a whole file before it takes the first answer: hundreds of thousands of READs for a large one."""

from __future__ import annotations

import contextlib
import threading
import time

import paramiko
import pytest

from harness.login import Login
from harness.processes import resident
from harness.wire import connect

pytestmark = pytest.mark.longshore_only

GIB = 1 << 30
ISLAND = b"here is something\n" * 1000
"""Written every GiB; the rest is a hole."""
ROOM = 32 << 20
"""How much the process may grow."""


class Sink:
    """Takes a file and compares it with what it must be, without keeping it."""

    def __init__(self, size: int):
        self.size = size
        self.at = 0

    def write(self, data: bytes) -> int:
        start = self.at % GIB
        if start >= len(ISLAND):
            assert data.count(0) == len(data), f"something stands near {self.at}"
        else:
            island = ISLAND[start : start + len(data)]
            assert data == island + bytes(len(data) - len(island)), f"not what stands at {self.at}"
        self.at += len(data)
        return len(data)


def _get(login: Login, size: int) -> None:
    with open(login.on_disk(b"sparse"), "wb") as file:
        file.truncate(size)
        for begin in range(0, size, GIB):
            file.seek(begin)
            file.write(ISLAND)
    transport = connect(login)
    try:
        sink = Sink(size)
        with paramiko.SFTPClient.from_transport(transport) as client:
            client.getfo("/sparse", sink, prefetch=True)
        assert sink.at == size
    finally:
        transport.close()


@contextlib.contextmanager
def _memory_of(server):
    """How far the process grew beyond where it was."""
    before, grown, stop = resident(server.pid), [0], threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            grown[0] = max(grown[0], resident(server.pid) - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield grown
    finally:
        stop.set()
        thread.join()


def _prefetch(server, size: int) -> None:
    login = server.new_login()
    # What a first transfer takes for good is not what is looked for.
    _get(login, 64 << 20)
    began = time.monotonic()
    with _memory_of(server) as grown:
        _get(login, size)
    print(f"{size >> 20} MiB in {time.monotonic() - began:.0f} s, grown by {grown[0] >> 10} KiB")
    assert grown[0] <= ROOM


def test_a_gib_is_asked_for_at_once(own_server):
    with own_server() as server:
        _prefetch(server, GIB)


@pytest.mark.takes_long
@pytest.mark.timeout(3600)
def test_ten_gib_are_asked_for_at_once(own_server):
    with own_server() as server:
        _prefetch(server, 10 * GIB)
