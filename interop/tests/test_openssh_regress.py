"""OpenSSH's own regress scripts for sftp, with `longshore sftp-server` in the place of `sftp-server`, as root and as a
user without rights."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from harness.longshore import binary
from harness.processes import run

pytestmark = pytest.mark.longshore_only

REGRESS = Path("/usr/lib/openssh/regress")
SCRIPTS = ["sftp", "sftp-cmds", "sftp-badcmds", "sftp-batch", "sftp-glob", "sftp-perm"]
NOBODY = 65534


@pytest.fixture
def stage():
    """A directory that everybody may enter, with a copy of the program: others' target directories may be shut."""
    directory = Path(tempfile.mkdtemp(prefix="longshore-regress-"))
    directory.chmod(0o755)
    shutil.copy(binary(), directory / "sftp-server")
    yield directory
    shutil.rmtree(directory)


def _run(script: str, stage: Path, server: Path, user: int | None):
    work = stage / "work"
    work.mkdir()
    as_user = []
    if user is not None and os.getuid() == 0:
        os.chown(work, user, user)
        as_user = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups"]
    settings = {
        "TEST_SHELL": "/bin/sh",
        "TEST_SSH_SSHD": shutil.which("sshd") or "/usr/sbin/sshd",
        "TEST_SSH_SFTP": shutil.which("sftp") or "/usr/bin/sftp",
        "TEST_SSH_SFTPSERVER": str(server),
        "TEST_SSH_UNSAFE_PERMISSIONS": "1",
        "HOME": str(work),
    }
    words = [f"{name}={value}" for name, value in settings.items()]
    command = [*as_user, "env", *words, "sh", str(REGRESS / "test-exec.sh"), str(work), str(REGRESS / f"{script}.sh")]
    return run(command, timeout=300, cwd=REGRESS, check=False)


@pytest.mark.parametrize("user", [None, NOBODY], ids=["as-myself", "as-nobody"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_of_openssh_passes(script, user, stage):
    finished = _run(script, stage, stage / "sftp-server", user)
    assert finished.status == 0, finished.text[-3000:] + finished.errors[-3000:]
    assert "\nok " in finished.text and "SKIPPED" not in finished.text, finished.text[-3000:]


def test_a_script_of_openssh_fails_when_nothing_may_be_written(stage):
    """The scripts do notice a server that does not do its work."""
    server = stage / "read-only"
    server.write_text(f'#!/bin/sh\nexec {stage}/sftp-server -R "$@"\n')
    server.chmod(0o755)
    assert _run("sftp-batch", stage, server, None).status != 0
