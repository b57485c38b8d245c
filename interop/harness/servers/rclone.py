"""`rclone serve sftp` in front of a local directory; runs hash commands and no others."""

from __future__ import annotations

from .accounts import NOBODY, PASSWORD, USER, as_nobody, give_to
from .base import Server
from .daemon import LOCALHOST


class Rclone(Server):
    name = "rclone"
    runs_commands = False

    def prepare(self) -> None:
        super().prepare()
        cache = self.directory / "cache"
        cache.mkdir()
        give_to(NOBODY, self.home, cache, self.directory / "host")

    def environment(self):
        # Its own cache and configuration, not the user's.
        return {"HOME": str(self.home.parent), "RCLONE_PASS": PASSWORD, "RCLONE_CONFIG": "/dev/null"}

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
            # Without this it refuses to write anywhere but at the end of a new file.
            "--vfs-cache-mode=writes",
            f"--cache-dir={self.directory}/cache",
        ]
