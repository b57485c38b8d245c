"""One adapter for each client that the tests drive."""

from .asyncssh_client import Asyncssh
from .base import Client
from .curl import Curl
from .lftp import Lftp
from .openssh import OpensshSftp, Scp
from .paramiko_client import Paramiko
from .psftp import Psftp
from .rclone import Rclone

CLIENTS: list[type[Client]] = [OpensshSftp, Scp, Lftp, Rclone, Curl, Paramiko, Asyncssh, Psftp]

__all__ = [
    "CLIENTS",
    "Asyncssh",
    "Client",
    "Curl",
    "Lftp",
    "OpensshSftp",
    "Paramiko",
    "Psftp",
    "Rclone",
    "Scp",
]
