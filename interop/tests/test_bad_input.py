"""Garbage, oversize, silence and nonsense: refused clearly, and nobody else notices."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import struct
import time

import paramiko
import pytest

from harness.clients import OpensshSftp
from harness.processes import ProgramFailed, resident, run
from harness.wire import (
    BAD_MESSAGE,
    EXTENDED,
    F_READ,
    FAILURE,
    INIT,
    NEW,
    NO_SUCH_FILE,
    OP_UNSUPPORTED,
    OPEN,
    READ,
    STATUS,
    Closed,
    Refused,
    Wire,
    connect,
    session,
    text,
)

pytestmark = pytest.mark.longshore_only


@pytest.fixture
def bystander(target):
    """Another user's session, open the whole time; afterwards it must still work."""
    with session(target.new_login()) as wire:
        wire.write_file(b"/mine", b"untouched")
        pid = target.pid
        yield wire
        assert wire.read_file(b"/mine") == b"untouched"
        assert target.process.poll() is None and target.pid == pid
    with session(target.new_login()) as newcomer:
        assert newcomer.list(b"/") == set()


def _raw(target) -> socket.socket:
    return socket.create_connection((target.host, target.port), timeout=20)


def _ends(connection: socket.socket, within: float = 20) -> bool:
    """Whether the server closes the connection, having read whatever it still says."""
    connection.settimeout(within)
    try:
        while connection.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 20, id="http"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600), id="tls"),
        pytest.param(bytes(range(256)) * 64, id="bytes"),
        pytest.param(b"A" * 1_000_000, id="endless line"),
        pytest.param(b"SSH-1.5-ancient\r\n", id="ssh-1"),
        pytest.param(b"SSH-2.0-x\r\n" + b"\xff" * 70_000, id="packet of 4 GiB"),
        pytest.param(b"SSH-2.0-x\r\n" + struct.pack(">IB", 300_000, 4) + bytes(300_000), id="packet of 300 kB"),
        pytest.param(b"SSH-2.0-x\r\n" + struct.pack(">IB", 1, 255) + bytes(64), id="padding beyond the packet"),
        pytest.param(b"SSH-2.0-x\r\n" + struct.pack(">IBB", 12, 10, 20) + bytes(64), id="cut key exchange"),
    ],
)
def test_garbage_on_the_ssh_port_ends_only_its_own_connection(target, bystander, garbage):
    with _raw(target) as connection:
        with contextlib.suppress(OSError):  # it may be closed before all of it is sent
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
        assert _ends(connection)


def test_half_open_connections_are_ended_and_do_not_keep_others_out(own_server):
    """One address opens as many connections as it can and says nothing, or next to nothing."""
    server = own_server(LONGSHORE_SFTP_LOGIN_GRACE_SECS="3").start()
    login = server.new_login()
    where = (server.host, server.port)
    silent = [socket.create_connection(where, timeout=20, source_address=("127.0.0.2", 0)) for _ in range(100)]
    try:
        for connection in silent[::5]:
            with contextlib.suppress(OSError):
                connection.sendall(b"SSH-2.0-slow\r\n")
        began = time.monotonic()
        with session(login) as wire:
            wire.write_file(b"/file", b"in the meantime")
        assert time.monotonic() - began < 3, "the login waited for the silent ones"
        for connection in silent:
            assert _ends(connection, within=10)
    finally:
        for connection in silent:
            connection.close()
    with socket.create_connection(where, timeout=20, source_address=("127.0.0.2", 0)) as again:
        again.settimeout(10)
        assert again.recv(8) == b"SSH-2.0-"


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_guessing_passwords_is_ended_after_a_few_tries(login, bystander, workdir, method):
    client = OpensshSftp(dataclasses.replace(login, password="wrong"), workdir)
    tries = ("-oNumberOfPasswordPrompts=100", f"-oPreferredAuthentications={method}")
    with pytest.raises(ProgramFailed):
        # The first value counts, so these go before the adapter's own.
        run(["sftp", *tries, *client.command()[1:]], stdin=b"pwd\n", env=client.environment())
    assert 1 < len((workdir / "asked").read_text().splitlines()) < 20


