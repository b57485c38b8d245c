"""The ways in which particular programs move files, each with the program itself. Digests are compared throughout."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import pytest

from harness.clients import Curl, Lftp, Paramiko, Psftp, Rclone
from harness.data import MIB, digest, make_tree, random_bytes, tree, write_large
from harness.fzsftp import Fzsftp
from harness.login import Login
from harness.longshore import ROOT
from harness.processes import clean_environment, run, wait_until
from harness.wire import F_CREAT, F_EXCL, F_TRUNC, F_WRITE, NO_SUCH_FILE, Refused, Wire, session

SIZE = 3 * MIB + 12_345
CUT = MIB + 77_777
DATED = 1_400_000_000


@pytest.fixture
def whole(workdir) -> Path:
    path = workdir / "whole"
    write_large(path, SIZE, seed=11)
    os.utime(path, (DATED, DATED))
    return path


@pytest.fixture
def settings(workdir) -> Path:
    path = workdir / "client"
    path.mkdir()
    return path


def _first(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


@pytest.mark.longshore_only  # the driver logs in with a password, the control server takes a key
class TestFilezilla:
    def test_uploads_set_the_time_afterwards(self, login, workdir, whole):
        with Fzsftp(login, workdir) as client:
            client.put(whole, "/file")
            # "Preserve timestamps of transferred files": SETSTAT after CLOSE.
            client.command(f'chmtime {DATED} "/file"')
        assert digest(login.on_disk(b"file")) == digest(whole)
        assert int(login.on_disk(b"file").stat().st_mtime) == DATED

    def test_a_shorter_file_is_continued_from_its_end(self, login, workdir, whole):
        login.on_disk(b"file").write_bytes(_first(whole, CUT))
        with Fzsftp(login, workdir) as client:
            client.put(whole, "/file", resume=True)
        assert digest(login.on_disk(b"file")) == digest(whole)

    def test_an_upload_that_was_cut_is_resumed_by_offset(self, login, workdir, whole):
        with Fzsftp(login, workdir) as client, pytest.raises((EOFError, BrokenPipeError)):
            client.put(whole, "/file", cut_after=CUT)
        with Fzsftp(login, workdir) as client:
            client.put(whole, "/file", resume=True)
            client.command(f'chmtime {DATED} "/file"')
        assert digest(login.on_disk(b"file")) == digest(whole)
        assert int(login.on_disk(b"file").stat().st_mtime) == DATED

    def test_downloads_begin_and_continue(self, login, workdir, whole):
        login.on_disk(b"file").write_bytes(whole.read_bytes())
        (workdir / "part").write_bytes(_first(whole, CUT))
        with Fzsftp(login, workdir) as client:
            client.get("/file", workdir / "received")
            client.get("/file", workdir / "part", resume=True)
        assert digest(workdir / "received") == digest(workdir / "part") == digest(whole)


class TestRclone:
    @pytest.fixture
    def rclone(self, login, settings) -> Rclone:
        return Rclone(login, settings)

    def test_writes_in_parallel_and_sets_the_time(self, rclone, login, whole):
        """It keeps 64 writes on their way, which may overtake each other, and sets the time of the closed file."""
        rclone.rclone("copyto", "--sftp-concurrency=64", whole, b":sftp:/file")
        assert digest(login.on_disk(b"file")) == digest(whole)
        assert int(login.on_disk(b"file").stat().st_mtime) == DATED
        os.utime(whole, (DATED + 5, DATED + 5))
        rclone.rclone("copyto", whole, b":sftp:/file")
        assert digest(login.on_disk(b"file")) == digest(whole)
        assert int(login.on_disk(b"file").stat().st_mtime) == DATED + 5

    def test_a_second_run_has_nothing_to_do(self, rclone, login, workdir):
        make_tree(workdir / "source")
        rclone.rclone("sync", "--create-empty-src-dirs", workdir / "source", b":sftp:/copy")
        assert tree(login.on_disk(b"copy")) == tree(workdir / "source")
        shown = rclone.rclone("sync", "-v", "--create-empty-src-dirs", workdir / "source", b":sftp:/copy")
        assert "Copied" not in shown.errors and "Deleted" not in shown.errors, shown.errors

    def test_check_compares_what_was_read_back(self, rclone, login, workdir):
        make_tree(workdir / "source")
        rclone.rclone("copy", workdir / "source", b":sftp:/copy")
        rclone.rclone("check", "--download", "--one-way", workdir / "source", b":sftp:/copy")
        victim = login.on_disk(b"copy/inbound/invoice 850.edi")
        victim.write_bytes(b"x" * victim.stat().st_size)
        shown = rclone.rclone("check", "--download", "--one-way", workdir / "source", b":sftp:/copy", check=False)
        assert shown.status != 0 and "1 differences found" in shown.errors


class TestSsh2SftpClient:
    """Node's ssh2-sftp-client; `fastPut` and `fastGet` keep 64 requests of 32 KiB on their way, in any order."""

    @staticmethod
    def call(login: Login, *arguments: str | Path) -> None:
        where = {
            "SFTP_HOST": login.host,
            "SFTP_PORT": str(login.port),
            "SFTP_USER": login.user,
            "SFTP_PASSWORD": login.password or "",
            "SFTP_FINGERPRINT": login.fingerprint,
        }
        run(["node", ROOT / "interop/harness/ssh2_sftp_client.mjs", *arguments], env=clean_environment(**where))

    @pytest.mark.longshore_only
    def test_fast_put_and_fast_get(self, login, workdir, whole):
        login.on_disk(b"file").write_bytes(b"old")
        self.call(login, "fastPut", whole, "/file")
        assert digest(login.on_disk(b"file")) == digest(whole)
        self.call(login, "fastGet", "/file", workdir / "received")
        assert digest(workdir / "received") == digest(whole)

    @pytest.mark.longshore_only
    def test_put_get_and_append(self, login, workdir, whole):
        self.call(login, "put", whole, "/file")
        (workdir / "more").write_bytes(random_bytes(100_000, 12))
        self.call(login, "append", workdir / "more", "/file")
        expected = whole.read_bytes() + (workdir / "more").read_bytes()
        assert login.on_disk(b"file").read_bytes() == expected
        self.call(login, "get", "/file", workdir / "received")
        assert (workdir / "received").read_bytes() == expected


