"""OpenSSH's `sftp` as the client of every measurement."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from .servers import LOCALHOST, Login

CIPHER = "aes256-gcm@openssh.com"


class Client:
    """Runs `sftp`; `directory` keeps the helper that answers its question for the password."""

    def __init__(self, directory: Path):
        self.askpass = directory / "askpass"
        self.askpass.write_text('#!/bin/sh\nprintf "%s\\n" "$LONGSHORE_BENCH_PASSWORD"\n')
        self.askpass.chmod(0o700)

    def batch(self, login: Login, commands: str, port: int | None = None) -> float:
        """Runs these commands in one session and returns how long it took, from starting the client to its end."""
        started = time.monotonic()
        finished = subprocess.run(
            [*self._argv(login, port), "-b", "-", self._destination(login)],
            input=commands,
            text=True,
            capture_output=True,
            env=self._environment(login),
            timeout=900,
        )
        if finished.returncode != 0:
            raise RuntimeError(f"sftp failed with {finished.returncode} on {commands!r}:\n{finished.stderr[-2000:]}")
        return time.monotonic() - started

    def command(self, login: Login) -> tuple[list[str], dict[str, str]]:
        """Arguments and environment of a session that takes commands from its standard input and ends at the first failure."""
        return [*self._argv(login, None), "-b", "-", self._destination(login)], self._environment(login)

    def open(self, login: Login) -> subprocess.Popen:
        """A session that stays until its standard input is closed; it has answered one request."""
        session = subprocess.Popen(
            [*self._argv(login, None), self._destination(login)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(login),
        )
        session.stdin.write("pwd\n")
        session.stdin.flush()
        seen = ""
        while "Remote working directory" not in seen:
            line = session.stdout.readline()
            if not line:
                raise RuntimeError(f"sftp ended: {seen[-2000:]}")
            seen += line
        return session

    def subsystem(self, login: Login) -> subprocess.Popen:
        """`ssh` with the SFTP subsystem on its standard input and output, for measurements that speak themselves."""
        argv = self._argv(login, None)
        argv[0], argv[argv.index("-P")] = "ssh", "-p"
        return subprocess.Popen(
            [*argv, "-s", f"{login.user}@{LOCALHOST}", "sftp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment(login),
        )

    def _argv(self, login: Login, port: int | None) -> list[str]:
        options = {
            "BatchMode": "no",  # -b would forbid the question for the password
            "Ciphers": CIPHER,
            "UserKnownHostsFile": str(login.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "HostKeyAlias": f"[{LOCALHOST}]:{login.port}",  # also through the relay
            "IdentityAgent": "none",
            "LogLevel": "ERROR",
        }
        if login.key is not None:
            options |= {
                "PreferredAuthentications": "publickey",
                "IdentityFile": str(login.key),
                "IdentitiesOnly": "yes",
            }
        else:
            options |= {"PreferredAuthentications": "password", "PubkeyAuthentication": "no"}
        given = [text for name, value in options.items() for text in ("-o", f"{name}={value}")]
        return ["sftp", "-q", "-F", "none", *given, "-P", str(port or login.port)]

    def _environment(self, login: Login) -> dict[str, str]:
        return os.environ | {
            "SSH_ASKPASS": str(self.askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "LONGSHORE_BENCH_PASSWORD": login.password or "",
        }

    def _destination(self, login: Login) -> str:
        return f"{login.user}@{LOCALHOST}:{login.home}"
