"""rclone with nothing set but host, port, user and password, as its first page tells people to."""

from __future__ import annotations

from ..processes import Argument, Finished, clean_environment, run
from .base import Client


class Rclone(Client):
    name = "rclone"
    odd_bytes = frozenset()  # rewrites bytes that are not UTF-8 into characters of its own (see `rclone help`, encoding)
    large = 1 << 30

    def rclone(self, *arguments: Argument, timeout: float = 60, check: bool = True) -> Finished:
        login = self.login
        settings = {"RCLONE_SFTP_HOST": login.host, "RCLONE_SFTP_PORT": str(login.port), "RCLONE_SFTP_USER": login.user}
        if login.password:
            obscured = run(["rclone", "obscure", "-"], stdin=login.password.encode()).text.strip()
            settings["RCLONE_SFTP_PASS"] = obscured
        if login.key:
            settings["RCLONE_SFTP_KEY_FILE"] = str(login.key)
        config = self.work / "rclone.conf"
        config.touch()
        env = clean_environment(HOME=str(self.work), RCLONE_CONFIG=str(config), **settings)
        return run(["rclone", "--retries=1", "--low-level-retries=1", *arguments], env=env, timeout=timeout, check=check)

    @staticmethod
    def remote(path: bytes) -> bytes:
        return b":sftp:" + path

    def put(self, local, remote):
        self.rclone("copyto", local, self.remote(remote), timeout=150)

    def get(self, remote, local):
        self.rclone("copyto", self.remote(remote), local, timeout=150)

    def list(self, directory):
        shown = self.rclone("lsf", self.remote(directory)).stdout
        return {line.rstrip(b"/") for line in shown.splitlines()}

    def rename(self, old, new):
        self.rclone("moveto", self.remote(old), self.remote(new))

    def remove(self, remote):
        self.rclone("deletefile", self.remote(remote))

    def mkdir(self, remote):
        self.rclone("mkdir", self.remote(remote))

    def rmdir(self, remote):
        self.rclone("rmdir", self.remote(remote))

    def put_tree(self, local, remote):
        self.rclone("copy", "--create-empty-src-dirs", local, self.remote(remote))

    def get_tree(self, remote, local):
        self.rclone("copy", "--create-empty-src-dirs", self.remote(remote), local)
