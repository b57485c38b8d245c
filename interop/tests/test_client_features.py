"""What single clients do beyond what all of them do, and what people use them for."""

from __future__ import annotations

import asyncio
import os
import re
import stat

import pytest

from harness.clients import CLIENTS, Asyncssh, Curl, Lftp, OpensshSftp, Paramiko, Psftp, Rclone
from harness.data import make_tree, random_bytes, tree
from harness.processes import ProgramFailed


@pytest.fixture
def settings(workdir):
    path = workdir / "client"
    path.mkdir()
    return path


@pytest.fixture
def source(workdir):
    """A directory with all kinds of files."""
    make_tree(workdir / "source")
    return workdir / "source"


class TestOpensshSftp:
    @pytest.fixture
    def sftp(self, login, settings):
        return OpensshSftp(login, settings)

    def test_rename_replaces_and_rename_l_does_not(self, sftp, login):
        login.on_disk(b"a").write_bytes(b"new")
        login.on_disk(b"b").write_bytes(b"old")
        with pytest.raises(ProgramFailed):
            sftp.batch(b"rename -l /a /b")  # the request of the draft, which must not replace
        assert tree(login.home) == {b"a": b"new", b"b": b"old"}
        sftp.batch(b"rename /a /b")  # posix-rename@openssh.com
        assert tree(login.home) == {b"b": b"new"}

    def test_links_are_made_shown_and_followed(self, sftp, login, workdir):
        login.on_disk(b"file").write_bytes(b"content")
        sftp.batch(b"ln -s file /soft", b"ln /file /hard", b"get /soft " + bytes(workdir / "received"))
        assert os.readlink(login.on_disk(b"soft")) == "file"
        assert login.on_disk(b"hard").samefile(login.on_disk(b"file"))
        assert (workdir / "received").read_bytes() == b"content"
        shown = sftp.batch(b"ls -ln /").text
        assert any(line.startswith("l") and "soft" in line for line in shown.splitlines())

    def test_modes_and_listing_details(self, sftp, login):
        login.on_disk(b"file").write_bytes(b"x" * 12345)
        sftp.batch(b"chmod 600 /file")
        assert stat.S_IMODE(login.on_disk(b"file").stat().st_mode) == 0o600
        (line,) = [line for line in sftp.batch(b"ls -l /").text.splitlines() if line.endswith("file")]
        assert line.startswith("-rw-------") and " 12345 " in line

    def test_df_and_limits(self, sftp):
        assert "%" in sftp.batch(b"df -h /").text

    def test_fsync_after_each_put(self, sftp, login, workdir):
        (workdir / "sent").write_bytes(random_bytes(300_000, 3))
        sftp.batch(b"put -f " + bytes(workdir / "sent") + b" /file")
        assert login.on_disk(b"file").read_bytes() == random_bytes(300_000, 3)

    def test_a_download_is_resumed(self, sftp, login, workdir):
        content = random_bytes(400_000, 5)
        login.on_disk(b"file").write_bytes(content)
        (workdir / "part").write_bytes(content[:150_000])
        sftp.batch(b"reget /file " + bytes(workdir / "part"))
        assert (workdir / "part").read_bytes() == content

    def test_a_shorter_remote_file_is_continued(self, sftp, login, workdir):
        content = random_bytes(400_000, 6)
        (workdir / "whole").write_bytes(content)
        login.on_disk(b"file").write_bytes(content[:150_000])
        sftp.batch(b"reput " + bytes(workdir / "whole") + b" /file")
        assert login.on_disk(b"file").read_bytes() == content

    def test_working_directory_and_patterns(self, sftp, login, workdir):
        for number in range(3):
            (workdir / f"in-{number}.edi").write_bytes(b"%d" % number)
        sftp.batch(
            b"pwd", b"mkdir inbound", b"cd inbound", b"lcd " + bytes(workdir), b"mput in-*.edi", b"rm in-1.*", b"cd ..", b"pwd"
        )
        assert tree(login.home) == {b"inbound": None, b"inbound/in-0.edi": b"0", b"inbound/in-2.edi": b"2"}

    @pytest.mark.longshore_only
    def test_the_home_is_shown_as_the_root(self, sftp):
        assert "Remote working directory: /\n" in sftp.batch(b"pwd", b"cd ../..", b"pwd").text

    @pytest.mark.longshore_only
    @pytest.mark.parametrize(
        "cipher",
        ["aes128-ctr", "aes256-ctr", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"],
    )
    def test_every_cipher_of_ours_carries_a_megabyte(self, sftp, login, workdir, cipher):
        content = random_bytes(1 << 20, 8)
        (workdir / "sent").write_bytes(content)
        commands = b"put %s /file" % bytes(workdir / "sent"), b"get /file " + bytes(workdir / "received")
        sftp.batch(*commands, extra=(f"-oCiphers={cipher}",))
        assert (workdir / "received").read_bytes() == content

    def test_large_requests_and_a_rekey_on_the_way(self, sftp, login, workdir):
        content = random_bytes(24 << 20, 9)
        (workdir / "sent").write_bytes(content)
        commands = b"put %s /file" % bytes(workdir / "sent"), b"get /file " + bytes(workdir / "received")
        sftp.batch(*commands, extra=("-oRekeyLimit=3M", "-B", "261120", "-R", "128"), timeout=120)
        assert login.on_disk(b"file").read_bytes() == content
        assert (workdir / "received").read_bytes() == content


class TestLftp:
    @pytest.fixture
    def lftp(self, login, settings):
        return Lftp(login, settings)

    def test_mirror_up_again_sends_only_what_changed_and_deletes_what_went(self, lftp, login, source):
        mirror = b"mirror -R --delete --verbose %s /copy" % bytes(source)
        lftp.script(mirror)
        assert tree(login.home / "copy") == tree(source)
        assert "Transferring" not in lftp.script(mirror).text
        (source / "inbound/part-03.bin").unlink()
        (source / "inbound/part-04.bin").write_bytes(b"changed")
        again = lftp.script(mirror).text
        assert again.count("Transferring") == 1 and "part-04.bin" in again
        assert tree(login.home / "copy") == tree(source)

    def test_mirror_down_in_parallel(self, lftp, login, workdir):
        make_tree(login.home / "tree")
        lftp.script(b"mirror --parallel=4 /tree %s" % bytes(workdir / "copy"))
        assert tree(workdir / "copy") == tree(login.home / "tree")

    def test_pget_reads_one_file_in_parts_at_once(self, lftp, login, workdir):
        login.on_disk(b"file").write_bytes(random_bytes(5 << 20, 11))
        lftp.script(b"pget -n 4 /file -o %s" % bytes(workdir / "received"))
        assert (workdir / "received").read_bytes() == random_bytes(5 << 20, 11)


class TestRclone:
    @pytest.fixture
    def rclone(self, login, settings):
        return Rclone(login, settings)

    def test_copy_and_check_both_ways(self, rclone, login, source, workdir):
        remote = rclone.remote(b"/copy")
        rclone.rclone("copy", source, remote)
        rclone.rclone("check", source, remote)
        rclone.rclone("check", "--download", source, remote)
        rclone.rclone("copy", remote, workdir / "back")
        rclone.rclone("check", "--download", remote, workdir / "back")
        assert tree(login.home / "copy").keys() == tree(workdir / "back").keys()

    def test_check_notices_a_difference(self, rclone, login, source):
        remote = rclone.remote(b"/copy")
        rclone.rclone("copy", source, remote)
        victim = login.home / "copy/inbound/part-07.bin"
        victim.write_bytes(victim.read_bytes()[:-1] + b"!")
        with pytest.raises(ProgramFailed):
            rclone.rclone("check", "--download", source, remote)

    def test_sync_sends_nothing_twice_and_removes_what_went(self, rclone, login, source):
        remote = rclone.remote(b"/copy")
        rclone.rclone("sync", "--create-empty-src-dirs", source, remote)
        assert tree(login.home / "copy") == tree(source)
        again = rclone.rclone("sync", "-v", source, remote).errors
        assert re.search(r"Transferred:\s+0 B / 0 B", again), again
        (source / "empty.dat").unlink()
        rclone.rclone("sync", source, remote)
        assert b"empty.dat" not in tree(login.home / "copy")

    def test_it_moves_a_directory(self, rclone, login, source):
        rclone.rclone("copy", "--create-empty-src-dirs", source, rclone.remote(b"/old"))
        rclone.rclone("moveto", rclone.remote(b"/old"), rclone.remote(b"/new"))
        assert tree(login.home / "new") == tree(source)


class TestCurl:
    @pytest.fixture
    def curl(self, login, settings):
        return Curl(login, settings)

    def test_a_range_is_downloaded_and_a_download_resumed(self, curl, login, workdir):
        content = random_bytes(100_000, 13)
        login.on_disk(b"file").write_bytes(content)
        curl.curl(b"/file", "-r", "500-999", "-o", workdir / "range")
        assert (workdir / "range").read_bytes() == content[500:1000]
        (workdir / "part").write_bytes(content[:40_000])
        curl.curl(b"/file", "-C", "-", "-o", workdir / "part")
        assert (workdir / "part").read_bytes() == content

    def test_an_upload_is_appended(self, curl, login, workdir):
        login.on_disk(b"log").write_bytes(b"first\n")
        (workdir / "more").write_bytes(b"second\n")
        curl.curl(b"/log", "--append", "-T", workdir / "more")
        assert login.on_disk(b"log").read_bytes() == b"first\nsecond\n"

    def test_missing_directories_are_made(self, curl, login, workdir):
        (workdir / "file").write_bytes(b"deep")
        with pytest.raises(ProgramFailed):
            curl.curl(b"/a/b/c/file", "-T", workdir / "file")
        curl.curl(b"/a/b/c/file", "--ftp-create-dirs", "-T", workdir / "file")
        assert login.on_disk(b"a/b/c/file").read_bytes() == b"deep"


class TestParamiko:
    @pytest.fixture
    def sftp(self, login, settings):
        with Paramiko(login, settings).session() as sftp:
            yield sftp

    def test_files_are_written_in_place_and_appended(self, sftp, login):
        with sftp.open("/file", "w") as file:
            file.write(b"0123456789")
        with sftp.open("/file", "r+") as file:
            file.seek(3)
            file.write(b"xyz")
            file.seek(0)
            assert file.read() == b"012xyz6789"
        with sftp.open("/file", "a") as file:
            file.write(b"!")
        assert login.on_disk(b"file").read_bytes() == b"012xyz6789!"
        with pytest.raises(OSError):
            sftp.open("/file", "x")
        sftp.truncate("/file", 4)
        assert login.on_disk(b"file").read_bytes() == b"012x"

    def test_attributes(self, sftp, login):
        with sftp.open("/file", "w") as file:
            file.write(b"x" * 1000)
        sftp.chmod("/file", 0o640)
        sftp.utime("/file", (1_234_567_890, 1_234_567_891))
        shown = sftp.stat("/file")
        assert (shown.st_size, shown.st_mtime, stat.S_IMODE(shown.st_mode)) == (1000, 1_234_567_891, 0o640)
        assert [entry.filename for entry in sftp.listdir_attr("/")] == ["file"]

    def test_links(self, sftp):
        with sftp.open("/file", "w") as file:
            file.write(b"linked")
        sftp.symlink("file", "/link")
        assert sftp.readlink("/link") == "file"
        assert stat.S_ISLNK(sftp.lstat("/link").st_mode)
        assert stat.S_ISREG(sftp.stat("/link").st_mode)
        assert sftp.normalize("/./link/..") == "/"

    def test_rename_of_the_draft_does_not_replace_and_posix_rename_does(self, sftp, login):
        login.on_disk(b"a").write_bytes(b"new")
        login.on_disk(b"b").write_bytes(b"old")
        with pytest.raises(OSError):
            sftp.rename("/a", "/b")
        sftp.posix_rename("/a", "/b")
        assert tree(login.home) == {b"b": b"new"}

    def test_errors_have_their_python_kinds(self, sftp, login):
        with pytest.raises(FileNotFoundError):
            sftp.stat("/missing")
        login.on_disk(b"directory").mkdir()
        for wrong in (lambda: sftp.remove("/directory"), lambda: sftp.mkdir("/directory"), lambda: sftp.rmdir("/missing")):
            with pytest.raises(OSError):
                wrong()

    def test_a_directory_of_5000_files_is_listed_whole(self, sftp, login):
        for number in range(5000):
            login.on_disk(b"file-%05d" % number).touch()
        assert sorted(sftp.listdir("/")) == [f"file-{number:05}" for number in range(5000)]
        assert len(list(sftp.listdir_iter("/", read_aheads=20))) == 5000


class TestAsyncssh:
    @pytest.fixture
    def client(self, login, settings):
        return Asyncssh(login, settings)

    def test_many_files_at_once_over_one_session(self, client, login, workdir):
        async def work(sftp):
            async def one(number: int) -> bytes:
                content = random_bytes(50_000 + number, number)
                async with sftp.open(b"/file-%d" % number, "wb") as file:
                    await file.write(content)
                async with sftp.open(b"/file-%d" % number, "rb") as file:
                    return await file.read()

            return await asyncio.gather(*(one(number) for number in range(40)))

        read_back = client.session(work)
        assert read_back == [random_bytes(50_000 + number, number) for number in range(40)]
        assert len(os.listdir(login.home)) == 40

    def test_sparse_writes_leave_zeros_between(self, client, login):
        async def work(sftp):
            async with sftp.open(b"/file", "wb") as file:
                await file.write(b"end", 1_000_000)
                await file.write(b"start", 0)

        client.session(work)
        assert login.on_disk(b"file").read_bytes() == b"start" + bytes(999_995) + b"end"

    def test_extensions_of_openssh(self, client, login):
        async def work(sftp):
            async with sftp.open(b"/file", "wb") as file:
                await file.write(b"content")
                await file.fsync()
                inside = await file.statvfs()
            outside = await sftp.statvfs(b"/")
            await sftp.link(b"/file", b"/other")
            await sftp.posix_rename(b"/other", b"/file2")
            return inside.bsize, outside.bsize, sftp.limits.max_read_len, sftp.limits.max_write_len

        block, same_block, reads, writes = client.session(work)
        assert block == same_block > 0
        assert reads >= 255 << 10 and writes >= 255 << 10
        assert tree(login.home) == {b"file": b"content", b"file2": b"content"}

    def test_patterns_and_removing_a_tree(self, client, login):
        make_tree(login.home / "tree")

        async def work(sftp):
            found = await sftp.glob(b"/tree/inbound/part-0*.bin")
            await sftp.rmtree(b"/tree")
            return found

        assert len(client.session(work)) == 10
        assert tree(login.home) == {}


class TestPsftp:
    def test_patterns_and_resuming_a_download(self, login, settings, workdir):
        psftp = Psftp(login, settings)
        content = random_bytes(300_000, 17)
        login.on_disk(b"one.edi").write_bytes(content)
        login.on_disk(b"two.edi").write_bytes(b"two")
        (workdir / "one.edi").write_bytes(content[:100_000])
        psftp.batch(b'lcd "%s"' % bytes(workdir), b"reget one.edi", b"mget two.*", b"del two.*")
        assert (workdir / "one.edi").read_bytes() == content
        assert (workdir / "two.edi").read_bytes() == b"two"
        assert tree(login.home) == {b"one.edi": content}

    def test_it_says_where_it_is_and_changes_modes(self, login, settings):
        login.on_disk(b"file").write_bytes(b"x")
        shown = Psftp(login, settings).batch(b"pwd", b"chmod 600 file", b"ls").text
        assert "-rw-------" in shown


def test_a_file_that_one_client_sent_reads_the_same_through_all(login, workdir):
    """Upload by one, download by each of the others: nobody rewrites what goes through."""
    content = bytes(range(256)) * 400 + b"\r\n\n\r\x1a\x00"
    (workdir / "sent").write_bytes(content)
    for number, kind in enumerate(CLIENTS):
        settings = workdir / f"settings-{number}"
        settings.mkdir()
        client = kind(login, settings)
        if number == 0:
            client.put(workdir / "sent", b"/shared")
        client.get(b"/shared", workdir / f"received-{number}")
        assert (workdir / f"received-{number}").read_bytes() == content, kind.name
