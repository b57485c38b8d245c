"""What every client must be able to do, with the client's own settings left as they are."""

from __future__ import annotations

import os

import pytest

from harness.clients import CLIENTS, Client
from harness.data import digest, make_tree, random_bytes, tree

PLAIN = [
    pytest.param(b"report.txt", id="plain"),
    pytest.param(b"annual report 2024 .txt", id="spaces"),
    pytest.param("Grüße ☃ 文件.txt".encode(), id="utf-8"),
    pytest.param(b"it's [50%] #1 & co; $HOME *.txt", id="punctuation"),
    pytest.param(b"-rf", id="dash"),
    pytest.param(b"n" * 255, id="longest"),
]
NOT_UTF8 = pytest.param(b"caf\xe9 \xff\xfe.txt", id="not-utf-8")


def able(*operations: str):
    """The clients that have all these operations."""
    return pytest.mark.parametrize(
        "kind",
        [pytest.param(client, id=client.name) for client in CLIENTS if client.operations >= set(operations)],
    )


def able_with_names(*operations: str):
    """The same, times the names that each client can express."""
    return pytest.mark.parametrize(
        ("kind", "name"),
        [
            pytest.param(client, *name.values, id=f"{client.name}-{name.id}")
            for client in CLIENTS
            if client.operations >= set(operations)
            for name in [*PLAIN, *([NOT_UTF8] if client.odd_bytes >= set(operations) else [])]
        ],
    )


@pytest.fixture
def client(kind, login, workdir) -> Client:
    settings = workdir / "client"
    settings.mkdir()
    return kind(login, settings)


@able_with_names("put", "get")
def test_a_file_comes_back_as_it_went_whatever_its_name(client, login, workdir, name):
    sent = workdir / "sent"
    sent.write_bytes(random_bytes(100_000, 7))
    client.put(sent, b"/" + name)
    assert login.on_disk(name).read_bytes() == sent.read_bytes()
    client.get(b"/" + name, workdir / "received")
    assert (workdir / "received").read_bytes() == sent.read_bytes()


@able_with_names("list")
def test_a_listing_shows_exactly_what_is_there(client, login, name):
    login.on_disk(b"box").mkdir()
    login.on_disk(b"box/sub").mkdir()
    login.on_disk(b"box/" + name).write_bytes(b"x")
    login.on_disk(b"beside").write_bytes(b"x")
    assert client.list(b"/box") == {b"sub", name}


@able_with_names("rename", "remove")
def test_a_file_can_be_renamed_and_deleted(client, login, name):
    login.on_disk(b"before").write_bytes(b"content")
    client.rename(b"/before", b"/" + name)
    assert tree(login.home) == {name: b"content"}
    client.remove(b"/" + name)
    assert tree(login.home) == {}


@able_with_names("mkdir", "rmdir")
def test_a_directory_can_be_made_and_removed(client, login, name):
    client.mkdir(b"/" + name)
    assert tree(login.home) == {name: None}
    client.rmdir(b"/" + name)
    assert tree(login.home) == {}


@able("put", "get")
def test_an_empty_file_stays_empty(client, login, workdir):
    (workdir / "sent").touch()
    client.put(workdir / "sent", b"/empty")
    assert tree(login.home) == {b"empty": b""}
    client.get(b"/empty", workdir / "received")
    assert (workdir / "received").read_bytes() == b""


@able("put")
def test_an_upload_replaces_a_longer_file_whole(client, login, workdir):
    login.on_disk(b"file").write_bytes(random_bytes(200_000, 1))
    (workdir / "sent").write_bytes(b"short")
    client.put(workdir / "sent", b"/file")
    assert tree(login.home) == {b"file": b"short"}


@able("get")
def test_a_missing_file_is_an_error(client, workdir):
    with pytest.raises(Exception):  # each client has its own; what counts is that none of them reports success
        client.get(b"/missing", workdir / "received")


@able("rmdir")
def test_a_directory_with_a_file_in_it_is_not_removed(client, login):
    login.on_disk(b"full").mkdir()
    login.on_disk(b"full/file").write_bytes(b"kept")
    with pytest.raises(Exception):  # as above
        client.rmdir(b"/full")
    assert tree(login.home) == {b"full": None, b"full/file": b"kept"}


@able("put_tree")
def test_a_tree_goes_up_whole(client, login, workdir):
    make_tree(workdir / "tree")
    client.put_tree(workdir / "tree", b"/tree")
    assert tree(login.home / "tree") == tree(workdir / "tree")


@able("get_tree")
def test_a_tree_comes_down_whole(client, login, workdir):
    make_tree(login.home / "tree")
    client.get_tree(b"/tree", workdir / "tree")
    assert tree(workdir / "tree") == tree(login.home / "tree")


@pytest.mark.parametrize("kind", [pytest.param(c, id=c.name) for c in CLIENTS if "put" in c.keeps_times])
def test_an_upload_keeps_its_time(client, login, workdir):
    (workdir / "sent").write_bytes(b"dated")
    os.utime(workdir / "sent", (1_000_000_000, 1_111_111_111))
    client.put(workdir / "sent", b"/dated")
    assert int(login.on_disk(b"dated").stat().st_mtime) == 1_111_111_111


@pytest.mark.parametrize("kind", [pytest.param(c, id=c.name) for c in CLIENTS if "get" in c.keeps_times])
def test_a_download_keeps_its_time(client, login, workdir):
    login.on_disk(b"dated").write_bytes(b"dated")
    os.utime(login.on_disk(b"dated"), (1_000_000_000, 1_111_111_111))
    client.get(b"/dated", workdir / "received")
    assert int((workdir / "received").stat().st_mtime) == 1_111_111_111


@pytest.mark.large
@able("put", "get")
def test_a_large_file_keeps_its_digest_both_ways(client, login, workdir, large_file):
    sent = large_file(client.large)
    client.put(sent, b"/large")
    assert digest(login.on_disk(b"large")) == digest(sent)
    client.get(b"/large", workdir / "received")
    assert digest(workdir / "received") == digest(sent)
    login.on_disk(b"large").unlink()
