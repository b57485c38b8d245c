"""Our command line against the servers of others and our own: upload, list, rename, download, delete, resume, run a
command; directly to all of them, and through each proxy to two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.data import digest, random_bytes
from harness.longshore import binary
from harness.processes import clean_environment, run, wait_until
from harness.servers import ALL, LongshoreServe, Openssh, Server, proxies
from harness.servers.relay import Relay

pytestmark = pytest.mark.longshore_only

BIG = 6 << 20
CUT = 4 << 20
"""Where a transfer of a large file is broken off, give or take what is on its way."""

ODD_NAME = "Größe ☃ [1]*.txt"


@pytest.fixture(scope="module", params=ALL, ids=lambda kind: kind.name)
def server(request):
    with request.param() as server:
        yield server


@pytest.fixture(scope="module", params=[Openssh, LongshoreServe], ids=lambda kind: kind.name)
def proxied(request):
    """Servers that are tried through each proxy."""
    with request.param() as server:
        yield server


@pytest.fixture(scope="module", params=proxies.ALL, ids=["socks4", "socks5", "socks5-login", "tinyproxy", "squid", "gluing"])
def proxy(request):
    with request.param() as proxy:
        yield proxy


class Cli:
    """`longshore` with what one server and perhaps one proxy need, in a directory of its own."""

    def __init__(self, directory: Path, server: Server, proxy: proxies.Proxy | None = None):
        login = server.login
        self.directory = directory
        self.port = login.port
        self.user = login.user
        self.connections = 0
        """How many commands were run; each connects once."""
        secret = directory / "password"
        secret.write_text(login.password)
        self.options = ["-q", "-F", "none", "--fingerprint", login.fingerprint, "--password-file", secret]
        if proxy is not None:
            self.options += ["--proxy", proxy.url, *_secret_of(proxy, directory)]

    def at(self, path: str) -> str:
        return f"{self.user}@127.0.0.1:{path}"

    def __call__(self, command: str, *words, check: bool = True, stdin: bytes | None = None):
        argv = [binary(), command, "-P", str(self.port), *self.options, *words]
        self.connections += 1
        env = clean_environment(HOME=str(self.directory))
        return run(argv, env=env, cwd=self.directory, check=check, stdin=stdin)

    def names(self, path: str) -> set[str]:
        (listing,) = json.loads(self("ls", "--all", "--json", self.at(path)).text)
        return {entry["name"] for entry in listing["entries"]}

    def receipt(self, command: str, *words) -> dict:
        """Of a transfer of one file."""
        (receipt,) = json.loads(self(command, "--json", *words).text)["receipts"]
        return receipt


def _secret_of(proxy: proxies.Proxy, directory: Path) -> list:
    if proxy.user is None:
        return []
    secret = directory / "proxy-password"
    secret.write_text(proxies.PASSWORD)
    return ["--proxy-password-file", secret]


def _stored(server: Server, name: str, content: bytes) -> None:
    """The file is on the server's disk; rclone writes a little later than it says."""
    path = server.on_disk(name)
    wait_until(lambda: path.exists() and path.read_bytes() == content, f"{name} on {server.name}")


def _files_go_there_and_back(cli: Cli, server: Server) -> None:
    server.empty_home()
    content = random_bytes(300_000, 7)
    (cli.directory / ODD_NAME).write_bytes(content)
    (cli.directory / "empty").write_bytes(b"")
    cli("mkdir", cli.at("in"))
    cli("put", ODD_NAME, "empty", cli.at("in/"))
    assert cli.names("in") == {ODD_NAME, "empty"}
    _stored(server, f"in/{ODD_NAME}", content)
    cli("mv", cli.at(f"in/{ODD_NAME}"), ":in/plain.txt")
    assert cli.names("in") == {"plain.txt", "empty"}
    taken = cli("mv", cli.at("in/plain.txt"), ":in/empty", check=False)
    assert taken.status == 16, taken.errors
    cli("get", cli.at("in/plain.txt"), ":in/empty", ".")
    assert (cli.directory / "plain.txt").read_bytes() == content
    # over a file that is there
    changed = content[::-1]
    (cli.directory / "plain.txt").write_bytes(changed)
    cli("put", "plain.txt", cli.at("in/plain.txt"))
    _stored(server, "in/plain.txt", changed)
    missing = cli("get", cli.at("in/none"), "never", check=False)
    assert missing.status == 6 and not (cli.directory / "never").exists(), missing.errors
    cli("rm", cli.at("in/plain.txt"), ":in/empty")
    assert cli.names("in") == set()
    cli("rmdir", cli.at("in"))
    assert "in" not in cli.names("")


