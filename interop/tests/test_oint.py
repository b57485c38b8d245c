"""The OpenIntegrations functions from the command line, as a script runs them: every method of `oint sftp` and
`oint ssh`, with each kind of authentication, directly and through proxies, against OpenSSH."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from harness.longshore import binary
from harness.processes import clean_environment, run
from harness.servers import PASSWORD, USER, Asyncssh, Openssh, Server, proxies
from harness.servers.agent import agent

pytestmark = pytest.mark.longshore_only

REPORT = bytes(range(256)) * 400

FILE_OBJECT = {
    *("name", "path", "extension", "size", "permissions", "is_directory", "is_symlink"),
    *("modified", "accessed", "uid", "gid"),
}


@pytest.fixture(scope="module")
def server():
    with Openssh() as server:
        yield server


@pytest.fixture(scope="module", params=["direct", "socks5", "http"])
def proxy(request):
    """What stands between; `None` for nothing."""
    if request.param == "direct":
        yield None
    else:
        with proxies.Dante("socks5", login=True) if request.param == "socks5" else proxies.Tinyproxy() as proxy:
            yield proxy


@pytest.fixture(params=["password", "private_key", "agent", "keyboard_interactive"])
def auth(request):
    return request.param


class Script:
    """What a script does: it calls `oint`, keeps settings in files, and reads the JSON that is printed. `called` is what
    it has called."""

    def __init__(self, directory: Path, server: Server, as_oint: bool):
        self.directory = directory
        self.called: set[tuple[str, str]] = set()
        # The script's user knows the server, as after `longshore trust add` or a first `ssh`.
        (directory / ".ssh").mkdir(mode=0o700)
        shutil.copy(server.login.known_hosts, directory / ".ssh/known_hosts")
        self.environment = {"HOME": str(directory)}
        self.program = [binary(), "oint"]
        if as_oint:
            (directory / "oint").symlink_to(binary())
            self.program = [directory / "oint"]

    def run(self, *words: str, check: bool = True):
        return run([*self.program, *words], env=clean_environment(**self.environment), cwd=self.directory, check=check)

    def methods(self) -> set[tuple[str, str]]:
        """All that the help offers."""
        return {
            (library, line.split()[0])
            for library in ("sftp", "ssh")
            for line in self.run(library).text.splitlines()
            if line.startswith("  ")
        }

    def call(self, library: str, method: str, **options: str):
        """Calls a method; gives what it printed."""
        self.called.add((library, method))
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return json.loads(self.run(library, method, *words).text)

    def build(self, method: str, file: str | None = None, **options: str):
        """Calls a method that both libraries have and that only builds settings. They agree."""
        built = [self.call(library, method, **options) for library in ("sftp", "ssh")]
        assert built[0] == built[1]
        if file is not None:
            words = [word for name, value in options.items() for word in (f"--{name}", value)]
            assert file in self.run("sftp", method, *words, "--out", file).text
            assert json.loads((self.directory / file).read_text()) == built[0]
        return built[0]

    def operate(self, library: str, method: str, *keys: str, **options: str):
        """Calls a method over a connection of its own, whose result has these keys beside those that all have."""
        result = self.call(library, method, conn="conn.json", **options)
        assert result["result"] is True, result
        assert result["close_connection"] == {"result": True}
        assert set(result) == {"result", "close_connection", *keys}
        return result


def _build_settings(script: Script, server: Openssh, auth: str) -> None:
    """Calls all builders of settings; `set.json` is what this kind of authentication needs."""
    common = {"host": "127.0.0.1", "port": str(server.port), "user": USER}
    base = {"host": "127.0.0.1", "port": server.port, "username": USER}
    key = server.directory / "user"
    expected = {
        "password": script.build("GetSettingsLoginPassword", "password.json", **common, **{"pass": PASSWORD}),
        "private_key": script.build("GetSettingsPrivateKey", "private_key.json", **common, key=str(key), pub=f"{key}.pub"),
        "agent": script.build("GetSettingsViaAgent", "agent.json", **common),
        "keyboard_interactive": script.build("GetSettingsKI", "keyboard_interactive.json", **common, prompts=f"['{PASSWORD}']"),
    }
    assert expected == {
        "password": {"auth_type": "password", **base, "password": PASSWORD},
        "private_key": {"auth_type": "private_key", **base, "key_path": str(key), "pub_path": f"{key}.pub"},
        "agent": {"auth_type": "agent", **base},
        "keyboard_interactive": {"auth_type": "keyboard_interactive", **base, "keyboard_responses": [PASSWORD]},
    }
    shutil.copy(script.directory / f"{auth}.json", script.directory / "set.json")


def _build_configuration(script: Script, proxy: proxies.Proxy | None) -> None:
    """`conn.json`, with the proxy if there is one."""
    if proxy is None:
        unused = script.build("GetProxySettings", addr="10.0.0.5", port="1080")
        assert unused == {"server": "10.0.0.5", "port": 1080, "proxy_type": "socks5"}
        built = script.build("GetConnectionConfiguration", "conn.json", set="set.json")
        assert set(built) == {"set"}
        return
    login = {"login": proxies.USER, "pass": proxies.PASSWORD}
    built = script.build("GetProxySettings", "proxy.json", addr="127.0.0.1", port=str(proxy.port), type=proxy.kind, **login)
    assert built == {
        "server": "127.0.0.1",
        "port": proxy.port,
        "proxy_type": proxy.kind,
        "login": proxies.USER,
        "password": proxies.PASSWORD,
    }
    built = script.build("GetConnectionConfiguration", "conn.json", set="set.json", proxy="proxy.json")
    assert set(built) == {"set", "proxy"}


def _a_days_work(script: Script, home: Path) -> None:
    """Calls everything that connects."""
    work = script.operate
    assert work("sftp", "GetCurrentDirectory", "path")["path"] == str(home)
    work("sftp", "CreateNewDirectory", path="inbox", mode="750")
    assert stat.S_IMODE((home / "inbox").stat().st_mode) == 0o750
    (script.directory / "report.csv").write_bytes(REPORT)
    sent = work("sftp", "UploadFile", "bytes", file="report.csv", path="inbox/report.csv")
    assert sent["bytes"] == len(REPORT)
    assert (home / "inbox/report.csv").read_bytes() == REPORT
    (directory,) = work("sftp", "ListObjects", "data", rcv="true")["data"]
    assert (directory["name"], directory["is_directory"], directory["permissions"]) == ("inbox", True, "40750")
    (listed,) = directory["objects"]
    assert set(listed) == FILE_OBJECT and set(directory) == {*FILE_OBJECT, "objects"}
    assert (listed["path"], listed["extension"], listed["size"]) == ("inbox/report.csv", "csv", len(REPORT))
    seen = work("sftp", "GetFileInformation", "data", path="inbox/report.csv")["data"]
    assert {**seen, "accessed": None} == {**listed, "accessed": None}
    work("sftp", "UpdatePath", old="inbox/report.csv", new="inbox/done.csv", rw="false")
    saved = work("sftp", "SaveFile", "bytes", "filepath", path="inbox/done.csv", file="back.csv")
    assert (saved["bytes"], saved["filepath"]) == (len(REPORT), "back.csv")
    assert (script.directory / "back.csv").read_bytes() == REPORT
    ran = work("ssh", "ExecuteCommand", "exit_code", "stdout", "stderr", comm="whoami; echo oops >&2; exit 3")
    assert (ran["exit_code"], ran["stdout"], ran["stderr"]) == ("3", USER, "oops\n")
    work("sftp", "DeleteFile", path="inbox/done.csv")
    work("sftp", "DeleteDirectory", path="inbox")
    assert list(home.iterdir()) == []


CONNECTIONS = 10
"""How often `_a_days_work` connects: one connection for each call."""

LOGGED = {
    "password": "Accepted password for",
    "private_key": "Accepted publickey for",
    "agent": "Accepted publickey for",
    "keyboard_interactive": "Accepted keyboard-interactive/pam for",
}


def test_every_method_runs(server, proxy, auth, tmp_path):
    script = Script(tmp_path, server, as_oint=proxy is not None)
    server.empty_home()
    _build_settings(script, server, auth)
    _build_configuration(script, proxy)
    logins = server.log_text().count(LOGGED[auth])
    tunnels = proxy.tunnels() if proxy is not None else 0
    with agent(server.directory, *([server.directory / "user"] if auth == "agent" else [])) as socket:
        if auth == "agent":
            script.environment["SSH_AUTH_SOCK"] = str(socket)
        _a_days_work(script, server.home)
    assert script.called == script.methods(), "what the help offers and what was called differ"
    assert server.log_text().count(LOGGED[auth]) == logins + CONNECTIONS, "logged in otherwise than asked"
    if proxy is not None:
        assert proxy.tunnels(at_least=tunnels + CONNECTIONS) == tunnels + CONNECTIONS


def test_failures_are_told_and_end_with_0_or_with_3_if_asked(server, proxy, tmp_path):
    script = Script(tmp_path, server, as_oint=False)
    server.empty_home()
    _build_settings(script, server, "password")
    _build_configuration(script, proxy)
    for strict, status in [([], 0), (["--strict-exit"], 3)]:
        finished = script.run("sftp", "DeleteFile", "--conn", "conn.json", "--path", "nothing", *strict, check=False)
        assert finished.status == status
        assert json.loads(finished.text) == {
            "result": False,
            "error": "[SFTP(2)] no such file",
            "close_connection": {"result": True},
        }


def test_answers_go_over_several_rounds(tmp_path):
    """asyncssh's server asks two questions, then one."""
    with Asyncssh() as server:
        script = Script(tmp_path, server, as_oint=False)
        where = {"host": "127.0.0.1", "port": str(server.port), "user": USER}
        for answers, result in [([PASSWORD, "sh", "yes"], True), ([PASSWORD, "sh", "no"], False), ([PASSWORD], False)]:
            script.build("GetSettingsKI", "set.json", **where, prompts=json.dumps(answers))
            script.build("GetConnectionConfiguration", "conn.json", set="set.json")
            listed = script.call("sftp", "ListObjects", conn="conn.json", path=".")
            assert listed["result"] is result, listed
            assert result or listed["error"].startswith("Auth error: ")
            assert PASSWORD not in listed.get("error", "")


def test_a_proxy_that_refuses_is_named(server, tmp_path):
    script = Script(tmp_path, server, as_oint=False)
    _build_settings(script, server, "password")
    for make, words in [
        (lambda: proxies.Dante("socks5", login=True), "TCP error: SOCKS5 error: "),
        (proxies.Squid, "TCP error: Proxy authentication required (HTTP 407)"),
    ]:
        with make() as proxy:
            given = {"server": "127.0.0.1", "port": proxy.port, "proxy_type": proxy.kind, "login": "x", "password": "wr0ng"}
            (tmp_path / "proxy.json").write_text(json.dumps(given))
            script.build("GetConnectionConfiguration", "conn.json", set="set.json", proxy="proxy.json")
            result = script.call("sftp", "ListObjects", conn="conn.json", path=".")
        assert set(result) == {"result", "error"} and result["result"] is False
        assert result["error"].startswith(words), result
        assert "wr0ng" not in result["error"]