class TestParamiko:
    def test_prefetch_asks_for_everything_at_once(self, login, settings, workdir, whole):
        content = whole.read_bytes()
        login.on_disk(b"file").write_bytes(content)
        with Paramiko(login, settings).session() as sftp:
            with sftp.open("/file", "rb") as file:
                file.prefetch(len(content))
                assert hashlib.sha256(file.read()).digest() == hashlib.sha256(content).digest()
            with sftp.open("/file", "rb") as file:
                # In pieces, not in order.
                wanted = [(offset, 50_000) for offset in range(0, SIZE - 50_000, 150_001)][::-1]
                parts = file.readv(wanted)
                assert all(part == content[at : at + count] for part, (at, count) in zip(parts, wanted))
            sftp.get("/file", str(workdir / "received"))
        assert digest(workdir / "received") == digest(whole)

    def test_pipelined_writes_and_appending(self, login, settings, whole):
        content = whole.read_bytes()
        with Paramiko(login, settings).session() as sftp:
            with sftp.open("/file", "wb") as file:
                file.set_pipelined(True)
                file.write(content)
            with sftp.open("/file", "ab") as file:
                file.write(b"appended")
        assert login.on_disk(b"file").read_bytes() == content + b"appended"


class TestLftp:
    @pytest.fixture
    def lftp(self, login, settings) -> Lftp:
        return Lftp(login, settings)

    def test_reget_and_reput_go_on_where_it_ended(self, lftp, login, workdir, whole):
        login.on_disk(b"down").write_bytes(whole.read_bytes())
        login.on_disk(b"up").write_bytes(_first(whole, CUT))
        (workdir / "part").write_bytes(_first(whole, CUT))
        lftp.script(b"reget /down -o " + bytes(workdir / "part"), b"reput " + bytes(whole) + b" -o /up")
        assert digest(workdir / "part") == digest(whole)
        assert digest(login.on_disk(b"up")) == digest(whole)

    def test_mirror_continues_half_files(self, lftp, login, workdir):
        make_tree(workdir / "source")
        lftp.put_tree(workdir / "source", b"/tree")
        half = login.on_disk(b"tree/inbound/invoice 850.edi")
        half.write_bytes(half.read_bytes()[:30_000])
        lftp.script(b"mirror -c -R " + bytes(workdir / "source") + b" /tree")
        assert tree(login.on_disk(b"tree")) == tree(workdir / "source")
        lftp.get_tree(b"/tree", workdir / "back")
        half = workdir / "back/inbound/invoice 850.edi"
        half.write_bytes(half.read_bytes()[:30_000])
        lftp.script(b"mirror -c /tree " + bytes(workdir / "back"))
        assert tree(workdir / "back") == tree(workdir / "source")

    def test_parallel_pieces_of_one_download(self, lftp, login, workdir, whole):
        login.on_disk(b"file").write_bytes(whole.read_bytes())
        lftp.script(b"pget -n 4 /file -o " + bytes(workdir / "received"))
        assert digest(workdir / "received") == digest(whole)


