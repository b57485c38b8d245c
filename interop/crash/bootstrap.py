"""The first start of all, with a power cut in the middle of it or right after."""

from __future__ import annotations

import random
from pathlib import Path

from harness.longshore import Longshore
from harness.processes import ProgramFailed
from harness.wire import session

from . import workload
from .machine import PowerCut

GONE = (*workload.GONE, AssertionError, ProgramFailed)
"""How a start looks that the power was cut in."""

OPERATIONS = 180
"""Changes and syncs of a first start, roughly."""


def first_start(directory: Path, seed: str, ignore: tuple[tuple[str, str], ...]) -> list[str]:
    """Cuts the power during or after the first start on an empty disk; the second start has to succeed, with the
    keys that the first one showed."""
    chance = random.Random(seed)
    place = directory / f"first-{seed}"
    place.mkdir()
    machine = PowerCut(place, seed, ignore)
    server = Longshore(machine.data)
    server.log, server.known_hosts = place / "server.log", place / "known_hosts"
    shown: tuple[str, str, dict] | None = None
    try:
        if chance.random() < 0.5:
            machine.arm_at(chance.randrange(OPERATIONS))
        else:
            machine.arm_at(OPERATIONS * 100)
        try:
            server.start(timeout=30)
            user = server.api.create_user("/home", "first")
            with session(server.login(user)) as wire:
                wire.write_file(b"/file", b"first")
            shown = (server.known_hosts.read_text(), _initial_key(server), user)
        except GONE:
            if not machine.may_refuse():
                raise
        if not machine.may_refuse():
            machine.command("cut")
        server.kill()
        machine.recover()
        return _second_start(server, shown)
    finally:
        server.kill()
        machine.close()


def _initial_key(server: Longshore) -> str:
    return (server.data_dir / "initial-api-key").read_text()


def _second_start(server: Longshore, shown: tuple[str, str, dict] | None) -> list[str]:
    try:
        server.start(timeout=30)
    except GONE as problem:
        return [f"after a cut in the first start there is no second one: {problem}"]
    if shown is None:
        return []
    keys, initial_key, user = shown
    problems = []
    if _host_keys(server.known_hosts.read_text()) != _host_keys(keys):
        problems.append("the host keys changed after they were shown")
    if not (server.data_dir / "initial-api-key").exists() or _initial_key(server) != initial_key:
        problems.append("the first API key is lost")
    answer = server.api.call("GET", f"/users/{user['username']}")
    if answer.status != 200:
        problems.append(f"the first user is lost, or the key that made it: {answer}")
        return problems
    try:
        with session(server.login(user)) as wire:
            content = wire.read_file(b"/file")
    except GONE as problem:
        return [*problems, f"the first file is lost: {problem!r}"]
    if content != b"first":
        problems.append(f"the first file is {content!r}")
    return problems


def _host_keys(known_hosts: str) -> set[str]:
    """Without the addresses, which change with the port."""
    return {line.split(" ", 1)[1] for line in known_hosts.splitlines()}
