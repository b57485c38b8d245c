"""A server made with asyncssh, run as a program: `asyncssh_main.py DIRECTORY PORT`.

Takes the account's password, its key, and keyboard-interactive in two rounds. Runs commands and SFTP, the latter below
`DIRECTORY/home`."""

import asyncio
import logging
import os
import sys
from pathlib import Path

import asyncssh

USER = "tester"
PASSWORD = "S3cret enough"
NOBODY = 65534


class Account(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == (USER, PASSWORD)

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, username, lang, submethods):
        self.user = username
        self.round = 1
        return "First round", "Two questions.", "", [("Password: ", False), ("Shell you use: ", True)]

    def validate_kbdint_response(self, username, responses):
        if self.round == 1 and list(responses) == [PASSWORD, "sh"]:
            self.round = 2
            return "Second round", "", "", [("Say yes: ", True)]
        return self.round == 2 and username == USER and list(responses) == ["yes"]


async def run_command(process: asyncssh.SSHServerProcess) -> None:
    if process.command is None:
        process.exit(1)
        return
    child = await asyncio.create_subprocess_shell(
        process.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    status = await child.wait()
    await process.stdout.drain()
    process.exit(status)


async def main(directory: Path, port: int) -> None:
    home = directory / "home"
    listener = await asyncssh.create_server(
        Account,
        "127.0.0.1",
        port,
        server_host_keys=[str(directory / "host")],
        authorized_client_keys=str(directory / "authorized_keys"),
        process_factory=run_command,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(home)),
        encoding=None,
        allow_scp=False,
    )
    os.chdir(home)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    await listener.wait_closed()


logging.basicConfig(level=logging.INFO)
asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
