"""asyncssh's server (`asyncssh_main.py`)."""

from __future__ import annotations

import sys
from pathlib import Path

from .accounts import NOBODY, give_to
from .base import Server


class Asyncssh(Server):
    name = "asyncssh"

    def prepare(self) -> None:
        super().prepare()
        give_to(NOBODY, self.home, self.directory / "host")

    def command(self, port):
        main = Path(__file__).with_name("asyncssh_main.py")
        return ["setpriv", "--pdeathsig", "KILL", sys.executable, main, self.directory, str(port)]
