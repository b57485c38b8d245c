"""SFTP by hand: packets as this file writes them, over an SSH channel of paramiko's. For what no client would send."""

from __future__ import annotations

import contextlib
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import paramiko

from .login import Login

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR = range(1, 13)
REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(13, 21)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED, EXTENDED_REPLY = 200, 201

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, _, _, OP_UNSUPPORTED = range(9)

F_READ, F_WRITE, F_APPEND, F_CREAT, F_TRUNC, F_EXCL = (1 << bit for bit in range(6))
NEW = F_WRITE | F_CREAT | F_TRUNC


class Refused(Exception):
    """The server answered with a status other than OK."""

    def __init__(self, code: int, message: str):
        super().__init__(f"status {code}: {message}")
        self.code = code


class Closed(Exception):
    """The server closed the channel."""


@dataclass(frozen=True)
class Attributes:
    size: int | None
    mode: int | None
    mtime: int | None
    rest: bytes
    """What follows the attributes in the packet."""

    @classmethod
    def parse(cls, data: bytes) -> Attributes:
        (flags,) = struct.unpack_from(">I", data)
        at, size, mode, mtime = 4, None, None, None
        if flags & 1:
            (size,) = struct.unpack_from(">Q", data, at)
            at += 8
        if flags & 2:
            at += 8
        if flags & 4:
            (mode,) = struct.unpack_from(">I", data, at)
            at += 4
        if flags & 8:
            (mtime,) = struct.unpack_from(">I", data, at + 4)
            at += 8
        return cls(size, mode, mtime, data[at:])


def text(value: bytes) -> bytes:
    """An SSH string."""
    return struct.pack(">I", len(value)) + value


def take_text(data: bytes) -> tuple[bytes, bytes]:
    """An SSH string from the front, and the rest."""
    (length,) = struct.unpack_from(">I", data)
    return data[4 : 4 + length], data[4 + length :]


READ_SIZE = 255 << 10
WRITE_SIZE = 32 << 10

NO_ATTRIBUTES = struct.pack(">I", 0)


def size_attribute(size: int) -> bytes:
    return struct.pack(">IQ", 1, size)


def mode_attribute(mode: int) -> bytes:
    return struct.pack(">II", 4, mode)


def connect(login: Login) -> paramiko.Transport:
    """An authenticated SSH connection whose host key was checked."""
    transport = paramiko.Transport((login.host, login.port))
    try:
        transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = 30
        transport.start_client(timeout=30)
        known = paramiko.HostKeys(str(login.known_hosts))
        assert known.check(f"[{login.host}]:{login.port}", transport.get_remote_server_key()), "host key changed"
        if login.key:
            transport.auth_publickey(login.user, paramiko.Ed25519Key.from_private_key_file(str(login.key)))
        else:
            transport.auth_password(login.user, login.password, fallback=False)
    except BaseException:
        transport.close()
        raise
    return transport


