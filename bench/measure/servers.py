"""The servers that are compared: ours, and OpenSSH's with its own config and port, as whoever runs the script."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from . import processes

LOCALHOST = "127.0.0.1"


@dataclass
class Login:
    """How OpenSSH's client gets in."""

    port: int
    user: str
    known_hosts: Path
    home: str
    """Remote directory to work in."""
    password: str | None = None
    key: Path | None = None


class Longshore:
    name = "longshore"

    def __init__(self, binary: Path, directory: Path, label: str = "data", settings: dict[str, str] | None = None):
        """`settings` are environment variables; `label` names the data directory where there are several."""
        self.binary = binary
        self.settings = settings or {}
        self.data_dir = directory / label
        self.log = directory / f"{label}.log"
        self.known_hosts = directory / f"{label}.known_hosts"
        self.process: subprocess.Popen | None = None
        self.key = ""

    def start(self) -> Longshore:
        self.spawn("127.0.0.1:0")
        info = self._info()
        self.port = int(info["sftp"].rsplit(":", 1)[1])
        self.api = info["api"]
        self.known_hosts.write_text(self.command("host-key", "show", "--known-hosts", f"{LOCALHOST}:{self.port}"))
        self.key = self.key or self.command("api-key", "create", "--quiet").strip()
        return self

    def spawn(self, sftp_listen: str) -> None:
        (self.data_dir / "run/server.json").unlink(missing_ok=True)
        addresses = ["--sftp-listen", sftp_listen, "--api-listen", "127.0.0.1:0"]
        # hundreds of sessions of one user are what the script wants to see
        environment = _environment() | {
            "LONGSHORE_SFTP_MAX_SESSIONS_PER_USER": "1000",
            "LONGSHORE_SFTP_MAX_CONNECTIONS": "2000",
        } | self.settings
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--data-dir", self.data_dir, *addresses],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def _info(self) -> dict:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                return json.loads((self.data_dir / "run/server.json").read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.01)
        raise RuntimeError(f"longshore does not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def command(self, *arguments: str) -> str:
        argv = [self.binary, *arguments, "--data-dir", self.data_dir]
        return subprocess.run(argv, check=True, capture_output=True, text=True, env=_environment()).stdout

    def new_login(self) -> Login:
        body = json.dumps({"homeDirectory": "/bench", "description": "bench"}).encode()
        request = urllib.request.Request(f"http://{self.api}/users", body, method="POST")
        request.add_header("Authorization", f"Key {self.key}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            user = json.load(answer)
        return Login(self.port, user["username"], self.known_hosts, "/", password=user["password"])

    def cpu(self) -> float:
        return processes.cpu_seconds(self.process.pid)

    def memory_kib(self) -> int:
        return processes.memory_kib(self.process.pid)

    def stop(self) -> None:
        _end(self.process)


class Sshd:
    """OpenSSH's server; `subsystem` is `internal-sftp` or the path of `sftp-server`."""

    def __init__(self, subsystem: str, directory: Path):
        self.name = f"sshd, {Path(subsystem).name}"
        self.subsystem = subsystem
        self.directory = directory / f"sshd-{Path(subsystem).name}"
        self.process: subprocess.Popen | None = None

    def start(self) -> Sshd:
        home = self.directory / "home"
        home.mkdir(parents=True)
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / key], check=True)
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # its privilege separation directory
        self.port = free_port()
        config = self.directory / "config"
        config.write_text(
            f"""ListenAddress {LOCALHOST}:{self.port}
HostKey {self.directory}/host_key
AuthorizedKeysFile {self.directory}/user_key.pub
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
LogLevel ERROR
MaxStartups 1000
Subsystem sftp {self.subsystem}
"""
        )
        self.log = self.directory / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [_sshd(), "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for_greeting(self.port, self.process)
        # the probe of the port had a child of its own
        processes.wait_for_children(self.process.pid)
        kind, blob = (self.directory / "host_key.pub").read_text().split()[:2]
        self.known_hosts = self.directory / "known_hosts"
        self.known_hosts.write_text(f"[{LOCALHOST}]:{self.port} {kind} {blob}\n")
        return self

    def new_login(self) -> Login:
        user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
        home = str(self.directory / "home")
        return Login(self.port, user, self.known_hosts, home, key=self.directory / "user_key")

    def cpu(self) -> float:
        # the time of a session is counted when its processes have been waited for
        processes.wait_for_children(self.process.pid)
        return processes.cpu_seconds(self.process.pid)

    def memory_kib(self) -> int:
        return processes.memory_kib(self.process.pid)

    def stop(self) -> None:
        _end(self.process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return probe.getsockname()[1]


def wait_for_greeting(port: int, process: subprocess.Popen, timeout: float = 60) -> None:
    """Returns as soon as a connection is answered with the SSH greeting; tries a thousand times a second."""
    until = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(timeout)
            # a port that listens takes connections before the program does: only the greeting shows that it is there
            if probe.connect_ex((LOCALHOST, port)) == 0 and probe.recv(4) == b"SSH-":
                return
        time.sleep(0.001)
    raise RuntimeError(f"{process.args[0]} does not answer on port {port}")


def _sshd() -> str:
    # an absolute path, because sshd starts itself again for each connection
    return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or "/usr/sbin/sshd"


def external_sftp_server() -> str | None:
    places = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")}


def _end(process: subprocess.Popen | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
