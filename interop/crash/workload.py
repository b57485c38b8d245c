"""What keeps the server busy until the disaster: some create users, others change their files."""

from __future__ import annotations

import http.client
import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import paramiko

from harness.api import Answer, UsersApi
from harness.login import Login
from harness.wire import (
    F_APPEND,
    F_CREAT,
    F_EXCL,
    F_WRITE,
    NEW,
    WRITE_SIZE,
    Closed,
    Refused,
    Wire,
    connect,
    mode_attribute,
    size_attribute,
    text,
)

from .content import Appended, Version
from .model import Expected, Operation, Users

GONE = (OSError, EOFError, Closed, Refused, paramiko.SSHException, http.client.HTTPException)
"""How a dying server looks from a client."""

FILES = 20
"""Files of a worker beyond which it removes more than it makes."""


def same_answer(one: Answer, other: Answer) -> bool:
    return one.status == other.status and one.body == other.body


def twice_at_once(api: UsersApi, body: dict, invocation: str) -> tuple[Answer, Answer]:
    """Sends one CreateUser twice at the same time."""

    def send(_) -> Answer:
        return api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(send, range(2))
    return one, other


class Creator:
    """Creates users, each with an invocation id of its own; some calls are sent twice at once, some again later."""

    def __init__(self, api: UsersApi, users: Users, prefix: str, may_refuse: Callable[[], bool]):
        self.api, self.users, self.prefix, self.may_refuse = api, users, prefix, may_refuse
        self.chance = random.Random(prefix)
        self.problems: list[str] = []

    def run(self) -> None:
        try:
            for count in range(60):
                if not self._create(f"{self.prefix}-{count}"):
                    return
        except GONE:
            return

    def _create(self, name: str) -> bool:
        body = {"homeDirectory": f"/made/{name}", "description": name}
        invocation = str(uuid.UUID(int=self.chance.getrandbits(128)))
        self.users.calls[name] = (body, invocation)
        if self.chance.random() < 0.2:
            answer, other = twice_at_once(self.api, body, invocation)
            if 201 == answer.status == other.status and not same_answer(answer, other):
                self.problems.append(f"sent twice at once, {body} was answered {answer} and {other}")
        else:
            answer = self.api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)
        if answer.status != 201:
            if not self.may_refuse():
                self.problems.append(f"{body} was answered {answer}")
            return False
        self.users.known[name] = answer.json()
        self.users.fresh.append(name)
        if self.chance.random() < 0.1:
            self._repeat(self.chance.choice(self.users.fresh))
        return True

    def _repeat(self, name: str) -> None:
        body, invocation = self.users.calls[name]
        again = self.api.call("POST", "/users", body, amz_sdk_invocation_id=invocation)
        if again.status == 201 and again.json() != self.users.known[name]:
            self.problems.append(f"sent again, {body} was answered {again}, first {self.users.known[name]}")


