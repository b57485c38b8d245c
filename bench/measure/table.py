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
    aim: float | None = None
    """What would be good; the bar is what must be."""
    higher: bool = False
    """More is better: the bar is the least."""

    @property
    def ratio(self) -> float | None:
        best = max if self.higher else min
        return self.ours / best(self.theirs.values()) if self.theirs else None

    @property
    def met(self) -> bool:
        return self._reaches(self.bar)

    def _reaches(self, goal: float) -> bool:
        value = self.ours if self.absolute or self.ratio is None else self.ratio
        return value >= goal if self.higher else value <= goal

    def cells(self) -> list[str]:
        theirs = ", ".join(f"{_number(value)} ({name})" for name, value in (self.theirs or {}).items())
        unit = " ×" if self.ratio is not None and not self.absolute else f" {self.unit}"
        bar = f"{'≥' if self.higher else '≤'} {_number(self.bar)}{unit}"
        if self.aim is not None:
            bar += f" (aim {_number(self.aim)})"
        return [
            self.what + (f" ({self.remark})" if self.remark else ""),
            f"{_number(self.ours)} {self.unit}",
            theirs or "–",
            f"{self.ratio:.2f} ×" if self.ratio is not None else "–",
            bar,
            self._verdict(),
        ]

    def _verdict(self) -> str:
        if not self.met:
            return "**MISS**"
        return "pass, aim" if self.aim is not None and self._reaches(self.aim) else "pass"


def render(rows: list[Row]) -> str:
    """Markdown, with padded columns."""
    lines = [["", "longshore", "others", "ratio", "bar", ""], *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    pad: Callable[[list[str]], str] = lambda line: "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |"
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([pad(lines[0]), rule, *(pad(line) for line in lines[1:])])


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