def _cut_transfers_are_resumed(cli: Cli, server: Server) -> None:
    server.empty_home()
    content = random_bytes(BIG, 8)
    (cli.directory / "big.bin").write_bytes(content)
    with Relay(cli.port) as relay:
        cli.port = relay.port
        relay.cut_once("up", CUT)
        broken = cli("put", "big.bin", cli.at("big.bin"), check=False)
        assert broken.status == 13, broken.errors
        assert "big.bin" not in cli.names(""), "half a file has the name"
        receipt = cli.receipt("put", "--resume", "big.bin", cli.at("big.bin"))
        assert (receipt["resumed"] is not None) == server.continues_uploads
        if server.continues_uploads:
            assert receipt["transferred"] == BIG - receipt["resumed"]["from"] < BIG
        assert cli.names("") - {".ssh"} == {"big.bin"}
        _stored(server, "big.bin", content)

        relay.cut_once("down", CUT)
        broken = cli("get", cli.at("big.bin"), "back.bin", check=False)
        assert broken.status == 13, broken.errors
        assert not (cli.directory / "back.bin").exists(), "half a file has the name"
        receipt = cli.receipt("get", "--resume", cli.at("big.bin"), "back.bin")
        assert receipt["resumed"] and receipt["transferred"] == BIG - receipt["resumed"]["from"] < BIG
        assert digest(cli.directory / "back.bin") == digest(cli.directory / "big.bin")


def _commands_run_or_are_refused(cli: Cli, server: Server) -> None:
    command = "cat; echo oops >&2; exit 7"
    finished = cli("run", cli.at(""), command, check=False, stdin=b"\x00\xff in")
    if server.refuses_commands is None:
        assert (finished.status, finished.stdout, finished.stderr) == (7, b"\x00\xff in", b"oops\n")
    else:
        status, words = server.refuses_commands
        assert (finished.status, finished.stdout) == (status, b"") and words in finished.errors, finished


def test_files_go_there_and_back(server, tmp_path):
    _files_go_there_and_back(Cli(tmp_path, server), server)


def test_cut_transfers_are_resumed(server, tmp_path):
    _cut_transfers_are_resumed(Cli(tmp_path, server), server)


def test_commands_run_or_are_refused(server, tmp_path):
    _commands_run_or_are_refused(Cli(tmp_path, server), server)


def test_the_key_lets_in_too(server, tmp_path):
    """Where there is one: Longshore's users have passwords only."""
    login = server.login
    cli = Cli(tmp_path, server)
    cli.options = ["-q", "-F", "none", "--known-hosts", login.known_hosts]
    refused = cli("ls", cli.at(""), check=False)
    assert refused.status == 5, refused.errors
    if login.key is not None:
        cli("ls", "-i", login.key, cli.at(""))


def test_through_a_proxy(proxied, proxy, tmp_path):
    before = proxy.tunnels()
    cli = Cli(tmp_path, proxied, proxy)
    _files_go_there_and_back(cli, proxied)
    _commands_run_or_are_refused(cli, proxied)
    expected = before + cli.connections
    assert proxy.tunnels(at_least=expected) == expected


def test_cut_transfers_are_resumed_through_a_proxy(proxied, proxy, tmp_path):
    _cut_transfers_are_resumed(Cli(tmp_path, proxied, proxy), proxied)
