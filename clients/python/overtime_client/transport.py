"""The way to a server: one request, one reply, over HTTP/1.1 with connections that stay open.

It never repeats anything, and never decides what an answer means for the one who asked.
"""

from __future__ import annotations

import http.client
import json
import re
import selectors
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .manners import Said, Silence, Submitted, Verdict

_CONNECT_TIMEOUT = 5.0
"""A server that does not take a connection within this is not there."""

_IDLE_MOST = 64
"""Connections that are kept for the next request."""

_READ_BYTES = 64 * 1024

_ANSWER_MAX_BYTES = 64 * 1024 * 1024
"""More than any result can be."""

_SPAN_MOST = 1e9
"""Whatever is longer, in seconds, is for ever."""

_TASK = re.compile(r"[0-9A-Za-z]{26}")

_HTTP_PORT = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    target: str
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What was answered."""

    said: Said
    fields: dict[str, str]
    body: bytes
    problem: dict[str, Any]
    """The problem document's members, if it is one."""


class Unanswered(Exception):
    """Why nothing was answered."""

    def __init__(self, silence: Silence, why: str) -> None:
        super().__init__(why)
        self.silence = silence


class Transport:
    """The way to one server, for all threads of a process."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        if parts.scheme not in _HTTP_PORT or not parts.hostname:
            raise ValueError(f"{base!r} is no address: it is http:// or https:// and a host")
        self._is_sealed = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or _HTTP_PORT[parts.scheme]
        self._under = parts.path.rstrip("/")
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._lock = threading.Lock()

    def ask(self, ask: Ask, key: str | None, timeout: float) -> Reply:
        """Sends a request and returns its reply; raises `Unanswered` if there is none."""
        until = time.monotonic() + timeout
        connection = self._connection(timeout)
        try:
            reply, may_stay = self._exchange(connection, ask, key, until)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unanswered(Silence.LOST, str(error) or type(error).__name__) from error
        except BaseException:
            connection.close()
            raise
        if may_stay:
            self._keep(connection)
        else:
            connection.close()
        return reply

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        while True:
            with self._lock:
                if not self._idle:
                    return
                connection = self._idle.pop()
            connection.close()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        """One that is open and that the server has not left, or a new one."""
        while True:
            with self._lock:
                # The one that was used last is the one that is likeliest to be open still.
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect(timeout)
            if _is_silent(connection.sock):
                return connection
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        make = http.client.HTTPSConnection if self._is_sealed else http.client.HTTPConnection
        connection = make(self._host, self._port, timeout=min(timeout, _CONNECT_TIMEOUT))
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise Unanswered(Silence.NOT_CONNECTED, str(error)) from error
        return connection

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_MOST:
                self._idle.append(connection)
                return
        connection.close()

    def _exchange(
        self, connection: http.client.HTTPConnection, ask: Ask, key: str | None, until: float
    ) -> tuple[Reply, bool]:
        fields = {"User-Agent": "overtime-client-python/0.1.0", **ask.fields}
        if key is not None:
            fields["Authorization"] = f"Bearer {key}"
        _set_timeout(connection, until)
        try:
            body = ask.body if ask.method == "POST" else None
            connection.request(ask.method, self._under + ask.target, body=body, headers=fields)
        except (BrokenPipeError, ConnectionResetError):
            # The server refuses a body that it does not want while we send it: its answer is there.
            pass
        response = connection.getresponse()
        reply = _reply(ask, response, _read(connection, response, until))
        return reply, not response.will_close and connection.sock is not None


def _read(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse, until: float
) -> bytes:
    body = bytearray()
    while True:
        _set_timeout(connection, until)
        piece = response.read1(_READ_BYTES)
        if not piece:
            break
        body += piece
        if len(body) > _ANSWER_MAX_BYTES:
            raise http.client.HTTPException("the answer is longer than any result can be")
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    # It is through with its connection only now, because its last bytes came by `read1`.
    response.close()
    return bytes(body)


def _set_timeout(connection: http.client.HTTPConnection, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("time is up before an answer is there")
    # With its last byte, a connection that does not stay open is closed.
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _is_silent(connected: socket.socket | None) -> bool:
    """Whether a connection that is not in use is open: a server that says something there leaves."""
    if connected is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connected, selectors.EVENT_READ)
        return not selector.select(0)


def _reply(ask: Ask, response: http.client.HTTPResponse, body: bytes) -> Reply:
    fields = {name.lower(): value for name, value in response.getheaders()}
    status = response.status
    said = Said(
        status,
        retry_after=_seconds(fields.get("retry-after")),
        task=_task(fields.get("overtime-task")),
    )
    problem = _members(body) if status >= 300 else {}
    if problem:
        said = _with_problem(said, problem)
    is_document = status == 202 or (status == 200 and _asks_for_document(ask))
    document = _members(body) if is_document else {}
    task, state = _task(document.get("id")), document.get("state")
    if task is not None and isinstance(state, str):
        said = replace(said, task=task, state=state)
    return Reply(said, fields, body, problem)


def _asks_for_document(ask: Ask) -> bool:
    path = ask.target.split("?")[0]
    return path.startswith("/v1/tasks/") and not path.endswith("/result") and (
        ask.method != "POST" or path.endswith("/retry")
    )


def _with_problem(said: Said, problem: dict[str, Any]) -> Said:
    millis, task = problem.get("retry_after_ms"), _task(problem.get("task_id"))
    if type(millis) is int and millis >= 0:
        # The same in smaller units.
        said = replace(said, retry_after=min(millis, _SPAN_MOST * 1000) / 1000)
    if task is not None:
        said = replace(said, task=task)
    retryable, submitted = problem.get("retryable"), problem.get("submitted")
    if isinstance(retryable, bool) and submitted in ("no", "yes", "unknown"):
        said = replace(said, verdict=Verdict(retryable, Submitted(submitted)))
    return said


def _seconds(text: str | None) -> float | None:
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return min(float(text), _SPAN_MOST)


def _task(text: object) -> str | None:
    """The id of a task, if it has the form of one: it becomes part of a target."""
    return text if isinstance(text, str) and _TASK.fullmatch(text) else None


def _members(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
