"""`longshore sftp-server` beside OpenSSH's `sftp-server`: the same flags do the same, and sshd takes either."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from harness.longshore import binary
from harness.openssh_server import OpensshServer
from harness.processes import end, run, spawn, wait_until

pytestmark = pytest.mark.longshore_only

OPENSSH = next(
    path
    for path in map(Path, ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"])
    if path.exists()
)


@pytest.fixture
def tree():
    """An empty directory that everybody may enter."""
    directory = Path(tempfile.mkdtemp(prefix="longshore-sftp-server-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(params=["longshore", "openssh"])
def server(request, tree):
    """The command line of one of the two."""
    return [str(binary()), "sftp-server"] if request.param == "longshore" else [str(OPENSSH)]


def _sftp(server, flags, batch, cwd, **options):
    """Runs a batch; a script in between, because `sftp -D` takes no quoted words."""
    wrapper = cwd / "server.sh"
    words = " ".join(f"'{word}'" for word in [*server, *flags])
    wrapper.write_text(f"#!/bin/sh\nexec {words} 2>{cwd}/server.log\n")
    wrapper.chmod(0o755)
    arguments = ["sftp", "-q", "-b", "-", "-D", str(wrapper)]
    return run(arguments, stdin=batch.encode(), cwd=cwd, check=False, **options)


def test_it_starts_in_the_current_directory_or_in_that_of_d(server, tree):
    (tree / "root").mkdir()
    here = _sftp(server, [], "pwd\n", tree)
    assert here.text.splitlines()[-1] == f"Remote working directory: {tree}"
    there = _sftp(server, ["-d", f"{tree}/%u"], "pwd\n", tree)
    name = run(["id", "-un"]).text.strip()
    expected = tree / name if name == "root" else tree
    assert there.text.splitlines()[-1] == f"Remote working directory: {expected}"


def test_percent_signs_and_the_home_directory_of_d(server, tree):
    (tree / "100%").mkdir()
    finished = _sftp(server, ["-d", f"{tree}/100%%"], "pwd\n", tree)
    assert finished.text.splitlines()[-1] == f"Remote working directory: {tree}/100%"
    home = run(["sh", "-c", "getent passwd $(id -u) | cut -d: -f6"]).text.strip()
    finished = _sftp(server, ["-d", "%d"], "pwd\n", tree)
    assert finished.text.splitlines()[-1] == f"Remote working directory: {home}"


@pytest.mark.parametrize("umask, expected", [("077", 0o600), ("002", 0o664), ("027", 0o640)])
def test_u_is_the_umask(server, tree, umask, expected):
    (tree / "local").write_bytes(b"x")
    (tree / "local").chmod(0o666)
    assert _sftp(server, ["-u", umask], "put local new\nmkdir dir\n", tree).status == 0
    assert stat.S_IMODE((tree / "new").stat().st_mode) == expected
    assert stat.S_IMODE((tree / "dir").stat().st_mode) == expected | (expected & 0o444) >> 2


def test_r_changes_nothing(server, tree):
    (tree / "file").write_bytes(b"old")
    for line in ["put file new", "rm file", "mkdir dir", "chmod 600 file", "rename file new", "ln -s file new", "ln file new"]:
        assert _sftp(server, ["-R"], f"{line}\n", tree).status != 0, line
    assert _sftp(server, ["-R"], "get file copy\n", tree).status == 0
    assert (tree / "copy").read_bytes() == b"old"
    assert stat.S_IMODE((tree / "file").stat().st_mode) == 0o644
    assert not (tree / "new").exists() and not (tree / "dir").exists()


def test_p_and_capital_p_choose_requests(server, tree):
    (tree / "file").write_bytes(b"old")
    assert _sftp(server, ["-P", "remove"], "rm file\n", tree).status != 0
    assert _sftp(server, ["-p", "realpath,stat,lstat"], "rm file\n", tree).status != 0
    assert (tree / "file").exists()
    assert _sftp(server, ["-p", "realpath,stat,lstat,remove"], "rm file\n", tree).status == 0
    assert not (tree / "file").exists()


def test_capital_q_knows_the_requests_of_openssh():
    ours = set(run([binary(), "sftp-server", "-Q", "requests"]).text.split())
    theirs = set(run([OPENSSH, "-Q", "requests"]).text.split())
    assert theirs <= ours


def test_h_prints_the_flags_of_openssh(tree):
    ours = run([binary(), "sftp-server", "-h"]).text
    theirs = run([OPENSSH, "-h"], check=False).errors
    for flag in ["-d", "-e", "-f", "-h", "-l", "-P", "-p", "-Q", "-R", "-u"]:
        assert flag in ours, flag
        assert flag.lstrip("-") in theirs, flag


@pytest.mark.parametrize("level", ["QUIET", "ERROR", "INFO", "DEBUG3"])
def test_e_and_l_log_to_standard_error(server, tree, level):
    (tree / "local").write_bytes(b"x")
    assert _sftp(server, ["-e", "-l", level], "put local new\n", tree).status == 0
    log = (tree / "server.log").read_text()
    opened = f'open "{tree}/new" flags WRITE,CREATE,TRUNCATE mode 0' in log
    assert opened == (level in ["INFO", "DEBUG3"]), log
    assert ("request 3: " in log) == (level == "DEBUG3"), log
    assert level not in ["QUIET", "ERROR"] or log == ""


def test_f_is_the_facility_in_syslog(server, tree):
    """Both log to /dev/log, here one of the test's own."""
    if os.getuid() != 0:
        pytest.fail("needs root for a mount namespace of its own")
    (tree / "collect.py").write_text(
        "import socket, sys\n"
        "log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "log.bind('/dev/log')\n"
        "print('ready', flush=True)\n"
        "while True:\n    print(log.recv(9000).decode(), flush=True)\n"
    )
    words = " ".join([*server, "-l", "INFO", "-f", "LOCAL3"])
    script = (
        "mount -t tmpfs none /dev -o mode=755 && mknod /dev/null c 1 3 && chmod 666 /dev/null && "
        f"python3 {tree}/collect.py >{tree}/syslog & collector=$!; "
        f"until grep -q ready {tree}/syslog 2>/dev/null; do sleep 0.05; done; "
        f"{words} </dev/null >/dev/null; "
        f"for i in $(seq 200); do grep -q 'session opened' {tree}/syslog && break; sleep 0.05; done; kill $collector"
    )
    run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], check=False, timeout=60)
    lines = (tree / "syslog").read_text().splitlines()
    opened = [line for line in lines if "session opened for local user" in line]
    # LOCAL3 is 19, INFO is 6
    assert opened and opened[0].startswith(f"<{19 * 8 + 6}>"), lines


