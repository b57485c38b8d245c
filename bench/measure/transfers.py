"""Files up and down: CPU of the server for each GiB, and time over a long line."""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path
from statistics import median

from .client import Client
from .relay import Relay
from .servers import Login
from .table import Row

MIB = 1024 * 1024


def make_file(path: Path, mib: int) -> Path:
    """Random bytes, so that nothing on the way can make them fewer."""
    piece = os.urandom(MIB)
    with path.open("wb") as file:
        for number in range(mib):
            file.write(number.to_bytes(8, "big") + piece[8:])
    return path


def cpu_per_gib(servers: list, client: Client, directory: Path, mib: int, runs: int) -> list[Row]:
    """All servers take turns, so that a disturbance meets each of them."""
    source, back = make_file(directory / "source", mib), directory / "back"
    logins = {server.name: server.new_login() for server in servers}
    up: dict[str, list[float]] = {server.name: [] for server in servers}
    down: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(runs):
        for server in servers:
            login = logins[server.name]
            up[server.name].append(_cpu(server, client, login, f"put {source} file\n") * 1024 / mib)
            down[server.name].append(_cpu(server, client, login, f"get file {back}\n") * 1024 / mib)
            if not filecmp.cmp(source, back, shallow=False):
                raise RuntimeError(f"{server.name}: the file came back with other bytes")
            back.unlink()
            client.batch(login, "rm file\n")
    source.unlink()
    size = f"{mib // 1024} GiB" if mib % 1024 == 0 else f"{mib} MiB"
    return [
        _row(f"{size} {what}, server CPU per GiB", "s", values, 0.8) for what, values in (("up", up), ("down", down))
    ]


def _cpu(server, client: Client, login: Login, commands: str) -> float:
    before = server.cpu()
    client.batch(login, commands)
    return server.cpu() - before


def time_over_distance(
    servers: list, client: Client, relay: Path, directory: Path, mib: int, round_trip_ms: int, runs: int
) -> list[Row]:
    """Whole run of the client, login included, through the relay."""
    source = make_file(directory / "source", mib)
    times: dict[str, list[float]] = {server.name: [] for server in servers}
    for server in servers:
        login = server.new_login()
        with Relay(relay, server.port, round_trip_ms / 2) as port:
            for _ in range(runs):
                times[server.name].append(client.batch(login, f"put {source} file\n", port))
        client.batch(login, "rm file\n")
    source.unlink()
    return [_row(f"{mib} MiB up at {round_trip_ms} ms round trip", "s", times, 0.4)]


def _row(what: str, unit: str, values: dict[str, list[float]], bar: float) -> Row:
    medians = {name: median(runs) for name, runs in values.items()}
    ours = medians.pop("longshore")
    return Row(what, unit, ours, bar, theirs=medians or None, absolute=False)


def free_gib(directory: Path) -> float:
    return shutil.disk_usage(directory).free / (1 << 30)
