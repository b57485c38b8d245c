"""The users API over plain HTTP, one connection a call."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class UsersApi:
    def __init__(self, host: str, port: int, key: str, timeout: float = 20):
        self.host, self.port, self.key, self.timeout = host, port, key, timeout

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request. `headers` with `_` for `-`."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            sent = {"authorization": f"Key {self.key}"}
            payload = None
            if body is not None:
                payload = body if isinstance(body, bytes) else json.dumps(body).encode()
                sent["content-type"] = "application/json"
            sent.update({name.replace("_", "-"): value for name, value in headers.items()})
            base = "" if path.startswith("/admin/") else "/2022-04-01"
            connection.request(method, base + path, payload, sent)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def create_user(self, home: str, description: str = "interop", **headers: str) -> dict:
        answer = self.call("POST", "/users", {"homeDirectory": home, "description": description}, **headers)
        assert answer.status == 201, answer
        return answer.json()

    def read_user(self, username: str) -> dict:
        answer = self.call("GET", f"/users/{username}")
        assert answer.status == 200, answer
        return answer.json()

    def delete_user(self, username: str) -> None:
        answer = self.call("DELETE", f"/users/{username}")
        assert answer.status == 204, answer
