"""`longshore serve`, as a peer of the others."""

from __future__ import annotations

import shutil

from ..login import Login
from ..longshore import Longshore
from .base import Server


class LongshoreServe(Server):
    name = "longshore"
    refuses_commands = (1, "there is no shell here")

    def __enter__(self):
        self._server = Longshore(self.directory / "data").start()
        self._login = self._server.new_login()
        self.home = self._login.home
        self.log = self._server.log
        self.port = self._server.port
        return self

    def __exit__(self, *_) -> None:
        self._server.kill()
        shutil.rmtree(self.directory)

    @property
    def login(self) -> Login:
        return self._login
