"""What logging in costs, and what a session that does nothing holds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from .client import Client
from .table import Row


def login_cpu(servers: list, client: Client, logins: int) -> list[Row]:
    """Connect, authenticate, start SFTP, close, one after the other."""
    values = {}
    for server in servers:
        login = server.new_login()
        client.batch(login, "quit\n")
        before = server.cpu()
        for _ in range(logins):
            client.batch(login, "quit\n")
        values[server.name] = (server.cpu() - before) / logins * 1000
    ours = values.pop("longshore")
    return [Row("login, server CPU", "ms", ours, 2, values or None, absolute=True, remark="OpenSSH: by key")]


def idle_memory(servers: list, client: Client, sessions: int) -> list[Row]:
    """Growth of the server, its children included, for each session that is open and idle."""
    values = {}
    for server in servers:
        login = server.new_login()
        client.batch(login, "quit\n")
        if hasattr(server, "subsystem"):
            server.cpu()  # waits for that session's processes
        before = server.memory_kib()
        # few at once: both servers bound those that have not logged in yet
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _: client.open(login), range(sessions)))
        try:
            time.sleep(1)
            values[server.name] = (server.memory_kib() - before) / sessions
        finally:
            for session in opened:
                session.stdin.close()
            for session in opened:
                session.wait(60)
                session.stdout.close()
    ours = values.pop("longshore")
    return [Row(f"{sessions} idle sessions, memory of each", "KiB", ours, 80, values or None, absolute=True)]
