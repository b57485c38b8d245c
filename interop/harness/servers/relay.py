"""A relay in front of a server that can break its connections after a number of bytes."""

from __future__ import annotations

import socket
import threading

from .daemon import LOCALHOST


class Relay:
    """Made by a `with` statement."""

    def __init__(self, port: int):
        """To this port."""
        self._target = port
        self._left: dict[str, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Relay:
        self._listener = socket.create_server((LOCALHOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        # Wakes the thread that waits there; closing alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut_once(self, direction: str, after: int) -> None:
        """Breaks a connection when this many bytes have gone `up` or `down`; later ones are left alone."""
        with self._lock:
            self._left[direction] = after

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection((LOCALHOST, self._target))
            except OSError:
                return
            for source, sink, direction in [(client, server, "up"), (server, client, "down")]:
                threading.Thread(target=self._copy, args=(source, sink, direction), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        while data := _received(source):
            if self._is_cut(direction, len(data)):
                _end(source, socket.SHUT_RDWR)
                break
            try:
                sink.sendall(data)
            except OSError:
                pass  # What comes for somebody who is gone is read and forgotten.
        # The other side gets all that was on its way, then the end.
        _end(sink, socket.SHUT_WR)

    def _is_cut(self, direction: str, count: int) -> bool:
        with self._lock:
            if direction not in self._left:
                return False
            self._left[direction] -= count
            if self._left[direction] > 0:
                return False
            del self._left[direction]
            return True


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _end(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError:
        pass