@pytest.mark.parametrize("user", ["NOBODY99", "root", "x" * 10_000, "a\0b", "ünïcode"], ids=lambda u: repr(u[:8]))
def test_unknown_users_are_refused(target, bystander, user):
    transport = paramiko.Transport((target.host, target.port))
    try:
        transport.start_client(timeout=20)
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.auth_password(user, "some password", fallback=False)
        assert not transport.is_authenticated()
    finally:
        transport.close()


@pytest.mark.parametrize("kind", [0, 21, 55, 99, 100, 150, 199, 202, 255])
def test_an_unknown_request_is_answered_as_unsupported(login, bystander, kind):
    with session(login) as wire:
        with pytest.raises(Refused) as refused:
            wire.request(kind, text(b"whatever"))
        assert refused.value.code == OP_UNSUPPORTED
        assert wire.real_path(b".") == b"/"


@pytest.mark.parametrize("name", [b"no-such@example.com", b"", b"posix-rename@openssh.com ", b"\xff\xfe", b"x" * 200])
def test_an_unknown_extension_is_answered_as_unsupported(login, bystander, name):
    with session(login) as wire:
        with pytest.raises(Refused) as refused:
            wire.request(EXTENDED, text(name) + text(b"/a"))
        assert refused.value.code == OP_UNSUPPORTED
        assert wire.real_path(b".") == b"/"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(b"/a\0b", id="inside"),
        pytest.param(b"\0", id="alone"),
        pytest.param(b"/file\0", id="at the end"),
        pytest.param(b"\0/../../etc/passwd", id="in front"),
    ],
)
def test_a_path_with_nul_is_refused_by_every_request(login, bystander, path):
    with session(login) as wire:
        wire.write_file(b"/file", b"kept")
        requests = {
            "open": lambda: wire.open(path),
            "create": lambda: wire.open(path, NEW),
            "stat": lambda: wire.stat(path),
            "lstat": lambda: wire.lstat(path),
            "opendir": lambda: wire.open_dir(path),
            "remove": lambda: wire.remove(path),
            "mkdir": lambda: wire.mkdir(path),
            "rmdir": lambda: wire.rmdir(path),
            "realpath": lambda: wire.real_path(path),
            "readlink": lambda: wire.read_link(path),
            "rename from": lambda: wire.rename(path, b"/new"),
            "rename to": lambda: wire.rename(b"/file", path),
            "posix-rename": lambda: wire.posix_rename(b"/file", path),
            "symlink": lambda: wire.symlink(b"/file", path),
            "hardlink": lambda: wire.hard_link(b"/file", path),
        }
        for name, request in requests.items():
            with pytest.raises(Refused) as refused:
                request()
            assert refused.value.code in (NO_SUCH_FILE, FAILURE, BAD_MESSAGE), name
        assert wire.list(b"/") == {b"file"}
        assert wire.read_file(b"/file") == b"kept"


@pytest.mark.parametrize("length", [4096, 5000, 100_000])
def test_a_path_too_long_is_refused(login, bystander, length):
    with session(login) as wire:
        with pytest.raises(Refused):
            wire.open((b"/" + b"d" * 200) * (length // 201 + 1), NEW)
        with pytest.raises(Refused):
            wire.mkdir(b"/" + b"n" * 256)
        assert wire.list(b"/") == set()


@pytest.mark.parametrize(
    "length", [300 << 10, 1 << 20, 0x7FFFFFFF, 0xFFFFFFFF], ids=["300 KiB", "1 MiB", "2 GiB", "4 GiB"]
)
def test_a_packet_longer_than_allowed_ends_the_channel_at_most(login, bystander, length):
    with session(login) as wire:
        with pytest.raises((Closed, Refused, OSError)):
            wire.send_raw(struct.pack(">IB", length, OPEN) + bytes(70_000))
            wire.receive_packet()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(OPEN, b"", id="nothing"),
        pytest.param(OPEN, struct.pack(">I", 0xFFFFFFFF), id="string of 4 GiB"),
        pytest.param(OPEN, text(b"/x") + b"\0\0", id="cut flags"),
        pytest.param(OPEN, text(b"/x") + struct.pack(">II", F_READ, 0xFFFFFFFF), id="cut attributes"),
        pytest.param(READ, text(b"") + b"\0" * 4, id="cut offset"),
    ],
)
def test_a_malformed_request_is_answered_or_ends_the_channel(login, bystander, kind, body):
    with session(login) as wire:
        wire.send(kind, body)
        try:
            answer, _number, status = wire.receive()
        except Closed:
            return
        assert answer == STATUS
        assert struct.unpack_from(">I", status)[0] in (BAD_MESSAGE, FAILURE)


