"""`rclone serve sftp` in front of a local directory, as it is and with a cache; runs hash commands and no others."""

from __future__ import annotations

from .accounts import NOBODY, PASSWORD, USER, as_nobody, give_to
from .base import Server
from .daemon import LOCALHOST


class Rclone(Server):
    """Writes files from the beginning to the end only."""

    name = "rclone"
    refuses_commands = (1, "not implemented")
    continues_uploads = False

    def prepare(self) -> None:
        super().prepare()
        cache = self.directory / "cache"
        cache.mkdir()
        give_to(NOBODY, self.home, cache, self.directory / "host")

    def environment(self):
        # Its own cache and configuration, not the user's.
        return {"HOME": str(self.directory), "RCLONE_PASS": PASSWORD, "RCLONE_CONFIG": "/dev/null"}

    def command(self, port):
        return [
            *as_nobody(),
            "rclone",
            "serve",
            "sftp",
            self.home,
            f"--addr={LOCALHOST}:{port}",
            f"--user={USER}",
            f"--key={self.directory}/host",
            f"--authorized-keys={self.directory}/authorized_keys",
        ]


class RcloneWithCache(Rclone):
    """Writes anywhere in a file, into the cache, and a little later from there."""

    name = "rclone-cache"

    def command(self, port):
        cache = ["--vfs-cache-mode=writes", "--vfs-write-back=100ms", f"--cache-dir={self.directory}/cache"]
        return [*super().command(port), *cache]
