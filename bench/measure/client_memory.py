"""How much memory our client needs for much: a file of many gigabytes, a tree of very many files."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

from .servers import Login
from .table import Row

FILES_PER_FOLDER = 1000


def huge_file(clients: list, login: Login, directory: Path, gib: float) -> list[Row]:
    """A file without content up and down. What is written of it is given back to the file system at once."""
    size = int(gib * (1 << 30))
    source, back = directory / "huge", directory / "huge-back"
    source.mkdir()
    back.mkdir()
    remote = Path(login.home) / "huge"
    with (source / "file").open("wb") as file:
        file.truncate(size)
    up, down = {}, {}
    for client in clients:
        remote.mkdir()
        with _Hollow(remote):
            up[client.name] = client.put(login, source / "file", f"{remote}/file", watch=True).peak_kib
        _check(client, remote / "file", size)
        shutil.rmtree(remote)
        with _Hollow(back):
            down[client.name] = client.get(login, f"{source}/file", back / "file", watch=True).peak_kib
        _check(client, back / "file", size)
        (back / "file").unlink()
    shutil.rmtree(source)
    shutil.rmtree(back)
    what = f"{gib:g} GiB file {{}}, peak memory"
    return [_row(what.format("up"), up, 64, 32), _row(what.format("down"), down, 64, 32)]


def tree(clients: list, login: Login, directory: Path, files: int) -> list[Row]:
    """A tree of very short files up and down."""
    source, back = directory / "tree", directory / "tree-back"
    remote = f"{login.home}/tree"
    for number in range(files):
        folder = source / f"folder-{number // FILES_PER_FOLDER:04}"
        if number % FILES_PER_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"file-{number:07}").write_bytes(b"%d" % number)
    up, down = {}, {}
    for client in clients:
        up[client.name] = client.put(login, source, remote, tree=True, watch=True).peak_kib
        down[client.name] = client.get(login, remote, back, tree=True, watch=True).peak_kib
        if subprocess.run(["diff", "-rq", source, back], stdout=subprocess.DEVNULL).returncode != 0:
            raise RuntimeError(f"{client.name}: the tree came back different")
        shutil.rmtree(back)
        shutil.rmtree(remote)
    shutil.rmtree(source)
    what = f"tree of {files:,} files {{}}, peak memory"
    return [_row(what.format("up"), up, 128, 64), _row(what.format("down"), down, 128, 64)]


class _Hollow:
    """Makes holes of everything in a folder as long as it is there, so that zeros take no room. For zeros only."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_) -> None:
        self.done.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.done.wait(0.2):
            for file in self.directory.iterdir():
                self._punch(file)

    def _punch(self, file: Path) -> None:
        try:
            length = file.stat().st_size
        except FileNotFoundError:
            return  # it has its final name now
        if length > 0:
            # it may be gone by now
            argv = ["fallocate", "--punch-hole", "--offset", "0", "--length", str(length), file]
            subprocess.run(argv, stderr=subprocess.DEVNULL)


def _check(client, file: Path, size: int) -> None:
    if os.stat(file).st_size != size:
        raise RuntimeError(f"{client.name}: {file.stat().st_size} bytes of {size}")


def _row(what: str, peaks: dict[str, int], bar: float, aim: float) -> Row:
    mib = {name: kib / 1024 for name, kib in peaks.items()}
    ours = mib.pop("longshore")
    return Row(what, "MiB", ours, bar, mib, absolute=True, aim=aim)
