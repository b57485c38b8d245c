"""FileZilla's SFTP half, `fzsftp`, driven as FileZilla drives it.

It speaks SFTP and leaves files to its parent: commands go to its standard input, a line each, events come from its
standard output, a byte for the kind and then lines of text. File contents go through shared memory, a buffer at a time.
(FileZilla 3.63: src/putty/fzprintf.h, src/putty/unix/sftp.c, src/engine/sftp/event.h)
"""

from __future__ import annotations

import mmap
import os
import subprocess
from pathlib import Path

from .login import Login
from .processes import clean_environment, end, spawn

EVENTS = (
    "Reply Done Error Verbose Info Status Recv Send Listentry AskHostkey AskHostkeyChanged AskHostkeyBetteralg "
    "AskPassword Transfer RequestPreamble RequestInstruction UsedQuotaRecv UsedQuotaSend KexAlgorithm KexHash KexCurve "
    "CipherClientToServer CipherServerToClient MacClientToServer MacServerToClient Hostkey"
).split()
"""Kinds of events in the order of their bytes, which begin at `0`; then come those about files."""
LINES = {"UsedQuotaRecv": 0, "UsedQuotaSend": 0, "io_size": 0, "Listentry": 3}
LINES |= {"AskHostkey": 2, "AskHostkeyChanged": 2, "AskHostkeyBetteralg": 2}
BUFFER = 256 << 10
FILE_EVENTS = ["io_size", "io_open", "io_nextbuf", "io_finalize"]
PROTOCOL = 11
"""The version that knows these events."""


class FzsftpFailed(AssertionError):
    """It reported an error."""


class Fzsftp:
    """One connection."""

    def __init__(self, login: Login, work: Path):
        self.login = login
        self._shared = os.memfd_create("fzsftp")
        os.ftruncate(self._shared, BUFFER)
        self._memory = mmap.mmap(self._shared, BUFFER)
        self.process = spawn(
            ["fzsftp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[self._shared],
            env=clean_environment(HOME=str(work), LC_ALL="C.UTF-8"),
        )
        self._source = self._target = None
        self._before_cut: int | None = None
        kind, (greeting,) = self._event()
        assert (kind, greeting) == ("Reply", f"fzSftp started, protocol_version={PROTOCOL}"), (kind, greeting)

    def __enter__(self) -> Fzsftp:
        self.command(f'open "{self.login.user}@{self.login.host}" {self.login.port}')
        return self

    def __exit__(self, *_) -> None:
        end(self.process)
        self.process.stdin.close()
        self.process.stdout.close()
        self._memory.close()
        os.close(self._shared)

    # What FileZilla does with it.

    def put(self, local: Path, remote: str, resume: bool = False, cut_after: int | None = None) -> None:
        """`cut_after`: the program is killed once it was handed so many bytes."""
        self._before_cut, self._target = cut_after, None
        with local.open("rb") as self._source:
            self.command(f'{"reput" if resume else "put"} "{local}" "{remote}"')

    def get(self, remote: str, local: Path, resume: bool = False) -> None:
        self._source = None
        with local.open("r+b" if resume else "wb") as self._target:
            self.command(f'{"reget" if resume else "get"} "{remote}" "{local}"')

    def command(self, line: str) -> list[str]:
        """Sends a command and gives its replies; answers whatever it asks meanwhile."""
        self._send(line)
        replies: list[str] = []
        while True:
            kind, lines = self._event()
            if kind == "Done":
                if lines != ["1"]:
                    raise FzsftpFailed(f"{line}: {replies}, done {lines}")
                return replies
            if kind in ("Reply", "Error"):
                replies += lines
            elif kind == "UsedQuotaRecv":
                self._send("-0-")  # no limit to the speed
            elif kind == "UsedQuotaSend":
                self._send("-1-")
            elif kind == "Hostkey":
                self._host_key = lines[0].split()[-1]
            elif kind == "AskHostkey":
                # FileZilla shows the fingerprint and asks its user.
                self._send("-y" if self._host_key == self.login.fingerprint else "-n")
            elif kind == "AskPassword":
                self._send(self.login.password)
            elif kind.startswith("io_"):
                self._handle_file(kind, lines)

    def _handle_file(self, kind: str, lines: list[str]) -> None:
        if kind == "io_open":
            offset = int(lines[0])
            end_of_target = 0
            if self._target and offset == (1 << 64) - 1:
                end_of_target = self._target.seek(0, os.SEEK_END)
            elif self._source:
                self._source.seek(offset)
            self._send(f"-{self._shared} {BUFFER} {end_of_target}")
        elif kind == "io_size":
            self._send(f"-{os.fstat(self._source.fileno()).st_size}")
        elif kind == "io_nextbuf" and self._source:
            self._hand_over()
        elif kind == "io_nextbuf":
            self._target.write(self._memory[: int(lines[0])])
            self._send(f"-0 {BUFFER}")
        elif kind == "io_finalize":
            self._target.write(self._memory[: int(lines[0])])
            self._send("-1")

    def _hand_over(self) -> None:
        if self._before_cut is not None:
            if self._before_cut <= 0:
                self.process.kill()
            data = self._source.read(min(BUFFER, max(self._before_cut, 1)))
            self._before_cut -= len(data)
        else:
            data = self._source.read(BUFFER)
        self._memory[: len(data)] = data
        self._send(f"-0 {len(data)}" if data else "-")

    def _send(self, line: str) -> None:
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def _event(self) -> tuple[str, list[str]]:
        while True:
            byte = self.process.stdout.read(1)
            if not byte:
                raise EOFError("fzsftp ended")
            number = byte[0] - ord("0")
            names = EVENTS + FILE_EVENTS
            if 0 <= number < len(names):
                kind = names[number]
                lines = [self._line() for _ in range(LINES.get(kind, 1))]
                return kind, lines

    def _line(self) -> str:
        return self.process.stdout.readline().decode().rstrip("\r\n")
