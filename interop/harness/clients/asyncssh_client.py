"""asyncssh."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import asyncssh

from .base import Client


class Asyncssh(Client):
    name = "asyncssh"

    def session(self, work: Callable[[asyncssh.SFTPClient], Awaitable], timeout: float = 120):
        """Logs in, runs `work` with an SFTP client that takes and gives names as bytes, and logs out."""
        login = self.login

        async def whole():
            connection = asyncssh.connect(
                login.host,
                login.port,
                username=login.user,
                password=login.password,
                client_keys=[str(login.key)] if login.key else None,
                known_hosts=str(login.known_hosts),
                config=None,
                agent_path=None,
                login_timeout=20,
            )
            async with asyncio.timeout(timeout), connection as ssh:
                async with ssh.start_sftp_client(path_encoding=None) as sftp:
                    return await work(sftp)

        return asyncio.run(whole())

    def put(self, local, remote):
        self.session(lambda sftp: sftp.put(os.fsencode(local), remote, preserve=True))

    def get(self, remote, local):
        self.session(lambda sftp: sftp.get(remote, os.fsencode(local), preserve=True))

    def list(self, directory):
        return set(self.session(lambda sftp: sftp.listdir(directory))) - {b".", b".."}

    def rename(self, old, new):
        self.session(lambda sftp: sftp.rename(old, new))

    def remove(self, remote):
        self.session(lambda sftp: sftp.remove(remote))

    def mkdir(self, remote):
        self.session(lambda sftp: sftp.mkdir(remote))

    def rmdir(self, remote):
        self.session(lambda sftp: sftp.rmdir(remote))

    def put_tree(self, local, remote):
        self.session(lambda sftp: sftp.put(os.fsencode(local), remote, recurse=True))

    def get_tree(self, remote, local):
        self.session(lambda sftp: sftp.get(remote, os.fsencode(local), recurse=True))
