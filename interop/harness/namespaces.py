"""Programs in a mount namespace of their own: a small disk, or a machine that cannot be harmed."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from .processes import Argument


def _unshare(*options: str) -> list[Argument]:
    """Root makes namespaces as itself, others through a user namespace."""
    return ["unshare", *options] if os.getuid() == 0 else ["unshare", "--map-root-user", *options]


def with_small_disk(directory: Path, size: str) -> list[Argument]:
    """What to put in front of a command so that `directory` is a disk of this size for it. Nobody else sees what it
    writes there, other than through `/proc/<pid>/root`."""
    prepare = f"mount -t tmpfs -o size={size} none {shlex.quote(str(directory))}"
    return [*_unshare("--mount"), "sh", "-c", f'{prepare} && exec "$@"', "sh"]


def with_read_only_machine(writable: Path) -> list[Argument]:
    """What to put in front of a server that hostile requests are sent to: should it let them through, they find the
    machine's root file system read-only but for the directory `writable`."""
    path = shlex.quote(str(writable))
    prepare = f"mount --bind {path} {path} && mount -o remount,bind,ro /"
    return [*_unshare("--mount"), "sh", "-c", f'{prepare} && cd {path} && exec "$@"', "sh"]


def with_own_network() -> list[Argument]:
    """What to put in front of a command so that every port of 127.0.0.1 is free for it."""
    return [*_unshare("--net"), "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