def test_requests_before_init_and_a_second_init_harm_nobody(login, bystander):
    transport = connect(login)
    try:
        channel = transport.open_session(timeout=20)
        channel.settimeout(20)
        channel.invoke_subsystem("sftp")
        channel.sendall(struct.pack(">IBI", 9 + 4, OPEN, 1) + text(b"/x") + bytes(2))
        with contextlib.suppress(OSError):
            channel.recv(4096)
        wire = Wire(transport)
        wire.send_packet(INIT, struct.pack(">I", 3))
        with contextlib.suppress(Closed, OSError):
            wire.receive_packet()
    finally:
        transport.close()


@pytest.mark.parametrize("handle", [b"", b"\0" * 4, b"0", b"\xff" * 256, b"h" * 100_000], ids=lambda h: f"{len(h)} bytes")
def test_a_handle_that_was_never_given_out_is_refused(login, bystander, handle):
    with session(login) as wire:
        for request in (
            lambda: wire.read(handle),
            lambda: wire.write(handle, b"x"),
            lambda: wire.close(handle),
            lambda: wire.read_dir(handle),
        ):
            with pytest.raises(Refused):
                request()
        assert wire.real_path(b"/") == b"/"


def test_a_handle_of_another_session_is_refused(target, login):
    with session(login) as first, session(target.new_login()) as second:
        first.write_file(b"/file", b"mine alone")
        handle = first.open(b"/file")
        with pytest.raises(Refused):
            second.read(handle)
        assert first.read(handle) == b"mine alone"


def test_reading_as_much_as_four_gib_at_once_gives_what_is_there(login, bystander):
    with session(login) as wire:
        wire.write_file(b"/file", b"short")
        handle = wire.open(b"/file")
        assert wire.read(handle, 0, 0xFFFFFFFF) == b"short"
        with pytest.raises(Refused):
            wire.read(handle, 0xFFFFFFFFFFFFFFFF, 10)


def test_a_peer_that_sends_and_never_reads_costs_little_memory(target, login, bystander):
    """It asks for 2 GiB of replies, and takes none of them."""
    with session(login) as wire:
        wire.write_file(b"/file", os.urandom(256 << 10))
        handle = wire.open(b"/file")
        before = resident(target.pid)
        wire.channel.settimeout(3)
        with contextlib.suppress(TimeoutError, OSError):
            # One SSH packet each; paramiko stops reading the channel when its window is full.
            for _ in range(8192):
                wire.send(READ, text(handle) + struct.pack(">QI", 0, 255 << 10))
        assert resident(target.pid) - before < 64 << 20


@pytest.mark.parametrize("command", [[], ["id"], ["scp", "-f", "/file"]], ids=["shell", "command", "old scp"])
def test_shells_and_commands_are_refused(login, bystander, workdir, command):
    client = OpensshSftp(login, workdir)
    where = ["-T", "-p", str(login.port), f"{login.user}@{login.host}"]
    refused = run(["ssh", *client.options(), *where, *command], env=client.environment(), check=False)
    assert refused.status not in (0, None)
    assert b"uid=" not in refused.stdout


def test_other_subsystems_and_forwarding_are_refused(login, bystander):
    transport = connect(login)
    try:
        channel = transport.open_session(timeout=20)
        with pytest.raises(paramiko.SSHException):
            channel.invoke_subsystem("netconf")
        with pytest.raises(paramiko.ChannelException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=20)
        with pytest.raises(paramiko.SSHException):
            transport.request_port_forward("127.0.0.1", 0)
        assert Wire(transport).real_path(b".") == b"/"
    finally:
        transport.close()
