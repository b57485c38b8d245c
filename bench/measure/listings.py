"""Listing a large directory."""

from __future__ import annotations

import struct
import subprocess
import time
from pathlib import Path
from statistics import median

from .client import Client
from .raw import NAME, READDIR, Raw, string
from .table import Row


def rows(servers: list, client: Client, entries: int, runs: int) -> list[Row]:
    """`ls -1` and `ls -l` with OpenSSH's client; the first answer over a session of its own."""
    names = {server.name: _fill(server, client, entries) for server in servers}
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {}
    first: dict[str, list[float]] = {}
    for _ in range(runs):
        for server in servers:
            login = names[server.name]
            for command in ("ls -1", "ls -l"):
                before = server.cpu()
                wall = client.batch(login, f"{command} many\n")
                taken.setdefault((command, server.name), []).append((wall, server.cpu() - before))
            first.setdefault(server.name, []).append(_first_answer(client, login))
            if hasattr(server, "subsystem"):
                server.cpu()  # waits for that session's processes
    listed = []
    for command in ("ls -1", "ls -l"):
        what = f"{command} of {entries:,} entries"
        for which, (name, bar) in enumerate((("time", 0.7), ("server CPU", 0.5))):
            values = {server.name: median(run[which] for run in taken[command, server.name]) for server in servers}
            listed.append(Row(f"{what}, {name}", "s", values.pop("longshore"), bar, values or None))
    values = {name: median(times) * 1000 for name, times in first.items()}
    what = f"first answer to READDIR of {entries:,} entries"
    listed.append(Row(what, "ms", values.pop("longshore"), 50, values or None, absolute=True))
    return listed


def _fill(server, client: Client, entries: int):
    """Empty files where the server keeps them; nobody measures that."""
    login = server.new_login()
    client.batch(login, "mkdir many\n")
    place = server.directory / "home/many" if hasattr(server, "subsystem") else _home(server.data_dir) / "many"
    for number in range(entries):
        (place / f"entry-{number:06}").touch()
    return login


def _home(data_dir: Path) -> Path:
    found = subprocess.run(
        ["find", data_dir / "buckets", "-type", "d", "-name", "many"], check=True, capture_output=True, text=True
    ).stdout.split("\n")
    return Path(found[0]).parent


def _first_answer(client: Client, login) -> float:
    """From OPENDIR to the first names, in seconds."""
    with Raw(client, login) as session:
        started = time.monotonic()
        handle = session.open_directory(f"{login.home.rstrip('/')}/many")
        kind, body = session.ask(READDIR, string(handle))
        took = time.monotonic() - started
    if kind != NAME or struct.unpack_from(">I", body)[0] == 0:
        raise RuntimeError(f"READDIR answered {kind}: {body[:200]!r}")
    return took
