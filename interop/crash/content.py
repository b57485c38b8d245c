"""Names and contents of the files that the harness uploads, computed from the seed so that nothing need be kept."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One attempt to write one file. Equal values have equal bytes; different ones differ in their first line."""

    seed: int
    path: str
    number: str

    def bytes(self) -> bytes:
        chance = random.Random(f"{self.seed}/{self.path}/{self.number}")
        size = chance.choices(
            [chance.randrange(1, 64 << 10), chance.randrange(64 << 10, 512 << 10), 2 << 20], weights=[75, 22, 3]
        )[0]
        return f"{self.path} {self.number}\n".encode() + chance.randbytes(size)
