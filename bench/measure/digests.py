"""What the SHA-256 of uploads costs, and that CLOSE does not wait for it."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from statistics import median

from .client import Client
from .raw import CLOSE, WRITE, Raw, string
from .table import Row
from .transfers import make_file

GIB = 1 << 30
BLOCK = 4096


def ingest(with_digest, without, client: Client, directory: Path, mib: int, runs: int) -> list[Row]:
    """Server CPU of an upload with digests less that of one without, for each GiB."""
    source = make_file(directory / "source", mib)
    servers = {"with": with_digest, "without": without}
    logins = {name: server.new_login() for name, server in servers.items()}
    taken: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(runs):
        for name, server in servers.items():
            before = server.cpu()
            client.batch(logins[name], f"put {source} file\n")
            time.sleep(0.5)  # what is finished after CLOSE counts as well
            taken[name].append(server.cpu() - before)
            client.batch(logins[name], "rm file\n")
    source.unlink()
    cost = (median(taken["with"]) - median(taken["without"])) * 1024 / mib
    return [Row("SHA-256 on ingest, server CPU per GiB", "s", cost, 0.7, remark="with digests less without")]


def close_of_reversed(server, client: Client, gib: int, step: int = 1 << 20) -> list[Row]:
    """CLOSE of a sparse file whose blocks came last one first, so that no digest could follow them."""
    login = server.new_login()
    with Raw(client, login) as session:
        handle = session.open_for_writing("reversed")
        offsets = range(gib * GIB - step, -1, -step)
        pending = 0
        for offset in offsets:
            session.send(WRITE, string(handle) + struct.pack(">Q", offset) + string(bytes(BLOCK)))
            pending += 1
            if pending == 32:
                session.expect_ok(session.reply())
                pending -= 1
        for _ in range(pending):
            session.expect_ok(session.reply())
        started = time.monotonic()
        session.expect_ok(session.ask(CLOSE, string(handle)))
        took = time.monotonic() - started
    client.batch(login, "rm reversed\n")
    return [Row(f"CLOSE after {gib} GiB in reverse order, sparse", "s", took, 2)]
