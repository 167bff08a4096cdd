"""Answers that no overtime server gives: whatever comes, a call ends, with an error that can be acted
on or an outcome, and costs no more than the budget."""

from __future__ import annotations

import random
import unittest
from collections.abc import Iterator

from overtime_client import OvertimeError

from .scripted import TASK, ScriptedServer, raw


def head(*lines: str) -> str:
    return "\r\n".join([*lines, "", ""])


def problem(members: str) -> str:
    return head("HTTP/1.1 503 S", f"Content-Length: {len(members)}") + members


def strange_answers() -> Iterator[str]:
    """Heads and bodies that are broken, or say what nobody can mean."""
    busy, empty = "HTTP/1.1 503 S", "Content-Length: 0"
    known = '"retryable":true,"submitted":"no","retry_after_ms":'
    chunked = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
    yield from ("", "\r\n\r\n", "garbage\r\n\r\n", head("HTTP/1.1 abc"))
    yield head("HTTP/1.1 200 OK", "Content-Length: 10") + "short"
    yield head("HTTP/1.1 200 OK", "Content-Length: -1")
    yield from (chunked + "ZZ\r\nno chunk", chunked + "ffffffffffffffff\r\nx")
    yield head("HTTP/1.1 200 OK", "X: " + "x" * 100_000)
    yield head("HTTP/1.1 101 Switching Protocols")
    for wait in ("-1", str(2**64 - 1), "9" * 400, "soon", "\xb2"):
        yield head(busy, empty, f"Retry-After: {wait}")
    for wait in ("-5", "1e300", "1" + "0" * 400, "true", "NaN", "Infinity"):
        yield problem("{" + known + wait + "}")
    yield problem('{"retryable":1,"submitted":[],"code":{},"task_id":"../../etc"}')
    yield problem("[" * 100_000)
    yield head("HTTP/1.1 202 A", "Content-Length: 2") + "{}"
    yield head("HTTP/1.1 202 A", "Content-Length: 2", "Overtime-Task: ../..") + "[]"
    yield head("HTTP/1.1 401 U", empty)
    yield head("HTTP/1.1 999 U", empty)
    # A head that is an answer's, with a byte that is not.
    sound, chance = head(busy, "Retry-After: 1", "Content-Length: 2") + "{}", random.Random(1)
    for _ in range(50):
        place = chance.randrange(len(sound))
        yield sound[:place] + chr(chance.randrange(256)) + sound[place + 1 :]


class StrangeTest(unittest.TestCase):
    def test_nothing_that_a_server_says_breaks_a_client(self) -> None:
        for answer in strange_answers():
            with self.subTest(answer=answer[:80]), ScriptedServer.saying([raw(answer)]) as server:
                client = server.client(deadline=20)
                for call in (
                    lambda: client.submit("echo", "hello"),
                    lambda: client.wait_for(TASK, 20),
                    lambda: client.task(TASK),
                    lambda: client.result(TASK),
                    lambda: client.tasks(),
                ):
                    try:
                        call()
                    except OvertimeError as error:
                        self.assertTrue(str(error))
                polls = client.stats.polls
                self.assertLessEqual(len(server.asked), 5 + 10 + polls + 1)
