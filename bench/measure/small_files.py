"""Thousands of small files through one session: files a second, and the server's CPU for them."""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path
from statistics import median

from .client import Client
from .table import Row

SIZE = 4096


def rows(ours: list, theirs: list, client: Client, directory: Path, count: int, runs: int) -> list[Row]:
    """`ours`: a server with durability `none`, one with `close`; OpenSSH's are asked to sync (`put -f`) beside the latter."""
    source = _make(directory / "small", count)
    none, close = ours
    unsynced = _measure([none, *theirs], client, directory, source, "put -r", runs)
    synced = _measure([close, *theirs], client, directory, source, "put -r", runs, theirs="put -fr")
    shutil.rmtree(source)
    files = f"{count:,} files of 4 KiB"
    # files a second at least so many times theirs is time at most the reciprocal
    return [
        _row(f"{files} up, durability none, time", "s", unsynced["put"], 0, 1 / 1.2),
        _row(f"{files} up, durability none, server CPU", "s", unsynced["put"], 1, 0.7),
        _row(f"{files} down, time", "s", unsynced["get"], 0, 1 / 1.2),
        _row(f"{files} down, server CPU", "s", unsynced["get"], 1, 0.7),
        _row(f"{files} up, durability close beside put -f, time", "s", synced["put"], 0, 1.0),
    ]


def _make(directory: Path, count: int) -> Path:
    directory.mkdir()
    for number in range(count):
        (directory / f"file-{number:05}").write_bytes(os.urandom(SIZE))
    return directory


def _measure(
    servers: list, client: Client, directory: Path, source: Path, put: str, runs: int, theirs: str | None = None
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """(wall, CPU) of each run by direction and server; the servers take turns."""
    logins = {server.name: server.new_login() for server in servers}
    taken = {"put": {server.name: [] for server in servers}, "get": {server.name: [] for server in servers}}
    back = directory / "back"
    for run in range(runs):
        for server in servers:
            login = logins[server.name]
            command = put if server.name == "longshore" else theirs or put
            remote = f"small-{command.split()[1].strip('-')}-{run}"
            taken["put"][server.name].append(_timed(server, client, login, f"{command} {source} {remote}\n"))
            taken["get"][server.name].append(_timed(server, client, login, f"get -r {remote} {back}\n"))
            if filecmp.cmpfiles(source, back, [file.name for file in source.iterdir()], shallow=False)[1:] != ([], []):
                raise RuntimeError(f"{server.name}: the files came back with other bytes")
            shutil.rmtree(back)
    return taken


def _timed(server, client: Client, login, commands: str) -> tuple[float, float]:
    before = server.cpu()
    wall = client.batch(login, commands)
    return wall, server.cpu() - before


def _row(what: str, unit: str, values: dict[str, list[tuple[float, float]]], which: int, bar: float) -> Row:
    medians = {name: median(run[which] for run in runs) for name, runs in values.items()}
    ours = medians.pop("longshore")
    return Row(what, unit, ours, bar, theirs=medians or None)
