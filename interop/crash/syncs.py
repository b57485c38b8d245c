"""Every sync that the server makes, each with what takes it out: without it, the harness has to fail."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sync:
    name: str
    kind: str
    """`data` of a file or `names` of a directory; or only names `made`, `linked`, `removed`, `arrived` or `left` in it."""
    pattern: str
    """Paths on the disk: `?` is one byte of a name, `*` any part of a name, `**` any part of a path."""
    when: str = "work"
    """`start`: only the first start needs it; `never`: losing it loses nothing that was promised."""

    def covers(self, kind: str, path: str) -> bool:
        return kind == self.kind and re.fullmatch(_expression(self.pattern), path) is not None


def _expression(pattern: str) -> str:
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return "".join({"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part)) for part in parts)


SYNCS = [
    Sync("upload", "data", "/data/buckets/*/staging/" + 32 * "?"),
    Sync("staging", "names", "/data/buckets/*/staging"),
    Sync("journal", "data", "/data/buckets/*/staging/journal"),
    Sync("new-journal", "data", "/data/buckets/*/staging/journal.new"),
    Sync("published", "data", "/data/buckets/*/files/**"),
    # One directory is synced for many reasons, and for each of them it must be.
    Sync("home", "names", "/data/buckets/*/files/**"),
    Sync("mkdir", "made", "/data/buckets/*/files/up/**"),
    Sync("link", "linked", "/data/buckets/*/files/up/**"),
    Sync("remove", "removed", "/data/buckets/*/files/up/**"),
    Sync("publish", "arrived", "/data/buckets/*/files/up/**"),
    Sync("rename-from", "left", "/data/buckets/*/files/up/**"),
    Sync("homes", "names", "/data/buckets/*/files", when="start"),
    Sync("bucket", "names", "/data/buckets/*", when="start"),
    Sync("buckets", "names", "/data/buckets", when="start"),
    Sync("catalog", "data", "/data/catalog.db-wal"),
    Sync("data-directory", "names", "/", when="start"),
    Sync("data", "names", "/data", when="start"),
    Sync("pepper", "data", "/data/secrets/*", when="start"),
    Sync("secrets", "names", "/data/secrets", when="start"),
    Sync("host-key", "data", "/data/host-keys/*", when="start"),
    Sync("host-keys", "names", "/data/host-keys", when="start"),
    Sync("initial-key", "data", "/data/initial-api-key*", when="start"),
    Sync("catalog-file", "data", "/data/catalog.db"),
    # Used before the log takes over, when there is nothing to lose yet.
    Sync("catalog-journal", "data", "/data/catalog.db-journal", when="never"),
    # Says where the server that runs now can be reached; the next start writes it anew.
    Sync("server-file", "data", "/data/run/*", when="never"),
    Sync("run", "names", "/data/run", when="never"),
]


def unknown(counts: dict[tuple[str, str], int]) -> list[str]:
    """Syncs that nobody would miss."""
    return sorted({f"{kind} {path}" for kind, path in counts if not any(s.covers(kind, path) for s in SYNCS)})
