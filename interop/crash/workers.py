"""The workers that keep the server busy until it is killed: some create users, some upload."""

from __future__ import annotations

import http.client
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import paramiko

from harness.api import Answer, UsersApi
from harness.login import Login
from harness.wire import NEW, F_CREAT, F_WRITE, Closed, Refused, connect, Wire, size_attribute

from .content import Version
from .journal import Journal

FIXED = 6
"""Files of each uploader that it overwrites again and again."""

GONE = (OSError, EOFError, Closed, Refused, paramiko.SSHException, http.client.HTTPException)
"""How a killed server looks from a client."""


@dataclass(frozen=True)
class Assignment:
    seed: int
    round: int
    worker: int
    journal: Path

    def chance(self, kind: str) -> random.Random:
        return random.Random(f"{self.seed}/{self.round}/{self.worker}/{kind}")


def same_answer(one: Answer, other: Answer) -> bool:
    return one.status == other.status and one.body == other.body


def twice_at_once(api: UsersApi, body: dict, invocation: str) -> tuple[Answer, Answer]:
    """Sends one CreateUser twice at the same time."""

    def send(_) -> Answer:
        return api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(send, range(2))
    return one, other


def create_users(assignment: Assignment, api: UsersApi, acknowledged) -> None:
    """Creates users, each with an invocation id of its own; some calls are sent twice at once, some again later."""
    journal = Journal(assignment.journal, acknowledged)
    chance = assignment.chance("create")
    earlier: list[tuple[dict, str, Answer]] = []
    try:
        for count in range(1_000_000):
            name = f"r{assignment.round}-w{assignment.worker}-{count}"
            body = {"homeDirectory": f"/made/{name}", "description": name}
            invocation = str(uuid.UUID(int=chance.getrandbits(128)))
            number = journal.trying("create", body=body, invocation=invocation)
            if chance.random() < 0.2:
                answer, other = twice_at_once(api, body, invocation)
                if not same_answer(answer, other):
                    journal.failed(f"sent twice at once, {body} was answered {answer} and {other}")
            else:
                answer = api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)
            if answer.status == 503:
                return  # shutting down
            if answer.status != 201:
                journal.failed(f"{body} was answered {answer}")
                return
            journal.done(number, user=answer.json())
            earlier.append((body, invocation, answer))
            if chance.random() < 0.1:
                body, invocation, answer = chance.choice(earlier)
                again = api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)
                if not same_answer(answer, again):
                    journal.failed(f"sent again, {body} was answered {again}, first {answer}")
    except GONE:
        return


def upload(assignment: Assignment, login: Login, acknowledged) -> None:
    """Uploads files, half of them over existing ones, in the ways that clients do it; renames some."""
    journal = Journal(assignment.journal, acknowledged)
    chance = assignment.chance("upload")
    try:
        transport = connect(login)
    except GONE:
        return
    try:
        wire = Wire(transport)
        for count in range(1_000_000):
            version = f"r{assignment.round}-{count}"
            overwrite = count % 2 == 1
            path = f"fixed-{chance.randrange(FIXED)}" if overwrite else f"new-w{assignment.worker}-{version}"
            data = Version(assignment.seed, path, version).bytes()
            number = journal.trying("upload", path=path, version=version)
            if overwrite and chance.random() < 0.5:
                _upload_like_scp(wire, path, data)
            else:
                wire.write_file(b"/" + path.encode(), data, NEW)
            journal.done(number)
            if not overwrite and chance.random() < 0.3:
                number = journal.trying("rename", path=path, to=f"renamed-{path}")
                wire.posix_rename(b"/" + path.encode(), f"/renamed-{path}".encode())
                journal.done(number)
    except GONE:
        return
    finally:
        transport.close()


def _upload_like_scp(wire: Wire, path: str, data: bytes) -> None:
    """Without TRUNC; the size is set before CLOSE."""
    handle = wire.open(b"/" + path.encode(), F_WRITE | F_CREAT)
    for offset in range(0, len(data), 65536):
        wire.write(handle, data[offset : offset + 65536], offset)
    wire.fset_stat(handle, size_attribute(len(data)))
    wire.close(handle)
