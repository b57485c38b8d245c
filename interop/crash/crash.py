"""Kills the server, or cuts its power, at a random instant while people work with it, starts it again, and looks.

    interop/.venv/bin/python interop/crash/crash.py [kill|cut] [--rounds 100] [--lanes 2] [--seed N]

In each round six sessions of three users upload, overwrite, append, rename, make, link and remove, leave uploads open
after an acknowledged fsync, and somebody creates users. With `kill` the server gets SIGKILL, on a real disk; half of
the lanes run without durability, which is about power only. With `cut` everything lies on a disk that forgets what was
not synced (`interop/powercut`), and the power goes at a random operation. After the restart all that was acknowledged
is there, each published upload is on record once, nothing torn is visible, what was not acknowledged has happened or
not, owners resume what was parked, and a call repeated with its invocation id gets the same answer.

To show that the harness notices: `--without SYNC` only pretends one kind of sync (see `syncs.py`), and `--damage`
changes the data of a killed server: `file` cuts an acknowledged file short, `lost-file` removes one, `torn-file` puts
half a file there, `catalog` brings back the catalog of the round's beginning, `lost-record` and `doubled-record` take
the records of uploads out and put one there twice, `mode` changes permissions.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crash import bootstrap, syncs  # noqa: E402
from crash.lane import Lane  # noqa: E402
from crash.machine import Killing, PowerCut  # noqa: E402


def run_lane(number: int, options: argparse.Namespace, stop, results) -> None:
    """One process: its share of the rounds, until something is wrong anywhere."""
    # Connections that break are what this is about.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    threading.excepthook = lambda _: None  # paramiko's threads end with their connection
    seed = f"{options.seed}.{number}"
    # On a real disk, not in memory: what is tested is what a file system keeps.
    directory = Path(tempfile.mkdtemp(prefix="longshore-crash-"))
    problems: list[str] = []
    done = acknowledged = created = 0
    lane = None
    try:
        settings = {}
        if options.how == "cut":
            ignore = tuple((s.kind, s.pattern) for s in syncs.SYNCS if s.name == options.without)
            for attempt in range(options.first_starts):
                if stop.is_set():
                    break
                problems += bootstrap.first_start(directory, f"{seed}.{attempt}", ignore)
                if problems:
                    break
            machine = PowerCut(directory, seed, ignore)
        else:
            machine = Killing(directory)
            if number % 2:
                settings["LONGSHORE_STORAGE_DURABILITY"] = "none"
        try:
            if not problems:
                lane = Lane(machine, directory, seed, **settings)
                lane.damage = options.damage
            for done in range(1, options.rounds // options.lanes + 1):
                if problems or stop.is_set():
                    break
                problems += [f"round {done} of lane {number}: {problem}" for problem in lane.round()]
            if lane and not problems and options.how == "cut":
                problems += [f"nobody would miss the sync of {what}" for what in syncs.unknown(machine.counts())]
        finally:
            if lane:
                acknowledged, created = lane.acknowledged, lane.created
                lane.server.kill()
            machine.close()
    except Exception:
        problems.append(traceback.format_exc())
    finally:
        if problems:
            stop.set()
        if problems and options.keep:
            print(f"kept: {directory}", flush=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)
        results.put((done, acknowledged, created, problems))


def main() -> int:
    parser = argparse.ArgumentParser(description="Kills the server, or cuts its power, and looks what is left.")
    parser.add_argument("how", choices=["kill", "cut"])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--lanes", type=int, default=2, help="servers that go through it side by side")
    parser.add_argument("--first-starts", type=int, default=6, help="cuts during the first start, in each lane")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep data and log when something is wrong")
    parser.add_argument("--damage", choices=["file", "lost-file", "torn-file", "catalog", "lost-record", "doubled-record", "mode"])
    parser.add_argument("--without", choices=[sync.name for sync in syncs.SYNCS])
    options = parser.parse_args()
    if (options.damage and options.how != "kill") or (options.without and options.how != "cut"):
        parser.error("--damage goes with kill, --without with cut")
    if options.seed is None:
        options.seed = random.SystemRandom().getrandbits(32)
    print(f"{options.how}: seed {options.seed}, {options.rounds} rounds in {options.lanes} lanes", flush=True)
    began = time.monotonic()
    # Not forked: each lane has threads.
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    lanes = [context.Process(target=run_lane, args=(n, options, stop, results)) for n in range(options.lanes)]
    for lane in lanes:
        lane.start()
    outcomes = [results.get(timeout=7200) for _ in lanes]
    for lane in lanes:
        lane.join()
    rounds, acknowledged, created = (sum(column) for column in list(zip(*outcomes))[:3])
    problems = [problem for outcome in outcomes for problem in outcome[3]]
    print(
        f"{rounds} rounds in {time.monotonic() - began:.0f} s, {acknowledged} operations and {created} users "
        f"acknowledged: {'all there' if not problems else 'WRONG'}"
    )
    for problem in problems:
        print(f"WRONG: {problem[:1000]}", file=sys.stderr)
    if problems:
        print(f"again with: {options.how} --seed {options.seed} --rounds {options.rounds}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
