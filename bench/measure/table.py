"""The table that is pasted into a note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Row:
    """One line: what was measured, here and there, and the bar it must stay under."""

    what: str
    unit: str
    ours: float
    bar: float
    theirs: dict[str, float] | None = None
    """Values of other servers by name; the bar is then a ratio to the best of them, unless `absolute`."""
    absolute: bool = False
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / min(self.theirs.values()) if self.theirs else None

    @property
    def met(self) -> bool:
        if self.absolute or self.ratio is None:
            return self.ours <= self.bar
        return self.ratio <= self.bar

    def cells(self) -> list[str]:
        theirs = ", ".join(f"{_number(value)} ({name})" for name, value in (self.theirs or {}).items())
        bar = f"≤ {_number(self.bar)}" + (" ×" if self.ratio is not None and not self.absolute else f" {self.unit}")
        return [
            self.what + (f" ({self.remark})" if self.remark else ""),
            f"{_number(self.ours)} {self.unit}",
            theirs or "–",
            f"{self.ratio:.2f} ×" if self.ratio is not None else "–",
            bar,
            "pass" if self.met else "**MISS**",
        ]


def render(rows: list[Row]) -> str:
    """Markdown, with padded columns."""
    lines = [["", "longshore", "OpenSSH", "ratio", "bar", ""], *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    pad: Callable[[list[str]], str] = lambda line: "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |"
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([pad(lines[0]), rule, *(pad(line) for line in lines[1:])])


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
