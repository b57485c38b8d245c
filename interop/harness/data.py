"""Files with content that tells where each byte belongs, and their digests."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

MIB = 1 << 20


def random_bytes(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def write_large(path: Path, size: int, seed: int = 1) -> None:
    """Writes `size` bytes in which every 64 KiB block differs from all others: a block that is missing, doubled or
    moved changes the digest."""
    block = bytearray(random_bytes(64 << 10, seed))
    with path.open("wb", buffering=MIB) as file:
        for number in range(0, size, len(block)):
            block[:8] = number.to_bytes(8, "little")
            file.write(block[: min(len(block), size - number)])


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree(root: Path) -> dict[bytes, bytes | None]:
    """Relative names below `root` with the content of files, `None` for directories, `-> target` for links."""
    found: dict[bytes, bytes | None] = {}
    top = os.fsencode(root)
    for where, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(where, name)
            relative = os.path.relpath(path, top)
            if os.path.islink(path):
                found[relative] = b"-> " + os.readlink(path)
            elif os.path.isdir(path):
                found[relative] = None
            else:
                with open(path, "rb") as file:
                    found[relative] = file.read()
    return found


def make_tree(root: Path) -> None:
    """A small tree with what partners really send: nesting, spaces, UTF-8, an empty file, an empty directory."""
    (root / "inbound/2024 Q4").mkdir(parents=True)
    (root / "empty directory").mkdir()
    (root / "empty.dat").write_bytes(b"")
    (root / "inbound/invoice 850.edi").write_bytes(random_bytes(70_000, 850))
    (root / "inbound/2024 Q4/Größe ☃ 文件.txt").write_bytes(random_bytes(3_000, 4))
    for number in range(20):
        (root / "inbound" / f"part-{number:02}.bin").write_bytes(random_bytes(1 + number * 977, number))


def shared_memory_or(fallback: Path, need: int) -> Path:
    """`/dev/shm` when `need` bytes fit into it twice over, else `fallback`."""
    shm = Path("/dev/shm")
    try:
        stat = os.statvfs(shm)
    except OSError:
        return fallback
    free_memory = next(
        int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if "MemAvailable" in line
    )
    roomy = min(stat.f_bavail * stat.f_frsize, free_memory) > 2 * need
    return shm if roomy and os.access(shm, os.W_OK) else fallback
