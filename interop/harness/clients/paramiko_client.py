"""paramiko."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import paramiko

from .base import EVERYTHING, Client


class Paramiko(Client):
    name = "paramiko"
    odd_bytes = EVERYTHING - {"list"}  # its listdir decodes names as UTF-8

    @contextlib.contextmanager
    def session(self):
        login = self.login
        with paramiko.SSHClient() as ssh:
            ssh.load_host_keys(str(login.known_hosts))
            ssh.connect(
                login.host,
                login.port,
                login.user,
                password=login.password,
                key_filename=str(login.key) if login.key else None,
                look_for_keys=False,
                allow_agent=False,
                timeout=20,
            )
            with ssh.open_sftp() as sftp:
                sftp.get_channel().settimeout(60)
                yield sftp

    def put(self, local, remote):
        with self.session() as sftp:
            sftp.put(str(local), remote)
            taken = os.stat(local)
            sftp.utime(remote, (taken.st_atime, taken.st_mtime))

    def get(self, remote, local):
        with self.session() as sftp:
            sftp.get(remote, str(local))
            given = sftp.stat(remote)
        os.utime(local, (given.st_atime, given.st_mtime))

    def list(self, directory):
        with self.session() as sftp:
            return {os.fsencode(name) for name in sftp.listdir(directory)}

    def rename(self, old, new):
        with self.session() as sftp:
            sftp.rename(old, new)

    def remove(self, remote):
        with self.session() as sftp:
            sftp.remove(remote)

    def mkdir(self, remote):
        with self.session() as sftp:
            sftp.mkdir(remote)

    def rmdir(self, remote):
        with self.session() as sftp:
            sftp.rmdir(remote)

    def put_tree(self, local, remote):
        with self.session() as sftp:
            sftp.mkdir(remote)
            for where, directories, files in os.walk(os.fsencode(local)):
                base = os.path.join(remote, os.path.relpath(where, os.fsencode(local)))
                for name in directories:
                    sftp.mkdir(os.path.join(base, name))
                for name in files:
                    sftp.put(os.path.join(where, name), os.path.join(base, name))

    def get_tree(self, remote, local):
        with self.session() as sftp:
            _fetch(sftp, remote, local)


def _fetch(sftp: paramiko.SFTPClient, remote: bytes, local: Path) -> None:
    local.mkdir()
    for entry in sftp.listdir_attr(remote):
        name = os.fsencode(entry.filename)
        target = local / os.fsdecode(name)
        if stat.S_ISDIR(entry.st_mode):
            _fetch(sftp, remote + b"/" + name, target)
        else:
            sftp.get(remote + b"/" + name, str(target))