class TestCurl:
    @pytest.fixture
    def curl(self, login, settings) -> Curl:
        return Curl(login, settings)

    def test_uploads_continue_at_the_remote_size(self, curl, login, whole):
        login.on_disk(b"file").write_bytes(_first(whole, CUT))
        curl.curl(b"/file", "-C", "-", "-T", whole)
        assert digest(login.on_disk(b"file")) == digest(whole)

    def test_downloads_continue_at_the_local_size(self, curl, login, workdir, whole):
        login.on_disk(b"file").write_bytes(whole.read_bytes())
        (workdir / "part").write_bytes(_first(whole, CUT))
        curl.curl(b"/file", "-C", "-", "-o", workdir / "part")
        assert digest(workdir / "part") == digest(whole)

    def test_appending(self, curl, login, workdir):
        login.on_disk(b"file").write_bytes(b"first, ")
        (workdir / "more").write_bytes(b"then this")
        curl.curl(b"/file", "--append", "-T", workdir / "more")
        assert login.on_disk(b"file").read_bytes() == b"first, then this"


class TestPutty:
    def test_reput_and_reget(self, login, settings, workdir, whole):
        login.on_disk(b"down").write_bytes(whole.read_bytes())
        login.on_disk(b"up").write_bytes(_first(whole, CUT))
        (workdir / "part").write_bytes(_first(whole, CUT))
        Psftp(login, settings).batch(
            b"reget /down %s" % bytes(workdir / "part"),
            b"reput %s /up" % bytes(whole),
        )
        assert digest(workdir / "part") == digest(whole)
        assert digest(login.on_disk(b"up")) == digest(whole)


