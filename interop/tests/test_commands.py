"""Hash commands and the old scp protocol, with the programs that use them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat

import asyncssh
import pytest

from harness.clients import Paramiko, Rclone
from harness.data import make_tree, random_bytes, tree
from harness.processes import ProgramFailed, clean_environment, run

pytestmark = pytest.mark.longshore_only


@pytest.fixture
def settings(workdir):
    path = workdir / "client"
    path.mkdir()
    return path


@pytest.fixture
def source(workdir):
    make_tree(workdir / "source")
    return workdir / "source"


class TestRclone:
    @pytest.fixture
    def rclone(self, login, settings):
        return Rclone(login, settings)

    @pytest.mark.parametrize(
        "name",
        [b"plain", b"a b", "Größe ☃.txt".encode(), b"it's $HOME; `x` \"y\" & (z) * ? [w]", b"-dash"],
    )
    def test_it_finds_the_hash_commands_and_quotes_names_for_them(self, rclone, login, name):
        content = random_bytes(100_000, 1)
        login.on_disk(name).write_bytes(content)
        for kind, known in (("MD5", hashlib.md5), ("SHA1", hashlib.sha1)):
            shown = rclone.rclone("-vv", "hashsum", kind, rclone.remote(b"/"))
            assert shown.text.split()[0] == known(content).hexdigest(), shown.errors
            assert "Hash command accepted" in shown.errors
            assert "download" not in shown.errors

    def test_check_compares_by_hash_without_reading_the_files(self, rclone, login, source):
        remote = rclone.remote(b"/copy")
        rclone.rclone("copy", source, remote)
        shown = rclone.rclone("-vv", "check", source, remote).errors
        assert "md5 = " in shown, shown
        assert "hashes could not be checked" not in shown
        victim = login.home / "copy/inbound/part-07.bin"
        content = victim.read_bytes()
        victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # the size stays, and only a hash can tell
        with pytest.raises(ProgramFailed):
            rclone.rclone("check", source, remote)

    def test_copy_with_checksum_sends_only_what_differs(self, rclone, login, source):
        remote = rclone.remote(b"/copy")
        rclone.rclone("copy", source, remote)
        for path in (login.home / "copy").rglob("*"):
            os.utime(path, (1, 1))
        again = rclone.rclone("copy", "-v", "--checksum", source, remote).errors
        assert "Copied" not in again, again


class TestPscp:
    """PuTTY's pscp with the old protocol."""

    def pscp(self, login, settings, *arguments):
        password = settings / "password"
        password.write_text(f"{login.password}\n")
        password.chmod(0o600)
        where = ["-P", str(login.port), "-hostkey", login.fingerprint]
        return run(
            ["pscp", "-scp", "-batch", "-noagent", "-q", "-pwfile", password, *where, *arguments],
            env=clean_environment(HOME=str(settings)),
            timeout=60,
        )

    def test_files_and_trees_both_ways(self, login, settings, workdir):
        source = workdir / "plain"
        (source / "sub/deeper").mkdir(parents=True)
        (source / "one.bin").write_bytes(random_bytes(300_000, 1))
        (source / "sub/deeper/two.bin").write_bytes(random_bytes(70_000, 2))
        os.utime(source / "one.bin", (1_000_000_000, 1_000_000_007))
        host = f"{login.user}@{login.host}:"
        self.pscp(login, settings, "-r", "-p", source, f"{host}/")
        assert tree(login.home / "plain") == tree(source)
        assert (login.home / "plain/one.bin").stat().st_mtime == 1_000_000_007
        back = workdir / "back"
        back.mkdir()
        self.pscp(login, settings, "-r", "-p", f"{host}/plain", back)
        assert tree(back / "plain") == tree(source)
        assert (back / "plain/one.bin").stat().st_mtime == 1_000_000_007
        self.pscp(login, settings, source / "one.bin", f"{host}/other.bin")
        assert login.on_disk(b"other.bin").read_bytes() == (source / "one.bin").read_bytes()

    def test_a_missing_file_is_an_error(self, login, settings, workdir):
        with pytest.raises(ProgramFailed) as failed:
            self.pscp(login, settings, f"{login.user}@{login.host}:/missing", workdir / "x")
        assert "No such file or directory" in str(failed.value)


class TestAsyncsshScp:
    """asyncssh.scp: an implementation of its own of both sides."""

    def options(self, login):
        return {
            "port": login.port,
            "username": login.user,
            "password": login.password,
            "known_hosts": str(login.known_hosts),
            "client_keys": None,
            "config": None,
        }

    def test_trees_both_ways_with_times(self, login, source, workdir):
        (source / "empty.dat").chmod(0o640)

        async def copy():
            async with asyncssh.connect(login.host, **self.options(login)) as connection:
                await asyncssh.scp(str(source), (connection, "/up"), recurse=True, preserve=True)
                await asyncssh.scp((connection, "/up"), str(workdir / "back"), recurse=True, preserve=True)

        asyncio.run(asyncio.wait_for(copy(), 60))
        assert tree(login.home / "up") == tree(source)
        assert tree(workdir / "back") == tree(source)
        assert stat.S_IMODE((login.home / "up/empty.dat").stat().st_mode) == 0o640

    def test_what_is_missing_is_told(self, login, workdir):
        async def copy():
            async with asyncssh.connect(login.host, **self.options(login)) as connection:
                await asyncssh.scp((connection, "/missing"), str(workdir / "x"))

        with pytest.raises(asyncssh.SFTPError, match="No such file"):
            asyncio.run(asyncio.wait_for(copy(), 60))


def test_paramiko_checks_files(login, settings):
    content = random_bytes(100_000, 1)
    login.on_disk(b"f").write_bytes(content)
    with Paramiko(login, settings).session() as sftp, sftp.open("/f") as file:
        assert file.check("sha256") == hashlib.sha256(content).digest()
        assert file.check("md5", 1000, 2000) == hashlib.md5(content[1000:3000]).digest()
        blocks = [hashlib.sha1(content[at : at + 4096]).digest() for at in range(0, len(content), 4096)]
        assert file.check("sha1", 0, 0, 4096) == b"".join(blocks)


def test_openssh_copies_on_the_server(login, workdir):
    from harness.clients import OpensshSftp

    client = workdir / "sftp"
    client.mkdir()
    content = random_bytes(500_000, 1)
    login.on_disk(b"f").write_bytes(content)
    shown = OpensshSftp(login, client).batch(b"cp /f /g", b"ls -l /g").text
    assert login.on_disk(b"g").read_bytes() == content
    assert login.user in shown, "users-groups-by-id names the owner"


def test_asyncssh_copies_on_the_server(login, workdir):
    client = workdir / "asyncssh"
    client.mkdir()
    content = random_bytes(500_000, 1)
    login.on_disk(b"f").write_bytes(content)

    async def copy():
        connecting = asyncssh.connect(
            login.host,
            login.port,
            username=login.user,
            password=login.password,
            known_hosts=str(login.known_hosts),
            client_keys=None,
            config=None,
        )
        async with connecting as connection, connection.start_sftp_client() as sftp:
            # Given paths, it would never CLOSE what it has opened for writing, and nobody would see the copy.
            async with sftp.open("/f", "rb") as source, sftp.open("/g", "wb") as target:
                await sftp.remote_copy(source, target)
            assert sftp.limits.max_write_len == 261_120

    asyncio.run(asyncio.wait_for(copy(), 60))
    assert login.on_disk(b"g").read_bytes() == content
