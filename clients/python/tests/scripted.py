"""A clock that jumps, and an HTTP server that says what a script says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from overtime_client import Client

TASK = "01KAJ7M9Y8000000000000G001"


class JumpingClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self._now = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, span: float) -> None:
        with self._lock:
            self._now += span


@dataclass(frozen=True)
class Asked:
    """What was asked, and when on the client's clock."""

    at: float
    method: str
    target: str
    fields: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.fields["idempotency-key"]


@dataclass(frozen=True)
class Act:
    """What is answered; a status of 0 is to say the body as it is, and to hang up."""

    status: int
    body: bytes = b""
    fields: dict[str, str] = field(default_factory=dict)

    def saying(self, name: str, value: str) -> Act:
        return Act(self.status, self.body, {**self.fields, name: value})


HANG_UP = Act(0)


def raw(text: str) -> Act:
    return Act(0, text.encode("latin-1"))


def problem(status: int, retryable: bool, submitted: str) -> Act:
    members = {"title": "T", "detail": "D", "code": f"c-{status}"}
    return Act(
        status, json.dumps({**members, "retryable": retryable, "submitted": submitted}).encode()
    )


def document(status: int, state: str) -> Act:
    members: dict[str, Any] = {"id": TASK, "kind": "echo", "lane": "interactive", "state": state}
    members |= {"attempts": 1, "created_at": "2026-11-21T02:14:50.000Z", "tenant": "default"}
    absent = ("started_at", "finished_at", "next_attempt_at", "progress", "error")
    members |= dict.fromkeys(absent)
    return Act(status, json.dumps(members).encode())


class ScriptedServer:
    """A server and the clock of its client; it ends with its `with`."""

    def __init__(self, script: Callable[[Asked], Act]) -> None:
        self.clock = JumpingClock()
        self.asked: list[Asked] = []
        self._clients: list[Client] = []
        self._script, self._lock = script, threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @classmethod
    def saying(cls, acts: Iterable[Act]) -> ScriptedServer:
        """One that does one after the other, and the last for ever."""
        left = list(acts)
        return cls(lambda _: left.pop(0) if len(left) > 1 else left[0])

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def client(self, **settings: Any) -> Client:
        client = Client(self.base, clock=self.clock, seed=1, **settings)
        self._clients.append(client)
        return client

    def _act(self, asked: Asked) -> Act:
        with self._lock:
            self.asked.append(asked)
            return self._script(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A head and a body that are written apart must not wait for each other.
            disable_nagle_algorithm = True
            wbufsize = -1

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                fields = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(length)
                asked = Asked(outer.clock.now(), self.command, self.path, fields, body)
                act = outer._act(asked)
                if act.status == 0:
                    self.wfile.write(act.body)
                    self.wfile.flush()
                    self.close_connection = True
                    return
                self.send_response(act.status)
                for name, value in {**act.fields, "Content-Length": str(len(act.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(act.body)
                self.wfile.flush()

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