@pytest.fixture
def sshd(tree):
    """OpenSSH's sshd with us as its subsystem."""
    shutil.copy(binary(), tree / "longshore")

    class Subsystem(OpensshServer):
        subsystem = f"{tree}/longshore sftp-server"

    with Subsystem(tree / "sshd", jail=False) as server:
        yield server


def _options(login):
    return [
        "-F", "/dev/null", "-i", str(login.key), "-o", f"UserKnownHostsFile={login.known_hosts}",
        "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
    ]  # fmt: skip


def test_sshd_takes_it_as_subsystem_for_sftp_and_scp(sshd, tree):
    login = sshd.new_login()
    data = os.urandom(300_000)
    (tree / "local").write_bytes(data)
    batch = f"put {tree}/local {login.home}/put\nrename {login.home}/put {login.home}/renamed\nversion\n"
    run(["sftp", *_options(login), "-P", str(login.port), "-b", "-", f"{login.user}@{login.host}"], stdin=batch.encode())
    assert (login.home / "renamed").read_bytes() == data
    target = f"{login.user}@{login.host}:{login.home}/scp"
    run(["scp", *_options(login), "-P", str(login.port), tree / "local", target])
    assert (login.home / "scp").read_bytes() == data
    assert [name for name in os.listdir(login.home) if name.startswith(".longshore")] == []


def test_sshd_takes_it_as_subsystem_for_sshfs(sshd, tree):
    login = sshd.new_login()
    mount = tree / "mount"
    mount.mkdir()
    source = f"{login.user}@{login.host}:{login.home}"
    options = [
        "-o", f"IdentityFile={login.key}", "-o", f"UserKnownHostsFile={login.known_hosts}",
        "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
    ]  # fmt: skip
    mounted = spawn(["sshfs", "-f", "-F", "/dev/null", *options, "-p", str(login.port), source, mount])
    try:
        wait_until(lambda: os.path.ismount(mount), "sshfs")
        with open(mount / "file", "w+b") as file:
            file.write(b"a" * 100_000)
            file.seek(50_000)
            file.write(b"middle")
            file.seek(49_999)
            assert file.read(8) == b"amiddlea"
        (mount / "dir").mkdir()
        (mount / "file").rename(mount / "dir/moved")
        content = (login.home / "dir/moved").read_bytes()
        assert content == b"a" * 50_000 + b"middle" + b"a" * 49_994
        assert sorted(os.listdir(mount)) == ["dir"]
    finally:
        run(["fusermount3", "-u", mount], check=False)
        end(mounted)
