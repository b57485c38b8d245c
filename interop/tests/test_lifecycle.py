"""Logging in and out, being deleted, starting, draining, starting again."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import signal
import socket
import stat
import time

import paramiko
import pytest

from harness.clients import OpensshSftp
from harness.login import Login
from harness.longshore import longshore
from harness.processes import end, wait_until
from harness.wire import NEW, Closed, Refused, Wire, connect, session

pytestmark = pytest.mark.longshore_only

DATA_DIR_IN_USE, LISTEN = 10, 11  # exit codes, docs/cli.md


def _today() -> set[str]:
    """Today's date in UTC, twice in case the test runs over midnight."""
    now = datetime.datetime.now(datetime.UTC)
    return {str(now.date()), str((now - datetime.timedelta(minutes=1)).date())}


def _with_password(login: Login, password: str) -> Login:
    return dataclasses.replace(login, password=password)


def test_last_connected_date_appears_after_the_first_good_login_only(target):
    user = target.api.create_user("/dated")
    login = target.login(user)
    assert "lastConnectedDate" not in user
    assert "lastConnectedDate" not in target.api.read_user(login.user)
    for wrong in ("", "wrong", login.password[:-1], login.password + "x"):
        with pytest.raises((paramiko.SSHException, EOFError)):
            connect(_with_password(login, wrong))
    assert "lastConnectedDate" not in target.api.read_user(login.user)
    with session(login):
        pass
    shown = wait_until(lambda: target.api.read_user(login.user).get("lastConnectedDate"), "the date of the login", 5)
    assert shown in _today()


def test_deleting_a_user_ends_its_open_session_and_no_other(target):
    login, other = target.new_login(), target.new_login()
    with session(login) as doomed, session(other) as bystander:
        handle = doomed.open(b"/unfinished", NEW)
        doomed.write(handle, b"half")
        target.api.delete_user(login.user)
        wait_until(lambda: not doomed.transport.is_active(), "the session to end", 10)
        with pytest.raises((Closed, OSError, EOFError)):
            doomed.write(handle, b"more", 4)
        bystander.write_file(b"/file", b"works")
        assert bystander.read_file(b"/file") == b"works"
    with pytest.raises((paramiko.SSHException, EOFError)):
        connect(login)
    assert os.listdir(login.home) == []


def test_files_of_a_deleted_user_stay(target, login):
    with session(login) as wire:
        wire.write_file(b"/kept", b"kept")
    target.api.delete_user(login.user)
    assert login.on_disk(b"kept").read_bytes() == b"kept"


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_the_same_password_works_by_both_methods(login, workdir, method):
    client = OpensshSftp(login, workdir)
    client.batch(b"mkdir /made", extra=(f"-oPreferredAuthentications={method}",))
    assert os.listdir(login.home) == ["made"]


def test_a_second_server_on_the_same_data_directory_refuses_and_harms_nothing(target, login):
    second = longshore(
        "serve",
        "--data-dir",
        target.data_dir,
        "--sftp-listen",
        "127.0.0.1:0",
        "--api-listen",
        "127.0.0.1:0",
        check=False,
    )
    assert second.status == DATA_DIR_IN_USE, second
    assert str(target.data_dir) in second.errors
    assert json.loads((target.data_dir / "run/server.json").read_text())["pid"] == target.pid
    target.command("user", "list")
    with session(login) as wire:
        wire.write_file(b"/file", b"works")


@pytest.mark.parametrize("flag", ["--sftp-listen", "--api-listen"])
def test_a_port_that_is_taken_is_named(workdir, flag):
    listen = {"--sftp-listen": "127.0.0.1:0", "--api-listen": "127.0.0.1:0"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen[flag] = f"127.0.0.1:{taken.getsockname()[1]}"
        words = [word for pair in listen.items() for word in pair]
        refused = longshore("serve", "--data-dir", workdir / "data", *words, check=False)
    assert refused.status == LISTEN, refused
    assert listen[flag] in refused.errors
    assert "hint:" in refused.errors


def test_the_first_start_leaves_a_working_key_that_only_its_owner_reads(own_server):
    server = own_server().start()
    file = server.data_dir / "initial-api-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    server.api.key = file.read_text().strip()
    server.api.create_user("/first")


def test_secrets_are_neither_logged_nor_stored_readably(own_server):
    server = own_server(LONGSHORE_LOG="trace").start()
    login = server.new_login()
    with session(login) as wire:
        wire.write_file(b"/file", b"content")
    with pytest.raises((paramiko.SSHException, EOFError)):
        connect(_with_password(login, "a-wrong-password-to-look-for"))
    secrets = [login.password, server.api.key, "a-wrong-password-to-look-for"]
    where = [server.log, *(path for path in server.data_dir.rglob("*") if path.is_file())]
    for path in where:
        content = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in content, f"{path} holds {secret[:3]}…"
    assert server.log.stat().st_size > 0
    for path in (server.data_dir / "secrets").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_restart_keeps_host_keys_users_and_files(own_server):
    server = own_server().start()
    login = server.new_login()
    with session(login) as wire:
        wire.write_file(b"/file", b"kept")
    before = server.fingerprint()
    assert end(server.process, signal.SIGTERM) == 0
    server.start()
    assert server.fingerprint() == before
    again = _moved(login, server)
    with session(again) as wire:
        assert wire.read_file(b"/file") == b"kept"


def _moved(login: Login, server) -> Login:
    """The same account after the server came back on another port."""
    return dataclasses.replace(login, port=server.port, known_hosts=server.known_hosts)


def test_sigterm_lets_a_transfer_finish_takes_no_new_session_and_exits_0(own_server):
    server = own_server(LONGSHORE_SHUTDOWN_GRACE_SECS="20").start()
    login = server.new_login()
    with session(login) as wire:
        handle = wire.open(b"/file", NEW)
        wire.write(handle, b"first ")
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: _refuses(login), "new sessions to be refused", 10)
        wire.write(handle, b"second", 6)
        wire.close(handle)
    assert server.process.wait(15) == 0
    assert login.on_disk(b"file").read_bytes() == b"first second"


def test_sigterm_waits_for_a_stuck_transfer_only_as_long_as_configured(own_server):
    server = own_server(LONGSHORE_SHUTDOWN_GRACE_SECS="1").start()
    login = server.new_login()
    with session(login) as wire:
        wire.write(wire.open(b"/file", NEW), b"half")
        began = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        assert server.process.wait(15) == 0
        assert 0.9 < time.monotonic() - began < 10
    assert os.listdir(login.home) == []


def test_sigterm_does_not_wait_for_an_idle_session(own_server):
    server = own_server(LONGSHORE_SHUTDOWN_GRACE_SECS="30").start()
    with session(server.new_login()):
        began = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 15


def _refuses(login: Login) -> bool:
    try:
        transport = connect(login)
    except (OSError, paramiko.SSHException, EOFError):
        return True
    try:
        Wire(transport, timeout=5)
        return False
    except (OSError, paramiko.SSHException, EOFError, Closed, Refused):
        return True
    finally:
        transport.close()
