# SPDX-License-Identifier: Apache-2.0
"""HTTP for tests: requests that show everything, and raw sockets for what no client would send."""
import http.client
import itertools
import json
import secrets
import socket

_numbers = itertools.count(1)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def slug(self):
        """Last segment of a problem's type."""
        return self.json()["type"].rsplit("/", 1)[-1]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Client:
    """One party at one server. A connection a call, so that threads may share it."""

    def __init__(self, port, key=None, host="127.0.0.1", timeout=90):
        self.host, self.port, self.key, self.timeout = host, port, key, timeout

    def call(self, method, target, body=None, headers=None, idempotency=None):
        """body: bytes as they are, anything else as JSON. idempotency True: a fresh key."""
        headers = dict(headers or {})
        if self.key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.key}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if idempotency is True:
            idempotency = f"test-{next(_numbers)}-{id(self)}"
        if idempotency:
            headers["Idempotency-Key"] = idempotency
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, target, body, headers)
            got = connection.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            connection.close()

    def get(self, target, **more):
        return self.call("GET", target, **more)

    def post(self, target, body=None, idempotency=True, **more):
        return self.call("POST", target, body, idempotency=idempotency, **more)

    def put(self, target, body, **more):
        return self.call("PUT", target, body, **more)


def raw(port, data, timeout=10, host="127.0.0.1"):
    """Sends bytes as they are and reads until the server closes or says nothing more."""
    with socket.create_connection((host, port), timeout=timeout) as s:
        s.sendall(data)
        s.settimeout(timeout)
        got = b""
        try:
            while piece := s.recv(65536):
                got += piece
        except TimeoutError:
            pass
        return got


def free_port():
    """One that nobody listens at, below those that the kernel gives to whoever connects: it stays free until used."""
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", 10000 + secrets.randbelow(22768)))
                return s.getsockname()[1]
            except OSError:
                continue
