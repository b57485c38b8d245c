"""A full disk: the upload fails and says so, what was there stays whole, and the server lives on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.clients import OpensshSftp
from harness.data import random_bytes
from harness.namespaces import with_small_disk
from harness.processes import ProgramFailed
from harness.wire import FAILURE, NEW, Refused, session

pytestmark = pytest.mark.longshore_only
DISK = 64 << 20


@pytest.fixture
def small(own_server, workdir):
    """A server whose buckets and catalog lie on a disk of 64 MiB."""
    disk = workdir / "disk"
    disk.mkdir()
    server = own_server(with_small_disk(disk, f"{DISK}"))
    server.served_dir = disk / "data"
    server.spawn()
    # The disk is mounted for the server alone; everybody else looks through its root directory.
    server.data_dir = Path(f"/proc/{server.process.pid}/root{disk}/data")
    server.wait_ready(60)
    return server


def test_an_upload_onto_a_full_disk_fails_and_says_so(small):
    # A second user of the same home is the other reader: the uploader itself sees its own upload.
    login, other = small.new_login("/shared"), small.new_login("/shared")
    with session(login) as wire, session(other) as reader:
        wire.write_file(b"/kept", b"old content")
        with pytest.raises(Refused) as refused:
            wire.write_file(b"/kept", random_bytes(DISK + (8 << 20), 1))
        assert refused.value.code == FAILURE
        assert "space" in str(refused.value).lower()
        assert reader.read_file(b"/kept") == b"old content"
    with session(other) as reader:
        assert reader.read_file(b"/kept") == b"old content"
        assert reader.list(b"/") == {b"kept"}


def test_a_client_sees_the_failure_and_nothing_torn_appears(small, workdir):
    login = small.new_login()
    (workdir / "big").write_bytes(random_bytes(DISK + (8 << 20), 2))
    with pytest.raises(ProgramFailed) as failed:
        OpensshSftp(login, workdir).put(workdir / "big", b"/big")
    print(failed.value)
    assert small.process.poll() is None
    assert os.listdir(login.home) == []


def test_the_server_lives_on_and_takes_uploads_again_when_there_is_room(small, workdir):
    login, other = small.new_login(), small.new_login()
    with session(other) as bystander:
        bystander.write_file(b"/mine", b"untouched")
        with session(login) as wire:
            wire.write_file(b"/ballast", random_bytes(20 << 20, 4))
            with pytest.raises(Refused):
                wire.write_file(b"/big", random_bytes(DISK, 3))
            assert bystander.read_file(b"/mine") == b"untouched"
        with session(login) as wire:
            wire.remove(b"/ballast")
            if b"big" in wire.list(b"/"):  # its own unfinished upload, kept for resuming
                wire.remove(b"/big")
            wire.write_file(b"/again", random_bytes(10 << 20, 5), NEW)
            assert wire.read_file(b"/again") == random_bytes(10 << 20, 5)
        bystander.write_file(b"/more", b"works")
