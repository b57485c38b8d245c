"""What must and what may be there after a crash, worked out from the journals."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .content import Version
from .journal import read


@dataclass
class Files:
    """The files of one uploader."""

    seed: int
    certain: dict[str, Version] = field(default_factory=dict)
    """Path → the version that was acknowledged last."""
    open_upload: tuple[str, Version] | None = None
    """An upload whose CLOSE was not answered: the old version or this one may be there, whole."""
    open_rename: tuple[str, str] | None = None
    """A rename that was not answered: one of the names is there."""

    def apply(self, journal: Path) -> tuple[list[str], int, list[str]]:
        """Takes in a round. Gives the paths it touched, how many operations were acknowledged, and problems."""
        touched, acknowledged, problems = [], 0, []
        for entry in read(journal):
            if "problem" in entry:
                problems.append(entry["problem"])
                continue
            touched.append(entry["path"])
            acknowledged += entry["ack"]
            if entry["try"] == "upload":
                version = Version(self.seed, entry["path"], entry["version"])
                if entry["ack"]:
                    self.certain[entry["path"]] = version
                else:
                    self.open_upload = (entry["path"], version)
            elif entry["ack"]:
                self.certain[entry["to"]] = self.certain.pop(entry["path"])
                touched.append(entry["to"])
            else:
                self.open_rename = (entry["path"], entry["to"])
        return touched, acknowledged, problems

    def settle(self, present: set[str], read_file) -> list[str]:
        """Looks which way the unanswered operations went; gives what is wrong about it."""
        problems = []
        if self.open_upload:
            path, version = self.open_upload
            if path in present and read_file(path) == version.bytes():
                self.certain[path] = version
            self.open_upload = None  # otherwise the version before it has to be there, which the caller checks
        if self.open_rename:
            old, new = self.open_rename
            if (old in present) == (new in present):
                problems.append(f"half renamed: {old} to {new}")
            if new in present and old in self.certain:
                self.certain[new] = self.certain.pop(old)
            self.open_rename = None
        return problems


@dataclass
class Users:
    """The users that the creators made."""

    known: dict[str, dict] = field(default_factory=dict)
    """Description (each used once) → user as CreateUser answered."""
    calls: dict[str, tuple[dict, str]] = field(default_factory=dict)
    """Description → body and invocation id."""

    def apply(self, journal: Path) -> tuple[list[str], list[str], list[str]]:
        """Takes in a round. Gives the descriptions acknowledged, those without an answer, and problems."""
        new, unanswered, problems = [], [], []
        for entry in read(journal):
            if "problem" in entry:
                problems.append(entry["problem"])
                continue
            description = entry["body"]["description"]
            self.calls[description] = (entry["body"], entry["invocation"])
            if entry["ack"]:
                self.known[description] = entry["user"]
                new.append(description)
            else:
                unanswered.append(description)
        return new, unanswered, problems
