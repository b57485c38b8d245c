"""Our client on this machine beside OpenSSH's: what a gigabyte costs."""

from __future__ import annotations

import filecmp
import os
from pathlib import Path
from statistics import median

from .client_programs import Run
from .servers import Login
from .table import Row
from .transfers import make_file


def rows(clients: list, login: Login, directory: Path, mib: int, runs: int) -> list[Row]:
    """CPU of the client for each GiB, and time of the whole command. The clients take turns, each first every other time."""
    source, back = make_file(directory / "source", mib), directory / "back"
    remote = f"{login.home}/file"
    taken: dict[str, dict[str, list[Run]]] = {way: {client.name: [] for client in clients} for way in ("up", "down")}
    for turn in range(runs):
        for client in clients if turn % 2 == 0 else reversed(clients):
            taken["up"][client.name].append(client.put(login, source, remote))
            taken["down"][client.name].append(client.get(login, remote, back))
            if not filecmp.cmp(source, back, shallow=False):
                raise RuntimeError(f"{client.name}: the file came back with other bytes")
            back.unlink()
            os.unlink(remote)
    source.unlink()
    size = f"{mib // 1024} GiB" if mib % 1024 == 0 else f"{mib} MiB"
    made = []
    for way, values in taken.items():
        cpu = {name: median(run.cpu for run in runs) * 1024 / mib for name, runs in values.items()}
        made.append(_row(f"{size} {way}, loopback, client CPU per GiB", cpu))
        made.append(_row(f"{size} {way}, loopback, time", {n: median(r.wall for r in v) for n, v in values.items()}))
    return made


def _row(what: str, medians: dict[str, float]) -> Row:
    ours = medians.pop("longshore")
    return Row(what, "s", ours, 1.0, medians, aim=0.6)
