"""A home mounted with sshfs is a file system that programs can work in, not only a place to copy files to."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
from pathlib import Path

import pytest

from harness.data import random_bytes, tree
from harness.processes import clean_environment, run
from harness.sshfs import mounted

SMALL_FILES = 2_000


def _git(where: Path, *arguments: str, home: Path) -> str:
    identity = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(home)}
    for who in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{who}_NAME": "Partner", f"GIT_{who}_EMAIL": "partner@example.com"}
    # The files belong to whom the server says, not to whoever runs this test.
    safe = ["-c", "safe.directory=*", "-c", "init.defaultBranch=main"]
    return run(["git", *safe, "-C", where, *arguments], timeout=120, env=clean_environment(**identity)).text


@pytest.mark.parametrize("sync", ["once at the end", "every eight writes"])
def test_random_writes_read_back_as_written(login, workdir, sync):
    """fio writes 16 MiB in random order, twice over, and checks the checksum in each block."""
    with mounted(login, workdir) as home:
        jobs = ["--name=random", f"--directory={home}", "--filename=blocks", "--size=16M", "--rw=randwrite"]
        jobs += ["--bsrange=4k-64k", "--ioengine=psync", "--norandommap=0", "--randseed=7", "--end_fsync=1"]
        jobs += ["--fsync=8"] if sync == "every eight writes" else []
        verify = ["--verify=sha256", "--do_verify=1", "--verify_fatal=1", "--loops=1"]
        run(["fio", *jobs, *verify], timeout=150, cwd=workdir)
        first = hashlib.sha256((home / "blocks").read_bytes()).hexdigest()
        # Over the existing file: now it is edited in place.
        run(["fio", *jobs, *verify, "--randseed=8", "--overwrite=1"], timeout=150, cwd=workdir)
        # Once more from the server: what is read is not what the kernel remembers.
        run(["fio", *jobs, *verify, "--randseed=8", "--verify_only"], timeout=150, cwd=workdir)
        second = hashlib.sha256((home / "blocks").read_bytes()).hexdigest()
    assert first != second
    assert hashlib.sha256(login.on_disk(b"blocks").read_bytes()).hexdigest() == second


def test_git_clones_commits_and_collects_garbage(login, workdir):
    origin = workdir / "origin"
    origin.mkdir()
    _git(origin, "init", "--quiet", home=workdir)
    for number in range(60):
        path = origin / f"part-{number % 7}" / f"file-{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(random_bytes(2_000, number))
    (origin / "run.sh").write_text("#!/bin/sh\n")
    (origin / "run.sh").chmod(0o755)
    (origin / "link").symlink_to("run.sh")
    _git(origin, "add", "-A", home=workdir)
    _git(origin, "commit", "--quiet", "-m", "first", home=workdir)
    with mounted(login, workdir) as home:
        _git(home, "clone", "--quiet", f"file://{origin}", "clone", home=workdir)
        clone = home / "clone"
        for number in range(3):
            (clone / f"part-{number}" / "new.txt").write_bytes(random_bytes(5_000, 100 + number))
            _git(clone, "add", "-A", home=workdir)
            _git(clone, "commit", "--quiet", "-m", f"commit {number}", home=workdir)
        _git(clone, "gc", "--quiet", "--aggressive", "--prune=now", home=workdir)
        _git(clone, "fsck", "--full", "--strict", home=workdir)
        assert _git(clone, "status", "--porcelain", home=workdir) == ""
        _git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/back", home=workdir)
        head = _git(clone, "rev-parse", "HEAD", home=workdir)
    assert _git(origin, "rev-parse", "back", home=workdir) == head
    # And straight from the disk.
    _git(login.on_disk(b"clone"), "fsck", "--full", "--strict", home=workdir)
    assert _git(login.on_disk(b"clone"), "rev-parse", "HEAD", home=workdir) == head


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_stays_whole(login, workdir, journal):
    chance = random.Random(journal)
    with mounted(login, workdir) as home:
        with sqlite3.connect(home / "partner.db", isolation_level=None) as database:
            assert database.execute(f"PRAGMA journal_mode={journal}").fetchone() == (journal,)
            database.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
            database.execute("CREATE INDEX by_body ON line (substr(body, 1, 8))")
            kept = _fill(database, chance)
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            database.execute("DELETE FROM line WHERE id % 3 = 0")
            database.execute("VACUUM")
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            kept = {number: body for number, body in kept.items() if number % 3}
        database.close()
    with sqlite3.connect(f"file:{login.on_disk(b'partner.db')}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert dict(database.execute("SELECT id, body FROM line")) == kept
    database.close()


def _fill(database: sqlite3.Connection, chance: random.Random) -> dict[int, bytes]:
    """Some thirty transactions, every fifth of them rolled back."""
    kept: dict[int, bytes] = {}
    for turn in range(30):
        rows = {turn * 100 + number: chance.randbytes(chance.randrange(1, 3_000)) for number in range(1, 40)}
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO line VALUES (?, ?)", rows.items())
        if turn % 5 == 4:
            database.execute("ROLLBACK")
        else:
            database.execute("COMMIT")
            kept |= rows
    return kept


def test_tar_unpacks_and_packs_many_files(login, workdir):
    source = workdir / "source"
    for number in range(SMALL_FILES):
        path = source / f"d{number % 20:02}" / f"file-{number:04}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random_bytes(number % 700, number))
        os.utime(path, (1_500_000_000 + number, 1_500_000_000 + number))
    run(["tar", "-cf", workdir / "there.tar", "-C", source, "."], timeout=120)
    with mounted(login, workdir) as home:
        run(["tar", "-xf", workdir / "there.tar", "-C", home], timeout=200)
        assert tree(home) == tree(source)
        # Names, sizes, times, modes and contents against the archive.
        run(["tar", "-df", workdir / "there.tar", "-C", home], timeout=200)
    assert tree(login.home) == tree(source)
    assert _times(login.home) == _times(source)


def test_copies_keep_times_and_modes_both_ways(login, workdir):
    source = workdir / "source"
    (source / "inner").mkdir(parents=True)
    for number, mode in enumerate((0o644, 0o600, 0o755, 0o440)):
        path = source / "inner" / f"file-{number}"
        path.write_bytes(random_bytes(10_000 * number, number))
        path.chmod(mode)
        os.utime(path, (1_400_000_000, 1_400_000_000 + number * 86_400))
    # sshfs sets the times of what a link points to, so not to a file.
    (source / "link").symlink_to("inner")
    os.utime(source / "inner", (1_300_000_000, 1_300_000_000))
    with mounted(login, workdir) as home:
        run(["cp", "-a", source, home / "copy"], timeout=60)
        run(["cp", "-a", home / "copy", workdir / "back"], timeout=60)
    for copy in (login.on_disk(b"copy"), workdir / "back"):
        assert tree(copy) == tree(source)
        assert _times(copy) == _times(source)
        assert _modes(copy) == _modes(source)


def test_programs_see_what_a_file_system_does(login, workdir):
    """The corners that editors, builds and databases turn: each as on a local disk."""
    with mounted(login, workdir) as home:
        # Written while open elsewhere for reading: one file, not two.
        with (home / "log").open("wb") as writer, (home / "log").open("rb") as reader:
            writer.write(b"first")
            writer.flush()
            os.fsync(writer.fileno())
            assert reader.read() == b"first"
        with (home / "log").open("ab") as writer:
            writer.write(b" second")
        assert (home / "log").read_bytes() == b"first second"
        # Shortened and grown.
        os.truncate(home / "log", 5)
        assert (home / "log").read_bytes() == b"first"
        os.truncate(home / "log", 8)
        assert (home / "log").read_bytes() == b"first\0\0\0"
        # Saved as editors do: a new file takes the name.
        (home / "log.new").write_bytes(b"edited")
        os.replace(home / "log.new", home / "log")
        assert (home / "log").read_bytes() == b"edited"
        # Renamed and removed while open.
        with (home / "open").open("w+b") as file:
            file.write(b"still")
            file.flush()
            os.rename(home / "open", home / "renamed")
            file.seek(0)
            assert file.read() == b"still"
        assert (home / "renamed").read_bytes() == b"still"
        with pytest.raises(FileExistsError):
            (home / "renamed").open("xb")
        (home / "directory").mkdir()
        (home / "directory/inside").write_bytes(b"")
        with pytest.raises(OSError):
            (home / "directory").rmdir()
        assert os.statvfs(home).f_blocks > 0
    assert tree(login.home) == {
        b"log": b"edited",
        b"renamed": b"still",
        b"directory": None,
        b"directory/inside": b"",
    }


def _times(root: Path) -> dict[str, int]:
    return {str(p.relative_to(root)): int(p.stat().st_mtime) for p in root.rglob("*") if not p.is_symlink() and p.is_file()}


def _modes(root: Path) -> dict[str, int]:
    return {str(p.relative_to(root)): p.stat().st_mode & 0o777 for p in root.rglob("*") if p.is_file()}
