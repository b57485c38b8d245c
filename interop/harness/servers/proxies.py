"""Proxies on loopback: dante (SOCKS4, SOCKS5 with and without login), tinyproxy and squid (CONNECT with Basic), and one
that glues what the server says first to its own reply."""

from __future__ import annotations

import os
import socket
import threading

from ..processes import run, wait_until
from .accounts import NOBODY, give_to
from .daemon import LOCALHOST, Daemon

USER = "proxyuser"
PASSWORD = "pr0xy"

# All processes of a proxy end with the first one; it is root of a namespace of its own.
_CONTAINED = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]


class Proxy(Daemon):
    name: str
    kind = "http"
    """`socks4`, `socks5` or `http`."""
    user: str | None = USER
    """Whom it lets through, with `PASSWORD`; everybody if nobody."""

    @property
    def url(self) -> str:
        """Without the password."""
        return f"{self.kind}://{f'{self.user}@' if self.user else ''}{LOCALHOST}:{self.port}"

    def tunnels(self, at_least: int = 0) -> int:
        """How many connections it has made for others. Waits for that many: what it writes comes a little later."""
        wait_until(lambda: self._noted() >= at_least, f"{at_least} connections through {self.name}")
        return self._noted()

    def _noted(self) -> int:
        raise NotImplementedError


class Dante(Proxy):
    def __init__(self, kind: str = "socks5", login: bool = False):
        super().__init__()
        self.kind = kind
        self.user = USER if login else None
        self.name = f"dante-{kind}{'-login' if login else ''}"

    def prepare(self) -> None:
        # With a login it reads accounts from files that lie over the machine's own, in its mount namespace.
        (self.directory / "passwd").write_text(f"root:x:0:0::/:/bin/false\n{USER}:x:2000:0::/:/bin/false\n")
        (self.directory / "shadow").write_text(f"{USER}:{_hash()}:19000:0:99999:7:::\n")

    def command(self, port):
        (self.directory / "danted.conf").write_text(
            f"""
            logoutput: stderr
            internal: {LOCALHOST} port = {port}
            external: {LOCALHOST}
            clientmethod: none
            socksmethod: {"username" if self.user else "none"}
            user.privileged: root
            user.unprivileged: root
            client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
            socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0
             command: connect
             log: connect }}
            """
        )
        script = "mount --bind passwd /etc/passwd; mount --bind shadow /etc/shadow; PATH=$PATH:/usr/sbin exec danted -f danted.conf"
        return [*_CONTAINED, "sh", "-ec", script]

    def _noted(self) -> int:
        return self.log_text().count("pass(1): tcp/connect [")


class Tinyproxy(Proxy):
    name = "tinyproxy"

    def command(self, port):
        (self.directory / "tinyproxy.conf").write_text(
            f"Port {port}\nListen {LOCALHOST}\nTimeout 120\nMaxClients 50\nLogLevel Connect\nBasicAuth {USER} {PASSWORD}\n"
        )
        return [*_CONTAINED, "tinyproxy", "-d", "-c", "tinyproxy.conf"]

    def _noted(self) -> int:
        return self.log_text().count("Established connection to host")


class Squid(Proxy):
    """Refuses to be root."""

    name = "squid"

    def prepare(self) -> None:
        (self.directory / "users").write_text(f"{USER}:{_hash()}\n")
        for name in ("squid.log", "access.log"):
            (self.directory / name).touch()
            give_to(NOBODY, self.directory / name)

    def command(self, port):
        here = self.directory
        (here / "squid.conf").write_text(
            f"""
http_port {LOCALHOST}:{port}
pid_filename none
cache_log {here}/squid.log
access_log stdio:{here}/access.log
buffered_logs off
cache deny all
cache_store_log none
coredump_dir {here}
shutdown_lifetime 0 seconds
visible_hostname longshore.test
auth_param basic program /usr/lib/squid/basic_ncsa_auth {here}/users
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""
        )
        down = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups " if os.getuid() == 0 else ""
        return ["setpriv", "--pdeathsig", "KILL", "sh", "-c", f"PATH=$PATH:/usr/sbin exec {down}squid -N -f squid.conf"]

    def _noted(self) -> int:
        # A tunnel is on record when it ends.
        return (self.directory / "access.log").read_text().count("TCP_TUNNEL/200")


class Gluing(Proxy):
    """Ours: answers 204 and sends the server's banner in the same piece."""

    name = "gluing"
    user = None

    def __enter__(self):
        self._count = 0
        self._listener = socket.create_server((LOCALHOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()
        self.directory.rmdir()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                byte = client.recv(1)
                if not byte:
                    return
                request += byte
            host, port = request.split()[1].decode().rsplit(":", 1)
            with socket.create_connection((host, int(port))) as server:
                banner = b""
                while not banner.endswith(b"\n"):
                    banner += server.recv(1)
                self._count += 1
                client.sendall(b"HTTP/1.1 204 Fine\r\nVia: test\r\n\r\n" + banner)
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()

    def _noted(self) -> int:
        return self._count


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Until the end of the source, which the sink is told too."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _hash() -> str:
    return run(["openssl", "passwd", "-6", "-stdin"], stdin=PASSWORD.encode()).text.strip()


ALL = [
    lambda: Dante("socks4"),
    lambda: Dante("socks5"),
    lambda: Dante("socks5", login=True),
    Tinyproxy,
    Squid,
    Gluing,
]
