"""SSH servers that others wrote, and ours, for the client's tests: each on loopback with one account of the test's own.

All take the account's password and its key. A server is one class in one file here, and a line in `ALL`."""

from __future__ import annotations

from .accounts import PASSWORD, USER
from .asyncssh_server import Asyncssh
from .base import Server
from .dropbear import Dropbear
from .longshore import LongshoreServe
from .openssh import Openssh
from .proftpd import Proftpd
from .rclone import Rclone, RcloneWithCache

ALL: list[type[Server]] = [Openssh, Proftpd, Rclone, RcloneWithCache, Asyncssh, Dropbear, LongshoreServe]

__all__ = ["ALL", "PASSWORD", "USER", "Asyncssh", "LongshoreServe", "Openssh", "Server"]
