"""SFTP spoken directly, for what no client can be made to do or to time: one request at a time over `ssh -s`."""

from __future__ import annotations

import struct
import subprocess

from .client import Client
from .servers import Login

INIT, VERSION, OPEN, CLOSE, WRITE, OPENDIR, READDIR, STATUS = 1, 2, 3, 4, 6, 11, 12, 101
HANDLE, NAME = 102, 104
WRITE_FLAG, CREAT, TRUNC = 2, 8, 16
OK = 0


class Raw:
    """A session; numbers and layout from draft-ietf-secsh-filexfer-02."""

    def __init__(self, client: Client, login: Login):
        self.process: subprocess.Popen = client.subsystem(login)
        self.number = 0
        self._send(struct.pack(">BI", INIT, 3))
        self._expect(self._packet(), VERSION)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, kind: int, body: bytes) -> tuple[int, bytes]:
        """Type and body (behind the id) of the reply."""
        self.send(kind, body)
        return self.reply()

    def send(self, kind: int, body: bytes) -> None:
        self.number += 1
        self._send(struct.pack(">BI", kind, self.number) + body)

    def reply(self) -> tuple[int, bytes]:
        packet = self._packet()
        return packet[0], packet[5:]

    def open_for_writing(self, path: str) -> bytes:
        body = string(path.encode()) + struct.pack(">II", WRITE_FLAG | CREAT | TRUNC, 0)
        return self._handle(self.ask(OPEN, body))

    def open_directory(self, path: str) -> bytes:
        return self._handle(self.ask(OPENDIR, string(path.encode())))

    def expect_ok(self, reply: tuple[int, bytes]) -> None:
        kind, body = reply
        if kind != STATUS or struct.unpack_from(">I", body)[0] != OK:
            raise RuntimeError(f"reply {kind}: {body[:200]!r}")

    def _handle(self, reply: tuple[int, bytes]) -> bytes:
        kind, body = reply
        if kind != HANDLE:
            raise RuntimeError(f"reply {kind} instead of a handle: {body[:200]!r}")
        return body[4:]

    def _expect(self, packet: bytes, kind: int) -> None:
        if packet[0] != kind:
            raise RuntimeError(f"packet {packet[0]} instead of {kind}")

    def _send(self, packet: bytes) -> None:
        self.process.stdin.write(struct.pack(">I", len(packet)) + packet)
        self.process.stdin.flush()

    def _packet(self) -> bytes:
        (length,) = struct.unpack(">I", self._exactly(4))
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        data = self.process.stdout.read(length)
        if len(data) != length:
            raise RuntimeError("the session ended")
        return data


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
