"""Kills the server at a random instant while users are created and files uploaded, starts it again, and looks.

    interop/.venv/bin/python interop/crash/crash.py [--rounds 20] [--acks 200] [--seed N] [--keep] [--sabotage WHAT]

In each round 8 workers create users and 8 upload, half of it over existing files. Once at least `--acks` operations
were acknowledged, the server gets SIGKILL. After the restart every acknowledged user logs in, every file whose CLOSE
was answered has its bytes, nothing torn is visible, and a call repeated with its invocation id gets the same answer.

`--sabotage` damages the data after the kill, to show that the harness notices: `file` cuts an acknowledged file short,
`lost-file` removes one, `torn-file` puts half a file there, `catalog` brings back the catalog of the round's beginning.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crash import check, workers  # noqa: E402
from crash.model import Files, Users  # noqa: E402
from harness.longshore import Longshore  # noqa: E402
from harness.processes import wait_until  # noqa: E402
from harness.wire import Wire, connect  # noqa: E402

CREATORS = UPLOADERS = 8
ROUND_LIMIT = 60
"""Seconds for the acknowledgements of one round."""


class Harness:
    def __init__(self, directory: Path, options: argparse.Namespace):
        self.directory, self.options = directory, options
        # Each start takes a free port; what CreateUser answers about it must not change with that.
        fixed = {"LONGSHORE_SFTP_PUBLIC_HOST": "sftp.example.com", "LONGSHORE_SFTP_PUBLIC_PORT": "22"}
        self.server = Longshore(directory / "data", fixed).start()
        self.auditor = self.server.api.create_user("/", "auditor")
        self.uploaders = [self.server.api.create_user(f"/up/{number}", "uploader") for number in range(UPLOADERS)]
        self.files = [Files(options.seed) for _ in self.uploaders]
        self.users = Users()

    def round(self, number: int) -> list[str]:
        """One crash; gives what was wrong after it."""
        began = time.monotonic()
        journals = self.directory / f"round-{number}"
        journals.mkdir()
        catalog = self.saved_catalog() if self.options.sabotage == "catalog" else None
        seen = self.crash_under_load(number, journals)
        crashed = time.monotonic()
        if self.options.sabotage and catalog is None:
            self.sabotage_a_file(journals)
        elif catalog:
            self.restore_catalog(catalog)
        self.server.start()
        problems, counts = self.look(number, journals)
        print(
            f"round {number:3}  {seen:4} acknowledged ({counts}), killed after {crashed - began:4.1f} s, "
            f"checked in {time.monotonic() - crashed:4.1f} s: {'ok' if not problems else 'WRONG'}",
            flush=True,
        )
        return problems

    def crash_under_load(self, number: int, journals: Path) -> int:
        """Runs the workers until enough was acknowledged, then kills the server."""
        chance = random.Random(f"{self.options.seed}/{number}/kill")
        acknowledged = multiprocessing.Value("q", 0)
        crew = []
        for worker in range(CREATORS):
            assignment = workers.Assignment(self.options.seed, number, worker, journals / f"create-{worker}")
            crew.append((workers.create_users, (assignment, self.server.api, acknowledged)))
        for worker, user in enumerate(self.uploaders):
            assignment = workers.Assignment(self.options.seed, number, worker, journals / f"upload-{worker}")
            crew.append((workers.upload, (assignment, self.server.login(user), acknowledged)))
        processes = [multiprocessing.Process(target=target, args=args, daemon=True) for target, args in crew]
        for process in processes:
            process.start()
        goal = self.options.acks + chance.randrange(self.options.acks // 2)
        try:
            wait_until(lambda: acknowledged.value >= goal, f"{goal} acknowledgements", ROUND_LIMIT, every=0.001)
            time.sleep(chance.random() * 0.05)
        finally:
            self.server.kill()
            for process in processes:
                process.join(40)
                if process.is_alive():
                    process.kill()
        return acknowledged.value

    def look(self, number: int, journals: Path) -> tuple[list[str], str]:
        """Everything that must hold after the restart."""
        server, api = self.server, self.server.api
        chance = random.Random(f"{self.options.seed}/{number}/look")
        problems: list[str] = []
        fresh: list[str] = []
        unanswered: list[str] = []
        for worker in range(CREATORS):
            new, open_calls, wrong = self.users.apply(journals / f"create-{worker}")
            fresh += new
            unanswered += open_calls
            problems += wrong
        problems += check.settle_unanswered(api, self.users, unanswered)
        problems += check.check_replays(api, self.users, fresh, chance)
        problems += check.check_nobody_twice(api, self.users)
        to_log_in = fresh + [description for description in unanswered if description in self.users.known]
        with ProcessPoolExecutor(4) as pool:
            problems += check.check_logins(server, self.users, to_log_in, pool)
        closes = 0
        transport = connect(server.login(self.auditor))
        try:
            audit = Wire(transport)
            for worker, files in enumerate(self.files):
                touched, acknowledged, wrong = files.apply(journals / f"upload-{worker}")
                closes += acknowledged
                problems += wrong
                last = number == self.options.rounds
                problems += check.check_files(audit, f"up/{worker}", files, None if last else touched)
        finally:
            transport.close()
        return problems, f"{len(fresh)} users, {closes} files and renames; {len(unanswered)} calls without answer"

    # Damage on purpose.

    def sabotage_a_file(self, journals: Path) -> None:
        for worker in range(UPLOADERS):
            files, home = Files(self.options.seed), self.server.bucket() / f"up/{worker}"
            files.apply(journals / f"upload-{worker}")
            if files.certain:
                break
        victim = home / max(files.certain)
        if self.options.sabotage == "file":
            victim.write_bytes(victim.read_bytes()[:-1])
        elif self.options.sabotage == "lost-file":
            victim.unlink()
        else:
            (home / "half").write_bytes(b"half of some file")

    def saved_catalog(self) -> Path:
        copy = self.directory / "catalog-copy"
        shutil.copytree(self.server.data_dir, copy, ignore=shutil.ignore_patterns("buckets", "run"))
        return copy

    def restore_catalog(self, copy: Path) -> None:
        for path in self.server.data_dir.iterdir():
            if path.name not in ("buckets", "run"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(copy, self.server.data_dir, dirs_exist_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kills the server again and again and looks what is left.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--acks", type=int, default=200, help="acknowledgements before the kill, at least")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep data and journals when something is wrong")
    parser.add_argument("--sabotage", choices=["file", "lost-file", "torn-file", "catalog"])
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().getrandbits(32)
    # Connections that break are what this is about: paramiko need not report them.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    print(f"crash harness: seed {options.seed}, {options.rounds} rounds", flush=True)
    # On a real disk, not in memory: what is tested is what a file system keeps.
    directory = Path(tempfile.mkdtemp(prefix="longshore-crash-"))
    harness = None
    problems: list[str] = []
    try:
        harness = Harness(directory, options)
        for number in range(1, options.rounds + 1):
            problems = harness.round(number)
            if problems:
                break
    finally:
        if harness:
            harness.server.kill()
        if problems and options.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    for problem in problems:
        print(f"WRONG: {problem}", file=sys.stderr)
    if problems:
        print(f"again with: --seed {options.seed} --rounds {number}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
