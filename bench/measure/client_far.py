"""Our client at a distance beside others: many small files, large ones, and the way to the first reply."""

from __future__ import annotations

import filecmp
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path
from statistics import median

from .client import Client
from .client_programs import Run, run
from .relay import Far
from .servers import Login
from .table import Row
from .transfers import make_file

SIZE = 4096
INIT = struct.pack(">IBI", 5, 1, 3)
"""SSH_FXP_INIT with version 3 (draft-ietf-secsh-filexfer-02 §4)."""


def small_files(
    clients: list, relay: Path, login: Login, directory: Path, count: int, round_trip_ms: int, runs: int
) -> list[Row]:
    """Whole commands that move a folder of short files. The clients take turns."""
    source, back = directory / "short", directory / "short-back"
    source.mkdir()
    for number in range(count):
        (source / f"file-{number:05}").write_bytes(os.urandom(SIZE))
    up: dict[str, list[float]] = {client.name: [] for client in clients}
    down: dict[str, list[float]] = {client.name: [] for client in clients}
    with Far(relay, login, round_trip_ms) as far:
        for turn in range(runs):
            for number, client in enumerate(clients):
                remote = f"{login.home}/short-{turn}-{number}"
                up[client.name].append(client.put(far, source, remote, tree=True).wall)
                down[client.name].append(client.get(far, remote, back, tree=True).wall)
                names = [file.name for file in source.iterdir()]
                if filecmp.cmpfiles(source, back, names, shallow=False)[1:] != ([], []):
                    raise RuntimeError(f"{client.name}: the files came back with other bytes")
                shutil.rmtree(back)
                shutil.rmtree(remote)
    shutil.rmtree(source)
    what = f"{count} × 4 KiB {{}}, {round_trip_ms} ms, whole command"
    return [_row(what.format("up"), "s", up, 1.5, 0.9), _row(what.format("down"), "s", down, 1.8, 1.0)]


def after_connect(
    clients: list, relay: Path, login: Login, directory: Path, mib: int, round_trip_ms: int, runs: int
) -> list[Row]:
    """The rate of one file once the client is connected."""
    rates = lambda client, far, done: mib / client.after_connect(far, done)
    up, down = _one_file(clients, relay, login, directory, mib, round_trip_ms, runs, rates)
    what = f"{mib} MiB {{}}, {round_trip_ms} ms, after connect"
    # the aim is the line, which is as fast as this machine
    return [
        _row(what.format(way), "MiB/s", values, 30, None, higher=True) for way, values in (("up", up), ("down", down))
    ]


def large_file(
    clients: list, relay: Path, login: Login, directory: Path, mib: int, round_trip_ms: int, runs: int
) -> list[Row]:
    """Whole commands that move one file."""
    up, down = _one_file(clients, relay, login, directory, mib, round_trip_ms, runs, lambda _c, _f, done: done.wall)
    what = f"{mib} MiB {{}}, {round_trip_ms} ms, whole command"
    return [_row(what.format(way), "s", values, 2.5, 1.5) for way, values in (("up", up), ("down", down))]


def _one_file(
    clients: list, relay: Path, login: Login, directory: Path, mib: int, round_trip_ms: int, runs: int, value
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    source, back = make_file(directory / "source", mib), directory / "back"
    remote = f"{login.home}/file"
    up: dict[str, list[float]] = {client.name: [] for client in clients}
    down: dict[str, list[float]] = {client.name: [] for client in clients}
    with Far(relay, login, round_trip_ms) as far:
        for _ in range(runs):
            for client in clients:
                sent: Run = client.put(far, source, remote)
                up[client.name].append(value(client, far, sent))
                got: Run = client.get(far, remote, back)
                down[client.name].append(value(client, far, got))
                if not filecmp.cmp(source, back, shallow=False):
                    raise RuntimeError(f"{client.name}: the file came back with other bytes")
                back.unlink()
                os.unlink(remote)
    source.unlink()
    return up, down


def first_reply(helper: Path, client: Client, relay: Path, login: Login, round_trip_ms: int, runs: int) -> list[Row]:
    """Round trips from connecting to the server's first SFTP packet, by key: the delay, less the same without delay.

    The relay answers the handshake of the socket at once; in life that is a round trip more, which is added.
    """
    taken: dict[str, dict[int, list[float]]] = {name: {0: [], round_trip_ms: []} for name in ("longshore", "ssh -s")}
    for _ in range(runs):
        for delay in (0, round_trip_ms):
            with Far(relay, login, delay) as far:
                told = run([helper, far.user, str(far.port), str(far.key), str(far.known_hosts)])
                taken["longshore"][delay].append(float(told.output))
                taken["ssh -s"][delay].append(_first_reply_of_ssh(client, far))
    # a count is not left to chance: what disturbs a run only makes it longer
    trips = {
        name: 1 + (min(times[round_trip_ms]) - min(times[0])) / (round_trip_ms / 1000)
        for name, times in taken.items()
    }
    ours = trips.pop("longshore")
    # timers are late, never early: a fifth of a round trip is not one
    return [Row("connect to first SFTP reply, by key", "RTT", ours, 9.2, trips, absolute=True, aim=6.2)]


def _first_reply_of_ssh(client: Client, login: Login) -> float:
    started = time.monotonic()
    session: subprocess.Popen = client.subsystem(login)
    session.stdin.write(INIT)
    session.stdin.flush()
    if session.stdout.read(5)[4:] != b"\x02":
        raise RuntimeError("no VERSION came")
    took = time.monotonic() - started
    session.stdin.close()
    session.wait(60)
    session.stdout.close()
    return took


def _row(
    what: str, unit: str, values: dict[str, list[float]], bar: float, aim: float | None, higher: bool = False
) -> Row:
    medians = {name: median(runs) for name, runs in values.items()}
    ours = medians.pop("longshore")
    return Row(what, unit, ours, bar, medians or None, absolute=True, aim=aim, higher=higher)
