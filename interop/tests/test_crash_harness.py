"""The crash harness notices what it is there for: each kind of damage and each missing sync makes it fail."""

from __future__ import annotations

import os
import sys

import pytest

from crash.syncs import SYNCS
from harness.longshore import ROOT
from harness.processes import Finished, clean_environment, run

pytestmark = pytest.mark.longshore_only


def _harness(*arguments: str) -> Finished:
    keep = ("LONGSHORE_BIN", "LONGSHORE_POWERCUT_BIN", "CARGO_TARGET_DIR")
    environment = clean_environment(**{name: os.environ[name] for name in keep if name in os.environ})
    command = [sys.executable, ROOT / "interop/crash/crash.py", *arguments]
    return run(command, check=False, timeout=200, env=environment)


@pytest.mark.parametrize("damage", ["file", "lost-file", "torn-file", "catalog", "lost-record", "doubled-record", "mode"])
def test_damage_is_noticed(damage):
    # Not every round has something to damage: permissions that were changed, say.
    _notices("kill", "--rounds", "8", "--lanes", "1", "--damage", damage)


@pytest.mark.parametrize("sync", [sync.name for sync in SYNCS if sync.when == "work"])
def test_a_missing_sync_is_noticed(sync):
    """Each sync that the server makes is taken out; something acknowledged is then lost within a few rounds."""
    _notices("cut", "--rounds", "200", "--first-starts", "0", "--without", sync)


@pytest.mark.parametrize("sync", [sync.name for sync in SYNCS if sync.when == "start"])
def test_a_missing_sync_of_the_first_start_is_noticed(sync):
    _notices("cut", "--rounds", "0", "--first-starts", "40", "--without", sync)


def _notices(*arguments: str) -> None:
    finished = _harness(*arguments)
    assert finished.status == 1, finished.text + finished.errors
    assert "WRONG:" in finished.errors, finished.errors