class Uploader:
    """One session that changes the files below one directory, each change once the one before is acknowledged."""

    def __init__(self, login: Login, directory: str, expected: Expected, prefix: str, may_refuse: Callable[[], bool]):
        self.login, self.directory, self.expected, self.prefix = login, directory, expected, prefix
        self.may_refuse = may_refuse
        self.chance = random.Random(prefix)
        self.count = 0
        self.problems: list[str] = []
        self.transport: paramiko.Transport | None = None

    def connect(self) -> None:
        self.transport = connect(self.login)
        self.wire = Wire(self.transport, timeout=20)

    def close(self) -> None:
        if self.transport:
            self.transport.close()

    def run(self) -> None:
        try:
            while True:
                self._step()
        except Refused as refused:
            if not self.may_refuse():
                self.problems.append(f"{self.directory}: {self.expected.unanswered} was refused: {refused}")
        except GONE:
            return

    def _step(self) -> None:
        self.count += 1
        tree = self.expected.tree
        free = [path for path, what in tree.items() if path not in self.expected.held]
        files = [path for path in free if tree[path] is not None]
        directories = ["", *(path for path in free if tree[path] is None)]
        kinds = {"new": 30, "mkdir": 6 if len(directories) < 5 else 0}
        if files:
            kinds |= {"overwrite": 22, "rename": 16, "remove": 10, "append": 5, "chmod": 4, "link": 2}
        if len(directories) > 1:
            kinds |= {"rmdir": 5, "rename directory": 3}
        if len(files) > FILES:
            kinds |= {"new": 5, "remove": 60}
        if len(self.expected.held) < 3:
            kinds |= {"hold": 10}
        kind = self.chance.choices(list(kinds), weights=list(kinds.values()))[0]
        getattr(self, "_" + kind.replace(" ", "_"))(files, directories)

    # Each of these is one operation of the model.

    def _do(self, operation: Operation, request: Callable[[], object]) -> None:
        self.expected.begin(operation)
        request()
        self.expected.acknowledge()

    def _fresh(self, directories: list[str]) -> str:
        directory = self.chance.choice(directories)
        name = f"{self.prefix}-{self.count}"
        return f"{directory}/{name}" if directory else name

    def _new(self, _files, directories) -> None:
        path = self._fresh(directories)
        how = self.chance.choice([NEW, F_WRITE | F_CREAT | F_EXCL, F_WRITE | F_CREAT])
        self._put(path, lambda data: self.wire.write_file(self._at(path), data, how))

    def _overwrite(self, files, _directories) -> None:
        path = self.chance.choice(files)
        if self.chance.random() < 0.5:
            self._put(path, lambda data: self.wire.write_file(self._at(path), data, NEW))
        else:
            self._put(path, lambda data: self._write_like_scp(path, data))

    def _put(self, path: str, request: Callable[[bytes], None]) -> None:
        version = Version(f"{self.prefix}-{self.count}")
        self._do(Operation("put", path, content=version), lambda: request(version.bytes()))

    def _write_like_scp(self, path: str, data: bytes) -> None:
        """Without TRUNC; the size is set before CLOSE."""
        handle = self.wire.open(self._at(path), F_WRITE | F_CREAT)
        self._write(handle, data)
        self.wire.fset_stat(handle, size_attribute(len(data)))
        self.wire.close(handle)

    def _write(self, handle: bytes, data: bytes, begin: int = 0) -> None:
        for offset in range(begin, len(data), WRITE_SIZE):
            self.wire.write(handle, data[offset : offset + WRITE_SIZE], offset)

    def _append(self, files, _directories) -> None:
        path = self.chance.choice(files)
        base = self.expected.tree[path]
        if list(self.expected.tree.values()).count(base) > 1:
            return  # it has a second name, whose content would change too
        addition = Version(f"{self.prefix}-{self.count}")

        def request() -> None:
            handle = self.wire.open(self._at(path), F_WRITE | F_APPEND)
            self.wire.write(handle, addition.bytes()[:WRITE_SIZE], 0)
            self._write_rest(handle, addition.bytes()[WRITE_SIZE:])
            self.wire.close(handle)

        self._do(Operation("append", path, content=Appended(base, addition)), request)

    def _write_rest(self, handle: bytes, data: bytes) -> None:
        for at in range(0, len(data), WRITE_SIZE):
            self.wire.write(handle, data[at : at + WRITE_SIZE], 0)

    def _rename(self, files, directories) -> None:
        path = self.chance.choice(files)
        if self.chance.random() < 0.3 and len(files) > 1:
            to = self.chance.choice([other for other in files if other != path])
            request = self.wire.posix_rename
        else:
            to = self._fresh(directories)
            request = self.chance.choice([self.wire.rename, self.wire.posix_rename])
        if self.expected.tree.get(to) == self.expected.tree[path]:
            return  # two names of one file: a rename that does nothing
        self._do(Operation("rename", path, to), lambda: request(self._at(path), self._at(to)))

    def _remove(self, files, _directories) -> None:
        path = self.chance.choice(files)
        self._do(Operation("remove", path), lambda: self.wire.remove(self._at(path)))

    def _link(self, files, directories) -> None:
        path, to = self.chance.choice(files), self._fresh(directories)
        self._do(Operation("link", path, to), lambda: self.wire.hard_link(self._at(path), self._at(to)))
        self._do(Operation("remove", path), lambda: self.wire.remove(self._at(path)))

    def _chmod(self, files, _directories) -> None:
        path, mode = self.chance.choice(files), self.chance.choice([0o600, 0o640, 0o664, 0o755])
        self._do(Operation("chmod", path, mode=mode), lambda: self.wire.set_stat(self._at(path), mode_attribute(mode)))

    def _mkdir(self, _files, directories) -> None:
        path = self._fresh(directories)
        if path.count("/") < 3:
            self._do(Operation("mkdir", path), lambda: self.wire.mkdir(self._at(path)))

    def _rmdir(self, _files, directories) -> None:
        held = self.expected.held
        taken = [*self.expected.tree, *held]
        empty = [path for path in directories[1:] if not any(other.startswith(path + "/") for other in taken)]
        if empty:
            path = self.chance.choice(empty)
            self._do(Operation("rmdir", path), lambda: self.wire.rmdir(self._at(path)))

    def _rename_directory(self, _files, directories) -> None:
        held = self.expected.held
        movable = [path for path in directories[1:] if not any(other.startswith(path + "/") for other in held)]
        if movable:
            path = self.chance.choice(movable)
            to = f"{self.prefix}-{self.count}"
            self._do(Operation("rename directory", path, to), lambda: self.wire.rename(self._at(path), self._at(to)))

    def _hold(self, files, directories) -> None:
        """Writes part of an upload, has it synced, and leaves it open."""
        path = self.chance.choice(files) if files and self.chance.random() < 0.4 else self._fresh(directories)
        version = Version(f"{self.prefix}-{self.count}")
        data = version.bytes()
        part = self.chance.randrange(1, len(data) + 1)
        handle = self.wire.open(self._at(path), NEW)
        self.expected.held[path] = (version, 0)
        self._write(handle, data[:part])
        self.wire.extended(b"fsync@openssh.com", text(handle))
        self.expected.held[path] = (version, part)
        self.expected.acknowledged += 1

    def _at(self, path: str) -> bytes:
        return f"{self.directory}/{path}".encode()

    # After the disaster.

    def resume_held(self) -> list[str]:
        """The owner finds what was acknowledged of the uploads that were left open, and completes them."""
        problems = []
        for path, (version, safe) in sorted(self.expected.held.items()):
            data = version.bytes()
            try:
                found = self.wire.read_file(self._at(path))
            except Refused as refused:
                found = None
                if safe:
                    problems.append(f"{path}: {safe} bytes were synced, and the owner finds nothing: {refused}")
            old = self.expected.tree.get(path)
            if found is not None and (len(found) < safe or not data.startswith(found)):
                # What was never synced may be gone altogether; then the published file is seen.
                if safe or old is None or found != old.bytes():
                    problems.append(f"{path}: {safe} bytes were synced, and the owner finds {len(found)}")
                found = None
            self._complete(path, data, len(found or b""))
            self._is_published(path, version)
        self.expected.held.clear()
        return problems

    def clear_unanswered(self) -> None:
        """Ends what the last round left behind, so that the next one begins with what it knows."""
        last = self.expected.unanswered
        self.expected.unanswered = None
        if last and last.kind == "put":
            self._put_again(last)
        elif last and last.kind == "torn append":
            self.wire.remove(self._at(last.path))

    def _put_again(self, last: Operation) -> None:
        """Continues an upload whose CLOSE was not answered, whatever became of it."""
        data = last.content.bytes()
        self._write_like_scp(last.path, data)
        self._is_published(last.path, last.content)

    def _is_published(self, path: str, version: Version) -> None:
        self.expected.tree[path] = version
        self.expected.publish(path, version)

    def _complete(self, path: str, data: bytes, have: int) -> None:
        handle = self.wire.open(self._at(path), F_WRITE | F_CREAT)
        self._write(handle, data, have)
        self.wire.fset_stat(handle, size_attribute(len(data)))
        self.wire.close(handle)

    def check_own_view(self) -> list[str]:
        """What the owner sees by SFTP is what is published."""
        problems = []
        for path, what in sorted(self.expected.tree.items()):
            if what is not None and self.chance.random() < 0.15:
                if self.wire.read_file(self._at(path)) != what.bytes():
                    problems.append(f"{path}: the owner sees something else than is published")
        return problems

