"""One server that goes from disaster to disaster, and what is looked at in between."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko

from harness.api import UsersApi
from harness.login import Login
from harness.longshore import Longshore
from harness.wire import connect

from .machine import Killing, PowerCut
from .model import Expected, Upload, Users
from .workload import GONE, Creator, Uploader, same_answer, twice_at_once

HOMES = 3
SESSIONS = 2
"""Sessions of each user; each has a directory of its own in the user's home."""


class Lane:
    def __init__(self, machine: Killing | PowerCut, directory: Path, seed: str, **settings: str):
        # Each start takes a free port; what CreateUser answers about it must not change with that.
        fixed = {"LONGSHORE_SFTP_PUBLIC_HOST": "sftp.example.com", "LONGSHORE_SFTP_PUBLIC_PORT": "22"}
        self.machine, self.seed = machine, seed
        self.server = Longshore(machine.data, {**fixed, **settings}, machine.wrap)
        self.server.log = directory / "server.log"
        self.server.known_hosts = directory / "known_hosts"
        self.server.start()
        self.homes = [self.server.api.create_user(f"/up/{number}", "uploader") for number in range(HOMES)]
        self.bucket = self.server.bucket()
        self.users = Users()
        self.recorded: set[str] = set()
        """Ids of the records of earlier rounds."""
        self.expected = [Expected() for _ in range(HOMES * SESSIONS)]
        self.rounds = self.acknowledged = self.created = 0
        self.damage: str | None = None
        """Damage done on purpose while the server is down, to see that it is noticed."""

    def round(self) -> list[str]:
        """One disaster; gives what was wrong before and after it."""
        self.rounds += 1
        chance = random.Random(f"{self.seed}/{self.rounds}")
        problems: list[str] = []
        catalog = self._saved_catalog() if self.damage == "catalog" else None
        uploaders = [self._uploader(number) for number in range(len(self.expected))]
        creator = Creator(self.server.api, self.users, f"{self.seed}-{self.rounds}".replace(".", "-"), self.machine.may_refuse)
        with ThreadPoolExecutor(len(uploaders)) as pool:
            for wrong in pool.map(self._prepare, uploaders):
                problems += wrong
        if not problems:
            self.machine.arm(chance)
            self._run_into_disaster([uploader.run for uploader in uploaders] + [creator.run])
            problems = [problem for worker in [*uploaders, creator] for problem in worker.problems]
            self._do_damage(catalog)
            self.machine.recover()
            problems += self.look(chance)
        for uploader in uploaders:
            uploader.close()
        return problems

    def _run_into_disaster(self, jobs: list) -> None:
        threads = [threading.Thread(target=job, daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        try:
            self.machine.wait()
        finally:
            self.server.kill()
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive(), "a client did not notice that the server is gone"

    def _uploader(self, number: int) -> Uploader:
        login = self._login(self.homes[number // SESSIONS])
        prefix = f"{self.seed}-{self.rounds}.{number}"
        return Uploader(login, f"/{number % SESSIONS}", self.expected[number], prefix, self.machine.may_refuse)

    def _prepare(self, uploader: Uploader) -> list[str]:
        """Logs in and puts in order what the last round left half done."""
        uploader.connect()
        if self.rounds == 1:
            uploader.wire.mkdir(uploader.directory.encode())
        problems = uploader.resume_held()
        uploader.clear_unanswered()
        return problems + uploader.check_own_view()

    def _login(self, user: dict) -> Login:
        server = self.server
        home = self.bucket / user["homeDirectory"].strip("/")
        return Login(server.host, server.port, user["username"], server.known_hosts, "", home, user["password"])

    # After the disaster.

    def look(self, chance: random.Random) -> list[str]:
        """Starts the server again; everything that must hold then."""
        if chance.random() < 0.3:
            self.machine.strike_start(self.server, chance)
        self.server.start()
        problems: list[str] = []
        for number, expected in enumerate(self.expected):
            directory = self._login(self.homes[number // SESSIONS]).home / str(number % SESSIONS)
            wrong = expected.settle(snapshot(directory), self.machine.split)
            problems += [f"{self.homes[number // SESSIONS]['homeDirectory']}/{number % SESSIONS}: {w}" for w in wrong]
            self.acknowledged += expected.acknowledged
            expected.acknowledged = 0
            if not wrong:
                modes = {path: (directory / path).stat().st_mode & 0o777 for path in expected.modes}
                problems += expected.wrong_modes(modes)
        return problems + self._look_at_records() + self._look_at_users(chance)

    def _look_at_records(self) -> list[str]:
        """Each published upload is on record, once. Those of the end are put there after the start."""
        deadline = time.monotonic() + 10
        found: dict[str, Upload] = {}
        while True:
            found |= self._new_records()
            problems = self._wrong_records(list(found.values()))
            if not any("lost" in problem for problem in problems) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.recorded |= found.keys()
        for expected in self.expected:
            expected.published.clear()
            expected.perhaps.clear()
        return problems

    def _new_records(self) -> dict[str, Upload]:
        """Id → path in the bucket and size of what was recorded since the last look."""
        found: dict[str, Upload] = {}
        token = ""
        while token is not None:
            page = self.server.api.call("GET", f"/admin/uploads?pageSize=50&pageToken={token}").json()
            new = {item["id"]: (item["path"], item["size"]) for item in page["items"] if item["id"] not in self.recorded}
            found |= new
            # Newest first: behind a page of old ones there are only older ones.
            token = page.get("nextPageToken") if new else None
        return found

    def _wrong_records(self, found: list[Upload]) -> list[str]:
        problems = []
        for number, expected in enumerate(self.expected):
            place = f"{self.homes[number // SESSIONS]['homeDirectory']}/{number % SESSIONS}/"
            here = [(path.removeprefix(place), size) for path, size in found if path.startswith(place)]
            problems += [place + problem for problem in expected.wrong_records(here)]
        return problems

    def _look_at_users(self, chance: random.Random) -> list[str]:
        api, users = self.server.api, self.users
        fresh = list(users.fresh)
        problems = self._settle_unanswered(api)
        for name in chance.sample(fresh, min(3, len(fresh))):
            body, invocation = users.calls[name]
            again = api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)
            if again.status != 201 or again.json() != users.known[name]:
                problems.append(f"{name}, repeated, was answered {again}, first {users.known[name]}")
        problems += self._nobody_twice(api)
        problems += [problem for name in fresh[-2:] if (problem := self._try_login(name))]
        self.created += len(fresh)
        users.fresh.clear()
        return problems

    def _settle_unanswered(self, api: UsersApi) -> list[str]:
        """Repeats the calls that got no answer, twice at the same time: both get the same answer."""
        problems = []
        for name in self.users.unanswered():
            body, invocation = self.users.calls[name]
            one, other = twice_at_once(api, body, invocation)
            if one.status != 201 or not same_answer(one, other):
                problems.append(f"{name}, repeated after the disaster, was answered {one} and {other}")
            else:
                self.users.known[name] = one.json()
        return problems

    def _nobody_twice(self, api: UsersApi) -> list[str]:
        """Every user that was made is listed, once."""
        listed: dict[str, int] = {}
        token = ""
        while token is not None:
            page = api.call("GET", f"/users?pageSize=50&pageToken={token}").json()
            for item in page["items"]:
                listed[item["description"]] = listed.get(item["description"], 0) + 1
            token = page.get("nextPageToken")
        users = self.users
        problems = [f"{name} is there {times} times" for name, times in listed.items() if times > 1 and name in users.calls]
        return problems + [f"{name} is not listed" for name in users.known.keys() - listed.keys()]

    def _try_login(self, name: str) -> str | None:
        try:
            connect(self._login(self.users.known[name])).close()
        except GONE as problem:
            return f"{name} cannot log in: {problem!r}"
        except paramiko.AuthenticationException:
            return f"{name} cannot log in"
        return None

    # Damage on purpose.

    def _saved_catalog(self) -> Path:
        copy = self.server.log.with_name("catalog-copy")
        shutil.copytree(self.server.data_dir, copy, ignore=shutil.ignore_patterns("buckets", "run"))
        return copy

    def _do_damage(self, catalog: Path | None) -> None:
        if catalog:
            for path in self.server.data_dir.iterdir():
                if path.name not in ("buckets", "run"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.copytree(catalog, self.server.data_dir, dirs_exist_ok=True)
        elif self.damage in ("lost-record", "doubled-record"):
            self._damage_records()
        elif self.damage == "mode":
            self._damage_mode()
        elif self.damage:
            number, path = next(
                (number, path)
                for number, expected in enumerate(self.expected)
                for path, what in expected.tree.items()
                if what is not None and path != getattr(expected.unanswered, "path", None)
            )
            directory = self._login(self.homes[number // SESSIONS]).home / str(number % SESSIONS)
            victim = directory / path
            if self.damage == "file":
                victim.write_bytes(victim.read_bytes()[:-1])
            elif self.damage == "lost-file":
                victim.unlink()
            else:
                (directory / "half").write_bytes(b"half of some file")


    def _damage_records(self) -> None:
        catalog = sqlite3.connect(self.server.data_dir / "catalog.db")
        with catalog:
            if self.damage == "lost-record":
                catalog.execute("DELETE FROM uploads")
            else:
                columns = [name for _, name, *_ in catalog.execute("PRAGMA table_info(uploads)") if name not in ("seq", "id")]
                listed = ", ".join(columns)
                catalog.execute(f"INSERT INTO uploads (id, {listed}) SELECT randomblob(16), {listed} FROM uploads LIMIT 1")
        catalog.close()

    def _damage_mode(self) -> None:
        for number, expected in enumerate(self.expected):
            directory = self._login(self.homes[number // SESSIONS]).home / str(number % SESSIONS)
            for path in expected.modes:
                with contextlib.suppress(FileNotFoundError):  # the last rename was not acknowledged
                    (directory / path).chmod(0o604)


def snapshot(directory: Path) -> dict[str, bytes | None]:
    """Everything below a directory of the bucket, straight from the disk: what every other reader gets."""
    found: dict[str, bytes | None] = {}
    for where, directories, files in os.walk(directory):
        prefix = os.path.relpath(where, directory)
        for name in directories + files:
            path = os.path.normpath(os.path.join(prefix, name))
            full = os.path.join(where, name)
            found[path] = None if name in directories else Path(full).read_bytes()
    return found
