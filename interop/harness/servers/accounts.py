"""The account that the tests log in as. Servers that look accounts up in the system's files see the test's files in
their place, in a mount namespace of their own; the machine's are never touched."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from ..processes import Argument, run

USER = "tester"
PASSWORD = "S3cret enough"
UID = 1777
NOBODY = 65534
"""As whom servers run that need no accounts."""


def write_accounts(directory: Path, home: Path) -> None:
    """`passwd` and `shadow` with root, OpenSSH's privilege separation user, and ours, and PAM's rules for sshd."""
    secret = run(["openssl", "passwd", "-6", "-stdin"], stdin=PASSWORD.encode()).text.strip()
    (directory / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n"
        "sshd:x:107:65534::/run/sshd:/usr/sbin/nologin\n"
        f"{USER}:x:{UID}:{UID}::{home}:/bin/sh\n"
    )
    shadow = directory / "shadow"
    shadow.write_text(f"root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n{USER}:{secret}:19000:0:99999:7:::\n")
    shadow.chmod(0o600)
    (directory / "pam").write_text(
        "auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so\n"
    )


def with_accounts(directory: Path) -> list[Argument]:
    """What to put in front of a server, as root, so that it finds these accounts and ends with all its processes."""
    here = shlex.quote(str(directory))
    # `-e`: nothing after a mount that failed.
    prepare = "; ".join(
        f"mount --bind {here}/{ours} {theirs}"
        for ours, theirs in [("passwd", "/etc/passwd"), ("shadow", "/etc/shadow"), ("pam", "/etc/pam.d/sshd")]
    )
    own = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    return ["unshare", *own, "sh", "-ec", f'{prepare}; exec "$@"', "sh"]


def as_nobody() -> list[Argument]:
    """What to put in front of a server that needs no rights; it ends with the tests."""
    if os.getuid() != 0:
        return ["setpriv", "--pdeathsig", "KILL"]
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig", "KILL"]


def give_to(uid: int, *paths: Path) -> None:
    """Makes files and directories belong to this user."""
    if os.getuid() == 0:
        for path in paths:
            os.chown(path, uid, uid)
