"""`longshore serve`, as a peer of the others."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ..login import Login
from ..longshore import Longshore
from .base import Server


class LongshoreServe(Server):
    name = "longshore"
    refuses_commands = (1, "there is no shell here")

    def __enter__(self):
        self.data = Path(tempfile.mkdtemp(prefix="longshore-daemon-"))
        self._server = Longshore(self.data / "data").start()
        self._login = self._server.new_login()
        self.home = self._login.home
        self.directory = self.data
        self.log = self._server.log
        self.port = self._server.port
        return self

    def __exit__(self, *_) -> None:
        self._server.kill()
        shutil.rmtree(self.data)

    @property
    def login(self) -> Login:
        return self._login
