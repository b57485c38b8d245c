"""The users API with many users, start-up, and the idle server. Ours only."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from statistics import median

from . import processes
from .servers import Longshore, free_port, wait_for_greeting
from .table import Row


def api_medians(server: Longshore, load: Path, users: int, calls: int) -> list[Row]:
    """Medians of single calls, one at a time, with `users` users there."""
    environment = os.environ | {"LONGSHORE_API_KEY": server.key}
    subprocess.run([load, server.api, "fill", str(users)], check=True, env=environment)
    measured = subprocess.run(
        [load, server.api, "measure", str(calls)], check=True, env=environment, capture_output=True, text=True
    )
    medians = json.loads(measured.stdout)
    return [
        Row(f"CreateUser at {users:,} users, median", "ms", medians["create_ms"], 5),
        Row(f"ListUsers (50) at {users:,} users, median", "ms", medians["list_ms"], 5),
        Row(f"ReadUser at {users:,} users, median", "ms", medians["read_ms"], 1),
    ]


def start_time(server: Longshore, runs: int, users: int) -> list[Row]:
    """From starting the program on an existing data directory to the first connection that it greets."""
    times = []
    for _ in range(runs):
        server.stop()
        port = free_port()
        started = time.monotonic()
        server.spawn(f"127.0.0.1:{port}")
        wait_for_greeting(port, server.process)
        times.append((time.monotonic() - started) * 1000)
        # whoever ends it must find it settled
        time.sleep(0.2)
    return [Row(f"start on a data directory with {users:,} users, median", "ms", median(times), 150)]


def idle_resident(server: Longshore) -> list[Row]:
    """After a moment of doing nothing."""
    time.sleep(2)
    return [Row("idle server, resident", "MiB", processes.resident_kib(server.process.pid) / 1024, 40)]
