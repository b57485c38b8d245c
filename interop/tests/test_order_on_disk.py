"""The order in which an upload reaches the disk, as the kernel sees it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.wire import NEW, session

pytestmark = pytest.mark.longshore_only

SYNCS = {"fsync", "fdatasync", "syncfs"}
RENAMES = {"rename", "renameat", "renameat2", "linkat"}
SENDS = {"write", "writev", "sendto", "sendmsg"}
RECEIVES = {"read", "readv", "recvfrom", "recvmsg"}


@dataclass
class Call:
    """A system call; `began` and `ended` are line numbers of the record, so they give the order over all threads."""

    name: str
    arguments: str
    began: int
    ended: int
    result: int


def _parse(record: str) -> list[Call]:
    calls: list[Call] = []
    open_calls: dict[tuple[str, str], tuple[int, str]] = {}
    for number, line in enumerate(record.splitlines()):
        if whole := re.fullmatch(r"(\d+) +(\w+)\((.*)\) += (-?\d+).*", line):
            calls.append(Call(whole[2], whole[3], number, number, int(whole[4])))
        elif begun := re.fullmatch(r"(\d+) +(\w+)\((.*)<unfinished \.\.\.>", line):
            open_calls[begun[1], begun[2]] = (number, begun[3])
        elif done := re.fullmatch(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+).*", line):
            began, arguments = open_calls.pop((done[1], done[2]))
            calls.append(Call(done[2], arguments + done[3], began, number, int(done[4])))
    return sorted(calls, key=lambda call: call.began)


def _settled(record: Path) -> str:
    """The record once nothing has come for a while: strace writes behind what the server does."""
    seen, since = "", time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.05)
        now = record.read_text()
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


@pytest.fixture
def publish(own_server, workdir):
    """Uploads one file under strace; gives the home and what the kernel was asked for from CLOSE on."""

    def run(replaces: bool, **settings: str) -> tuple[Path, int, list[Call]]:
        record = workdir / "strace"
        names = ",".join(sorted(SYNCS | RENAMES | SENDS | RECEIVES))
        # -yy names files and both ends of sockets.
        strace = ["strace", "-f", "-yy", "-s", "32", "-e", f"trace={names}", "-o", record]
        server = own_server(strace, **settings).start(timeout=120)
        login = server.new_login()
        if replaces:
            login.on_disk(b"file").write_bytes(b"old")
        with session(login) as wire:
            client_port = wire.transport.sock.getsockname()[1]
            handle = wire.open(b"/file", NEW)
            wire.write(handle, b"content to keep")
            before = len(_settled(record).splitlines())
            wire.close(handle)
            after = _settled(record)
        assert login.on_disk(b"file").read_bytes() == b"content to keep"
        return login.home, client_port, [call for call in _parse(after) if call.began >= before]

    return run


def check_order(home: Path, client_port: int, calls: list[Call]) -> None:
    """Request, data sync, rename, directory sync, reply: each begins after the one before has ended."""

    def first(what: str, condition) -> Call:
        found = [call for call in calls if call.result >= 0 and condition(call)]
        assert found, f"no {what} among:\n" + "\n".join(f"{c.name}({c.arguments}) = {c.result}" for c in calls)
        return found[0]

    def of_session(call: Call) -> bool:
        first_argument = call.arguments.split(",")[0]
        return "TCP" in first_argument and f":{client_port}]" in first_argument

    request = first("request", lambda call: call.name in RECEIVES and of_session(call) and call.result > 0)
    data = first("data sync", lambda call: call.name in SYNCS and "/staging/" in call.arguments)
    rename = first("rename", lambda call: call.name in RENAMES and _names(call)[-1].endswith("file"))
    directory = first("directory sync", lambda call: call.name in SYNCS and f"<{home}>" in call.arguments)
    reply = first("reply", lambda call: call.name in SENDS and of_session(call) and call.began > request.began)
    assert request.ended <= data.began
    assert data.ended < rename.began
    assert rename.ended < directory.began
    assert directory.ended < reply.began


def _names(call: Call) -> list[str]:
    """The names among the arguments of a rename: old and new."""
    return re.findall(r'"([^"]*)"', call.arguments)


@pytest.mark.parametrize("replaces", [False, True], ids=["new file", "replaced file"])
def test_data_is_synced_then_renamed_then_the_directory_synced_then_the_answer_sent(publish, replaces):
    check_order(*publish(replaces))


def test_a_missing_sync_is_noticed(publish):
    """Negative control: where the operator asked for no durability there is no sync, and the check says so."""
    with pytest.raises(AssertionError, match="no data sync"):
        check_order(*publish(False, LONGSHORE_STORAGE_DURABILITY="none"))