class Wire:
    """One SFTP channel. Every method sends one request and waits for its answer, unless it says otherwise."""

    def __init__(self, transport: paramiko.Transport, timeout: float = 30):
        self.transport = transport
        self.channel = transport.open_session(timeout=timeout)
        self.channel.settimeout(timeout)
        self.channel.invoke_subsystem("sftp")
        self._ids = itertools.count(1)
        self.send_packet(INIT, struct.pack(">I", 3))
        kind, body = self.receive_packet()
        assert kind == VERSION, kind
        self.version = struct.unpack_from(">I", body)[0]
        self.extensions: dict[bytes, bytes] = {}
        rest = body[4:]
        while rest:
            name, rest = take_text(rest)
            self.extensions[name], rest = take_text(rest)

    # Packets.

    def send_packet(self, kind: int, body: bytes) -> None:
        self.send_raw(struct.pack(">IB", len(body) + 1, kind) + body)

    def send_raw(self, data: bytes) -> None:
        self.channel.sendall(data)

    def receive_packet(self) -> tuple[int, bytes]:
        (length,) = struct.unpack(">I", self._exactly(4))
        packet = self._exactly(length)
        return packet[0], packet[1:]

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self.channel.recv(count)
            if not part:
                raise Closed
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def send(self, kind: int, body: bytes) -> int:
        """Sends a request without waiting; gives its id."""
        number = next(self._ids)
        self.send_packet(kind, struct.pack(">I", number) + body)
        return number

    def receive(self) -> tuple[int, int, bytes]:
        """The next answer: type, id, body. A status other than OK is an answer here."""
        kind, body = self.receive_packet()
        return kind, struct.unpack_from(">I", body)[0], body[4:]

    def request(self, kind: int, body: bytes) -> tuple[int, bytes]:
        """Sends a request and gives the type and body of its answer; raises `Refused` for a status but OK."""
        sent = self.send(kind, body)
        kind, number, body = self.receive()
        assert number == sent, f"answer {number} to request {sent}"
        if kind == STATUS:
            (code,) = struct.unpack_from(">I", body)
            if code != OK:
                raise Refused(code, take_text(body[4:])[0].decode())
        return kind, body

    # Requests.

    def open(self, path: bytes, flags: int = F_READ, attributes: bytes = NO_ATTRIBUTES) -> bytes:
        return take_text(self.request(OPEN, text(path) + struct.pack(">I", flags) + attributes)[1])[0]

    def close(self, handle: bytes) -> None:
        self.request(CLOSE, text(handle))

    def read(self, handle: bytes, offset: int = 0, count: int = 32768) -> bytes:
        return take_text(self.request(READ, text(handle) + struct.pack(">QI", offset, count))[1])[0]

    def write(self, handle: bytes, data: bytes, offset: int = 0) -> None:
        self.request(WRITE, text(handle) + struct.pack(">Q", offset) + text(data))

    def stat(self, path: bytes) -> Attributes:
        return Attributes.parse(self.request(STAT, text(path))[1])

    def lstat(self, path: bytes) -> Attributes:
        return Attributes.parse(self.request(LSTAT, text(path))[1])

    def set_stat(self, path: bytes, attributes: bytes) -> None:
        self.request(SETSTAT, text(path) + attributes)

    def fset_stat(self, handle: bytes, attributes: bytes) -> None:
        self.request(FSETSTAT, text(handle) + attributes)

    def open_dir(self, path: bytes) -> bytes:
        return take_text(self.request(OPENDIR, text(path))[1])[0]

    def read_dir(self, handle: bytes) -> list[bytes]:
        return self._names(self.request(READDIR, text(handle))[1])

    def remove(self, path: bytes) -> None:
        self.request(REMOVE, text(path))

    def mkdir(self, path: bytes) -> None:
        self.request(MKDIR, text(path) + NO_ATTRIBUTES)

    def rmdir(self, path: bytes) -> None:
        self.request(RMDIR, text(path))

    def real_path(self, path: bytes) -> bytes:
        return self._names(self.request(REALPATH, text(path))[1])[0]

    def rename(self, old: bytes, new: bytes) -> None:
        self.request(RENAME, text(old) + text(new))

    def read_link(self, path: bytes) -> bytes:
        return self._names(self.request(READLINK, text(path))[1])[0]

    def symlink(self, target: bytes, link: bytes) -> None:
        # OpenSSH sends the target first, against the draft; everyone followed it (OpenSSH PROTOCOL §4.1).
        self.request(SYMLINK, text(target) + text(link))

    def extended(self, name: bytes, body: bytes) -> bytes:
        return self.request(EXTENDED, text(name) + body)[1]

    def posix_rename(self, old: bytes, new: bytes) -> None:
        self.extended(b"posix-rename@openssh.com", text(old) + text(new))

    def hard_link(self, existing: bytes, link: bytes) -> None:
        self.extended(b"hardlink@openssh.com", text(existing) + text(link))

    @staticmethod
    def _names(body: bytes) -> list[bytes]:
        (count,) = struct.unpack_from(">I", body)
        rest, names = body[4:], []
        for _ in range(count):
            name, rest = take_text(rest)
            _long_name, rest = take_text(rest)
            rest = Attributes.parse(rest).rest
            names.append(name)
        return names

    # Several requests.

    def read_file(self, path: bytes) -> bytes:
        handle = self.open(path)
        parts, offset = [], 0
        try:
            while True:
                part = self.read(handle, offset, READ_SIZE)
                parts.append(part)
                offset += len(part)
        except Refused as refused:
            if refused.code != EOF:
                raise
        finally:
            self.close(handle)
        return b"".join(parts)

    def write_file(self, path: bytes, data: bytes, flags: int = NEW) -> None:
        """OPEN, WRITEs and CLOSE; the WRITEs are sent together. When one is refused the file is not closed."""
        handle = self.open(path, flags)
        sent = set()
        for offset in range(0, len(data), WRITE_SIZE):
            body = text(handle) + struct.pack(">Q", offset) + text(data[offset : offset + WRITE_SIZE])
            sent.add(self.send(WRITE, body))
        refused = None
        while sent:
            kind, number, body = self.receive()
            sent.remove(number)
            (code,) = struct.unpack_from(">I", body)
            if kind != STATUS or code != OK:
                refused = refused or Refused(code, take_text(body[4:])[0].decode())
        if refused:
            raise refused
        self.close(handle)

    def list(self, path: bytes) -> set[bytes]:
        handle = self.open_dir(path)
        names: set[bytes] = set()
        try:
            while True:
                names.update(self.read_dir(handle))
        except Refused as refused:
            if refused.code != EOF:
                raise
        self.close(handle)
        return names - {b".", b".."}


@contextlib.contextmanager
def session(login: Login, timeout: float = 30) -> Iterator[Wire]:
    """Logs in and opens one SFTP channel."""
    transport = connect(login)
    try:
        yield Wire(transport, timeout)
    finally:
        transport.close()
