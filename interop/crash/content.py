"""Contents of the files that the harness uploads, computed from the seed so that nothing need be kept."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One attempt to write one file. Equal values have equal bytes; different ones differ in their first line."""

    name: str

    def bytes(self) -> bytes:
        chance = random.Random(self.name)
        size = chance.choices(
            [chance.randrange(1, 8 << 10), chance.randrange(8 << 10, 64 << 10), 400 << 10], weights=[78, 20, 2]
        )[0]
        return self.name.encode() + b"\n" + chance.randbytes(size)


@dataclass(frozen=True)
class Appended:
    """A file to whose end something was added."""

    base: Version | Appended
    addition: Version

    def bytes(self) -> bytes:
        return self.base.bytes() + self.addition.bytes()
