"""The snippets of README.md, as one script that does what a reader would who pastes them one after the other.

Each fenced `sh` block is run in one shell, `js` blocks as modules. A comment on the line before a block says otherwise:

    <!-- test: background -->        it keeps running; the next block starts when the service answers
    <!-- test: skip, and why -->     it is not run
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BLOCK = re.compile(
    r"^(?:<!-- test: (?P<how>\w+)[^\n]*-->\n)?```(?P<language>sh|js)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Snippet:
    line: int
    language: str
    how: str | None
    text: str


def snippets(readme: str) -> list[Snippet]:
    return [
        Snippet(readme.count("\n", 0, match.start()) + 1, match["language"], match["how"], match["text"])
        for match in BLOCK.finditer(readme)
    ]


def as_script(blocks: list[Snippet], ready: str) -> str:
    """A bash script that stops at the first command that fails. `ready` is a command that succeeds once what was
    started in the background answers."""
    stop = "trap 'status=$?; kill $(jobs -p) 2>/dev/null || true; wait; exit $status' EXIT"
    parts = ["set -euo pipefail", stop]
    for block in blocks:
        if block.how == "skip":
            continue
        parts.append(f"echo '>>> README.md:{block.line}' >&2")
        if block.language == "js":
            name = f"snippet-{block.line}.mjs"
            parts += [f"cat >{name} <<'END-OF-SNIPPET'", block.text + "END-OF-SNIPPET", f"node {name}"]
        elif block.how == "background":
            parts += ["{", block.text, "} >background.log 2>&1 &"]
            parts += [f"for i in $(seq 600); do {ready} && break; kill -0 $!; sleep 0.1; done", ready]
        else:
            parts.append(block.text)
    return "\n".join([*parts, ""])
