"""The crash harness notices what it is there for: each kind of damage, done on purpose, makes it fail."""

from __future__ import annotations

import os
import sys

import pytest

from harness.longshore import ROOT
from harness.processes import clean_environment, run

pytestmark = pytest.mark.longshore_only


@pytest.mark.parametrize("damage", ["file", "lost-file", "torn-file", "catalog"])
def test_damage_is_noticed(damage):
    keep = {name: os.environ[name] for name in ("LONGSHORE_BIN", "CARGO_TARGET_DIR") if name in os.environ}
    harness = [sys.executable, ROOT / "interop/crash/crash.py", "--rounds", "1", "--acks", "100", "--sabotage", damage]
    finished = run(harness, check=False, timeout=120, env=clean_environment(**keep))
    assert finished.status == 1, finished.text + finished.errors
    assert "WRONG:" in finished.errors, finished.errors