class TestWinscp:
    """WinSCP has no Linux build: its requests by hand, in the order in which `TSFTPFileSystem::Source` and
    `SFTPOpenRemote` send them (winscp/winscp, source/core/SftpFileSystem.cpp, commit 025aea13)."""

    def test_a_large_upload_over_an_existing_file(self, login, whole):
        """With resuming allowed (files above 100 KB): `.filepart`, delete the target, rename, set properties."""
        content = whole.read_bytes()
        login.on_disk(b"file").write_bytes(b"what was there before")
        with session(login) as wire:
            wire.lstat(b"/file")
            with pytest.raises(Refused) as refused:
                wire.lstat(b"/file.filepart")
            assert refused.value.code == NO_SUCH_FILE
            handle = wire.open(b"/file.filepart", F_WRITE | F_CREAT | F_TRUNC, _size(len(content)))
            self.write_queue(wire, handle, content, 0)
            wire.close(handle)
            wire.remove(b"/file")
            wire.rename(b"/file.filepart", b"/file")
            wire.set_stat(b"/file", _properties(0o640, DATED))
        self.check(login, whole)
        assert login.on_disk(b"file").stat().st_mode & 0o777 == 0o640

    @pytest.mark.longshore_only
    def test_a_cut_upload_goes_on_in_the_part_file(self, login, whole):
        content = whole.read_bytes()
        with session(login) as wire:
            handle = wire.open(b"/file.filepart", F_WRITE | F_CREAT | F_TRUNC, _size(len(content)))
            self.write_queue(wire, handle, content[:CUT], 0)
        with session(login) as wire:
            have = wire.lstat(b"/file.filepart").size
            assert have == CUT
            # Resuming: neither TRUNC nor EXCL.
            handle = wire.open(b"/file.filepart", F_WRITE | F_CREAT)
            self.write_queue(wire, handle, content[have:], have)
            wire.close(handle)
            wire.rename(b"/file.filepart", b"/file")
            wire.set_stat(b"/file", _properties(0o644, DATED))
        # Others see it once the server has noticed that the first connection is gone.
        wait_until(login.on_disk(b"file").exists, "the upload to be published")
        self.check(login, whole)

    def test_a_small_upload_sets_properties_while_closing(self, login, whole):
        """Without resuming: EXCL first, TRUNC once the user agreed; SETSTAT leaves before CLOSE is answered."""
        login.on_disk(b"file").write_bytes(b"what was there before")
        content = whole.read_bytes()[:90_000]
        with session(login) as wire:
            with pytest.raises(Refused):
                wire.open(b"/file", F_WRITE | F_CREAT | F_EXCL | F_TRUNC, _size(len(content)))
            wire.lstat(b"/file")
            handle = wire.open(b"/file", F_WRITE | F_CREAT | F_TRUNC, _size(len(content)))
            self.write_queue(wire, handle, content, 0)
            close = wire.send(4, struct.pack(">I", len(handle)) + handle)
            properties = wire.send(9, struct.pack(">I", 5) + b"/file" + _properties(0o644, DATED))
            answers = {}
            for _ in range(2):
                _, number, body = wire.receive()
                answers[number] = struct.unpack_from(">I", body)[0]
            assert answers == {close: 0, properties: 0}
        assert login.on_disk(b"file").read_bytes() == content
        assert int(login.on_disk(b"file").stat().st_mtime) == DATED

    @staticmethod
    def write_queue(wire: Wire, handle: bytes, content: bytes, offset: int) -> None:
        """Its upload queue: up to 32 blocks of 32 KiB on their way."""
        waiting: set[int] = set()
        for at in range(0, len(content), 32 << 10):
            block = content[at : at + (32 << 10)]
            head = struct.pack(">I", len(handle)) + handle + struct.pack(">QI", offset + at, len(block))
            waiting.add(wire.send(6, head + block))
            while len(waiting) > 31:
                _settle(wire, waiting)
        while waiting:
            _settle(wire, waiting)

    @staticmethod
    def check(login: Login, whole: Path) -> None:
        assert set(os.listdir(login.home)) == {"file"}
        assert digest(login.on_disk(b"file")) == digest(whole)
        assert int(login.on_disk(b"file").stat().st_mtime) == DATED


def _settle(wire: Wire, waiting: set[int]) -> None:
    _, number, body = wire.receive()
    waiting.remove(number)
    assert struct.unpack_from(">I", body)[0] == 0


def _size(size: int) -> bytes:
    return struct.pack(">IQ", 1, size)


def _properties(mode: int, time: int) -> bytes:
    return struct.pack(">IIII", 4 | 8, mode, time, time)
