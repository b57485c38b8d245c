"""Looks at a server that came back after a crash."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from itertools import count

import paramiko

from harness.api import UsersApi
from harness.login import Login
from harness.longshore import Longshore
from harness.wire import Wire, connect

from .model import Files, Users
from .workers import same_answer, twice_at_once


def check_files(audit: Wire, home: str, files: Files, touched: list[str] | None) -> list[str]:
    """Every file of the home is there whole, and nothing else. Contents of those in `touched` (`None`: all) are read.

    `audit` is the session of a user whose home is the whole bucket: it sees what is published, while a file's owner
    would see its own unfinished uploads too."""
    problems = []
    present = {name.decode() for name in audit.list(f"/{home}".encode())}

    def read_file(path: str) -> bytes:
        return audit.read_file(f"/{home}/{path}".encode())

    problems += files.settle(present, read_file)
    for path in sorted(present - files.certain.keys()):
        problems.append(f"{home}/{path} is visible, and no CLOSE of it was answered")
    for path in sorted(files.certain.keys() - present):
        problems.append(f"{home}/{path} is lost")
    wanted = files.certain.keys() if touched is None else files.certain.keys() & set(touched)
    for path in sorted(wanted & present):
        if read_file(path) != files.certain[path].bytes():
            problems.append(f"{home}/{path} is not version {files.certain[path].number}")
    return problems


def settle_unanswered(api: UsersApi, users: Users, unanswered: list[str]) -> list[str]:
    """Repeats the calls that got no answer, twice at the same time: both get the same answer."""
    problems = []
    for description in unanswered:
        body, invocation = users.calls[description]
        one, other = twice_at_once(api, body, invocation)
        if one.status != 201 or not same_answer(one, other):
            problems.append(f"{description}, repeated after the crash, was answered {one} and {other}")
        else:
            users.known[description] = one.json()
    return problems


def check_replays(api: UsersApi, users: Users, descriptions: list[str], chance: random.Random) -> list[str]:
    """Repeats some calls that were answered before the crash: the answer is the same, the password included."""
    problems = []
    for description in chance.sample(descriptions, min(10, len(descriptions))):
        body, invocation = users.calls[description]
        again = api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)
        if again.status != 201 or again.json() != users.known[description]:
            problems.append(f"{description}, repeated, was answered {again}, first {users.known[description]}")
    return problems


def check_nobody_twice(api: UsersApi, users: Users) -> list[str]:
    """Every user that was made is listed, once."""
    listed: dict[str, int] = {}
    token = ""
    while True:
        page = api.call("GET", f"/users?pageSize=50&pageToken={token}").json()
        for item in page["items"]:
            listed[item["description"]] = listed.get(item["description"], 0) + 1
        token = page.get("nextPageToken")
        if token is None:
            break
    problems = [f"{name} is there {times} times" for name, times in listed.items() if times > 1 and name in users.calls]
    return problems + [f"{name} is not listed" for name in users.known.keys() - listed.keys()]


def check_logins(server: Longshore, users: Users, descriptions: list[str], pool: ProcessPoolExecutor) -> list[str]:
    """Every acknowledged user can log in with the password of the answer."""
    logins = [server.login(users.known[description]) for description in descriptions]
    return [problem for problem in pool.map(_try_login, logins, chunksize=8) if problem]


def _try_login(login: Login) -> str | None:
    for attempt in count(1):
        try:
            connect(login).close()
            return None
        except paramiko.AuthenticationException:
            return f"{login.user} cannot log in"
        except (OSError, EOFError, paramiko.SSHException) as problem:
            if attempt == 3:
                return f"{login.user} cannot log in: {problem!r}"
