"""Fixtures: a server, users on it, clients, room for large files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.data import shared_memory_or, write_large
from harness.longshore import ROOT, Longshore
from harness.openssh_server import OpensshServer
from harness.processes import Argument

GIB = 1 << 30


def pytest_addoption(parser):
    parser.addoption(
        "--control",
        action="store_true",
        help="run against OpenSSH's server instead of Longshore (as root), to test the tests",
    )


    parser.addoption("--long", action="store_true", help="run what takes many minutes too")


def pytest_collection_modifyitems(config, items):
    unwanted = []
    if config.getoption("--control"):
        unwanted.append("longshore_only")
    if not config.getoption("--long"):
        unwanted.append("takes_long")
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in unwanted)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def room(tmp_path_factory):
    """A directory where several GiB fit: in memory if there is enough, else on disk."""
    parent = shared_memory_or(tmp_path_factory.getbasetemp(), 5 * GIB)
    path = Path(tempfile.mkdtemp(prefix="longshore-interop-", dir=parent))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def target(request, room):
    """The server that most tests share; each test has users of its own on it."""
    if request.config.getoption("--control"):
        directory = ROOT / f"target/interop-control-{os.getpid()}"
        with OpensshServer(directory) as server:
            yield server
        shutil.rmtree(directory)
    else:
        with Longshore(room / "data") as server:
            yield server


@pytest.fixture
def login(target):
    """A user with an empty home."""
    return target.new_login()


@pytest.fixture
def workdir(room):
    """An empty directory beside the server's data, gone after the test."""
    path = Path(tempfile.mkdtemp(prefix="work-", dir=room))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def own_server(room):
    """Makes servers with settings of their own; they are killed after the test."""
    made: list[Longshore] = []
    directory = Path(tempfile.mkdtemp(prefix="servers-", dir=room))

    def make(wrap: Sequence[Argument] = (), **settings: str) -> Longshore:
        server = Longshore(directory / f"data-{len(made)}", settings, wrap)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def large_file(room):
    """Makes each large file once."""
    made: dict[int, Path] = {}

    def make(size: int) -> Path:
        if size not in made:
            made[size] = room / f"large-{size}"
            write_large(made[size], size)
        return made[size]

    return make
