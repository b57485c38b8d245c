"""What must and what may be there after a disaster."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .content import Appended, Version

DIRECTORY = None
Content = Version | Appended | None
Tree = dict[str, Content]
"""Path below the worker's own directory → what is there."""


Upload = tuple[str, int]
"""Path and size of what was published."""


@dataclass(frozen=True)
class Operation:
    """One request, or the requests of one upload."""

    kind: str
    path: str
    to: str = ""
    content: Content = None
    mode: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.path} {self.to}".strip()


def after(tree: Tree, done: Operation) -> Tree:
    """The tree once the operation was acknowledged."""
    tree = dict(tree)
    match done.kind:
        case "put" | "append":
            tree[done.path] = done.content
        case "mkdir":
            tree[done.path] = DIRECTORY
        case "remove" | "rmdir":
            del tree[done.path]
        case "rename":
            tree[done.to] = tree.pop(done.path)
        case "rename directory":
            inside = [path for path in tree if path == done.path or path.startswith(done.path + "/")]
            for path in inside:
                tree[done.to + path[len(done.path) :]] = tree.pop(path)
        case "link":
            tree[done.to] = tree[done.path]
        case "chmod":
            pass
        case _:
            raise AssertionError(done)
    return tree


def possible(tree: Tree, unanswered: Operation | None, split: bool) -> Iterator[Tree]:
    """Every tree that may be found when the last operation was not acknowledged. `split`: the names of a rename
    between directories may have survived apart from each other."""
    yield tree
    if unanswered is None:
        return
    yield after(tree, unanswered)
    if split and unanswered.kind == "rename" and _parent(unanswered.path) != _parent(unanswered.to):
        moved = after(tree, unanswered)
        for old, new in itertools.product((True, False), repeat=2):
            mixture = dict(tree) if old else {path: what for path, what in tree.items() if path != unanswered.path}
            if new:
                mixture[unanswered.to] = moved[unanswered.to]
            yield mixture


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def differences(tree: Tree, found: dict[str, bytes | None], loose: str | None = None) -> list[str]:
    """What is not as it must be. `loose` is a file being appended to: there the old content must be in front."""
    problems = [f"{path} is lost" for path in tree.keys() - found.keys()]
    problems += [f"{path} is visible though it must not be" for path in found.keys() - tree.keys()]
    for path in tree.keys() & found.keys():
        wanted, there = tree[path], found[path]
        if (wanted is None) != (there is None):
            problems.append(f"{path} is a {'file' if wanted is None else 'directory'} now")
        elif wanted is not None and there != wanted.bytes():
            if path != loose or not there.startswith(wanted.bytes()):
                problems.append(f"{path} is not {wanted}: {len(there)} bytes that begin with {there[:40]!r}")
    return sorted(problems)


@dataclass
class Expected:
    """What one worker was promised."""

    tree: Tree = field(default_factory=dict)
    unanswered: Operation | None = None
    held: dict[str, tuple[Version, int]] = field(default_factory=dict)
    """Uploads left open after a sync: path → the whole content, and how much of it was acknowledged as safe."""
    acknowledged: int = 0
    published: list[Upload] = field(default_factory=list)
    """Each upload whose CLOSE was acknowledged since the last look."""
    perhaps: list[Upload] = field(default_factory=list)
    """What may be on record too: CLOSE was not answered, or it changed a file in place."""
    modes: dict[str, int] = field(default_factory=dict)
    """Path → permissions, where a SETSTAT of them was acknowledged."""

    def begin(self, operation: Operation) -> None:
        self.unanswered = operation

    def acknowledge(self) -> None:
        operation = self.unanswered
        assert operation
        self.tree = after(self.tree, operation)
        self.unanswered = None
        self.acknowledged += 1
        self._follow_modes(operation)
        if operation.kind == "put":
            self.publish(operation.path, operation.content)
        elif operation.kind == "append":
            self.perhaps.append((operation.path, len(operation.content.bytes())))

    def publish(self, path: str, content: Content) -> None:
        """An upload was acknowledged."""
        self.published.append((path, len(content.bytes())))

    def _follow_modes(self, done: Operation) -> None:
        """A new version keeps the permissions of the old one; a name takes its file's along."""
        modes = self.modes
        match done.kind:
            case "chmod":
                modes[done.path] = done.mode
            case "rename" | "link":
                modes.pop(done.to, None)
                if done.path in modes:
                    modes[done.to] = modes[done.path] if done.kind == "link" else modes.pop(done.path)
            case "rename directory":
                for path in [path for path in modes if path.startswith(done.path + "/")]:
                    modes[done.to + path[len(done.path) :]] = modes.pop(path)
            case "remove":
                modes.pop(done.path, None)

    def wrong_modes(self, found: dict[str, int]) -> list[str]:
        """Files whose permissions are not what was set last."""
        return [
            f"{path} has the mode {found[path]:o}, not {mode:o}" for path, mode in self.modes.items() if found[path] != mode
        ]

    def wrong_records(self, found: list[Upload]) -> list[str]:
        """Whether each upload is on record exactly once, those that may be there at most once."""
        there, must, may = Counter(found), Counter(self.published), Counter(self.perhaps)
        if self.unanswered and self.unanswered.kind in ("put", "append", "torn append"):
            may[(self.unanswered.path, len(self.unanswered.content.bytes()))] += 1
        problems = [f"{times} records of the upload of {size} bytes to {path} are lost" for (path, size), times in (must - there).items()]
        problems += [f"{times} records of {size} bytes to {path} are too many" for (path, size), times in (there - must - may).items()]
        return problems

    def settle(self, found: dict[str, bytes | None], split: bool) -> list[str]:
        """Finds out which way the unanswered operation went; gives what is wrong."""
        loose = self.unanswered.path if self.unanswered and self.unanswered.kind == "append" else None
        for tree in possible(self.tree, self.unanswered, split):
            if not differences(tree, found, loose):
                self.tree = tree
                self._adopt_loose(found, loose)
                self._forget_unsure_modes()
                return []
        problems = differences(self.tree, found, loose)
        if self.unanswered:
            problems.append(f"unanswered was: {self.unanswered}")
        return problems

    def _forget_unsure_modes(self) -> None:
        last = self.unanswered
        if last:
            touched = (last.path + "/", (last.to or last.path) + "/")
            self.modes = {path: mode for path, mode in self.modes.items() if not f"{path}/".startswith(touched)}

    def _adopt_loose(self, found: dict[str, bytes | None], loose: str | None) -> None:
        if loose and found[loose] != self.tree[loose].bytes():
            # Half an appended record: the file is of no more use for comparing.
            self.tree = {path: what for path, what in self.tree.items() if path != loose}
            self.unanswered = replace(self.unanswered, kind="torn append")


@dataclass
class Users:
    """The users that the creator made."""

    known: dict[str, dict] = field(default_factory=dict)
    """Description (each used once) → user as CreateUser answered."""
    calls: dict[str, tuple[dict, str]] = field(default_factory=dict)
    """Description → body and invocation id."""
    fresh: list[str] = field(default_factory=list)
    """Descriptions acknowledged in this round."""

    def unanswered(self) -> list[str]:
        return [description for description in self.calls if description not in self.known]
