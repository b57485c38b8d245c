"""CPU and memory of a process with all its children, from /proc: no privileges, no tools."""

from __future__ import annotations

import os
import time
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Living descendants, nearest first."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            direct = [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *children(child)]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and of its children, the ended ones included that it has waited for.

    Exact to some 10 ms, so what is measured must take seconds or be repeated.
    """
    return _cpu(pid) + sum(_cpu(child) for child in children(pid))


def _cpu(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0  # it ended meanwhile, its time has gone to its parent
    # behind the name, which may contain anything: field 3 onwards; utime, stime, cutime, cstime are fields 14 to 17
    fields = stat.rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) * TICK


def wait_for_children(pid: int, keep: int = 0, timeout: float = 20) -> None:
    """Waits until at most `keep` descendants are left, so that the time of the others is counted."""
    until = time.monotonic() + timeout
    while len(children(pid)) > keep:
        if time.monotonic() > until:
            raise TimeoutError(f"process {pid} still has children: {children(pid)}")
        time.sleep(0.01)


def memory_kib(pid: int) -> int:
    """Proportional set size of the process and its children: pages that several share are counted once."""
    return sum(_field(p, "smaps_rollup", "Pss:") for p in [pid, *children(pid)])


def resident_kib(pid: int) -> int:
    """Resident set size of the process alone."""
    return _field(pid, "status", "VmRSS:")


def peak_kib(pid: int) -> int:
    """High-water mark of the resident set size of the process alone."""
    return _field(pid, "status", "VmHWM:")


def _field(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
