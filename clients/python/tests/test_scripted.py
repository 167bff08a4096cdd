"""The client against servers that say what a script says. Nothing here waits for time to pass."""

from __future__ import annotations

import socket
import threading
import unittest
from collections import Counter
from typing import Any

from overtime_client import (
    Client,
    Done,
    Lost,
    NobodyListens,
    NotConnected,
    OvertimeError,
    Pending,
    Refused,
    Strange,
    Submitted,
    Unsendable,
    Why,
)

from .scripted import HANG_UP, TASK, Act, Asked, JumpingClock, ScriptedServer, document, problem

OK = Act(200, b"hello")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class CallTest(unittest.TestCase):
    def assert_done(self, outcome: object, body: bytes) -> Done:
        assert isinstance(outcome, Done), outcome
        self.assertEqual(outcome.body, body)
        return outcome

    def test_nobody_comes_back_before_the_server_wants_him_to(self) -> None:
        for status in (429, 503):
            busy = problem(status, True, "no").saying("Retry-After", "3")
            with ScriptedServer.saying([busy, busy, OK]) as server:
                self.assert_done(server.client().submit("echo", b"hello"), b"hello")
            first, second, third = server.asked
            self.assertGreaterEqual(second.at, first.at + 3)
            self.assertGreaterEqual(third.at, second.at + 3)
            self.assertEqual({asked.key for asked in server.asked}, {first.key})
            self.assertEqual({asked.body for asked in server.asked}, {b"hello"})

    def test_a_lost_answer_is_asked_for_again_and_the_work_is_done_once(self) -> None:
        done: Counter[str] = Counter()

        def script(asked: Asked) -> Act:
            done[asked.key] += 1
            return HANG_UP if done[asked.key] == 1 else OK.saying("Idempotency-Replayed", "true")

        with ScriptedServer(script) as server:
            self.assertTrue(self.assert_done(server.client().submit("echo"), b"hello").replayed)
        self.assertEqual(list(done.values()), [2], "with one key, so it is done once")

    def test_another_key_is_tried_once(self) -> None:
        def script(asked: Asked) -> Act:
            is_new = asked.fields.get("authorization") == "Bearer new"
            return OK if is_new else problem(401, False, "no")

        def keys(refused: str | None) -> str:
            return "new" if refused == "old" else "old"

        with ScriptedServer(script) as server:
            client = server.client(credentials=keys)
            self.assert_done(client.submit("echo"), b"hello")
            self.assertEqual(len(server.asked), 2)
            self.assert_done(client.submit("echo"), b"hello")
            self.assertEqual(len(server.asked), 3, "the key is kept")
        with ScriptedServer.saying([problem(401, False, "no")]) as server:
            settings_and_counts: tuple[tuple[dict[str, Any], int], ...] = (
                ({"credentials": keys}, 2),
                ({"key": "one"}, 3),
                ({}, 4),
                ({"key": "two\r\nlines"}, 5),
            )
            for settings, count in settings_and_counts:
                with self.assertRaises(Refused) as caught:
                    server.client(**settings).submit("echo")
                self.assertEqual(caught.exception.submitted, Submitted.NO)
                self.assertEqual(len(server.asked), count)
            self.assertNotIn("authorization", server.asked[-1].fields)

    def test_work_that_goes_on_is_polled_when_the_server_says(self) -> None:
        acts = [
            document(202, "running").saying("Retry-After", "5"),
            document(200, "running"),
            problem(503, True, "no").saying("Retry-After", "2"),
            document(200, "succeeded"),
            Act(200, b"at last", {"Overtime-Task": TASK}),
        ]
        with ScriptedServer.saying(acts) as server:
            client = server.client()
            done = self.assert_done(client.submit("echo", wait=0.1), b"at last")
        self.assertEqual(done.task, TASK)
        paths = [asked.target.split("?")[0] for asked in server.asked]
        poll = f"/v1/tasks/{TASK}"
        self.assertEqual(paths, ["/v1/tasks/echo", poll, poll, poll, f"{poll}/result"])
        self.assertGreaterEqual(server.asked[1].at, 5)
        self.assertGreaterEqual(server.asked[3].at, server.asked[2].at + 2)
        stats = client.stats
        self.assertEqual((stats.first_attempts, stats.repetitions), (1, 1))
        self.assertEqual((stats.polls, stats.fetches), (2, 1))

    def test_who_runs_out_of_time_learns_where_the_work_goes_on(self) -> None:
        acts = [document(202, "queued").saying("Retry-After", "1"), document(200, "running")]
        with ScriptedServer.saying(acts) as server:
            outcome = server.client().submit("echo", deadline=20)
            self.assertEqual(outcome, Pending(TASK, Why.DEADLINE))
            self.assertLess(server.asked[-1].at, 20)
            self.assertIn(len(server.asked), range(5, 30))
        with ScriptedServer.saying([document(202, "queued")]) as server:
            self.assertEqual(server.client().start("echo"), Pending(TASK))
            self.assertIn("wait=0ms", server.asked[0].target)

    def test_a_refusal_tells_all_that_the_server_said(self) -> None:
        with ScriptedServer.saying([problem(422, False, "yes")]) as server:
            with self.assertRaises(Refused) as caught:
                server.client().submit("echo", {"a": 1}, idempotency_key='sign"up')
        error = caught.exception
        self.assertEqual((error.status, error.code, str(error)), (422, "c-422", "T: D (c-422)"))
        self.assertEqual((error.submitted, error.given_up), (Submitted.YES, None))
        self.assertEqual(error.idempotency_key, 'sign"up')
        (asked,) = server.asked
        self.assertEqual((asked.key, asked.body), (r'"sign\"up"', b'{"a":1}'))
        self.assertEqual(asked.fields["content-type"], "application/json")

    def test_whether_it_was_submitted_is_known_or_said_to_be_unknown(self) -> None:
        nobody = Client(f"http://127.0.0.1:{closed_port()}", clock=JumpingClock(), seed=1)
        with self.assertRaises(NotConnected) as not_connected:
            nobody.submit("echo")
        self.assertEqual(not_connected.exception.submitted, Submitted.NO)
        with ScriptedServer.saying([HANG_UP]) as server, self.assertRaises(Lost) as lost:
            server.client().submit("echo")
        self.assertEqual(lost.exception.submitted, Submitted.UNKNOWN)
        self.assertEqual(lost.exception.given_up, Why.BUDGET)
        self.assertIsNotNone(lost.exception.idempotency_key, "with it, the caller can ask again")
        acts = [HANG_UP, problem(413, False, "no")]
        with ScriptedServer.saying(acts) as server, self.assertRaises(Refused) as refused:
            server.client().submit("echo")
        self.assertEqual(refused.exception.submitted, Submitted.UNKNOWN)

    def test_what_stands_between_us_and_the_server_is_understood_by_its_status(self) -> None:
        gateway = Act(502, b"<html>Bad Gateway</html>")
        with ScriptedServer.saying([gateway, OK]) as server:
            self.assert_done(server.client().submit("echo"), b"hello")
        with ScriptedServer.saying([gateway]) as server, self.assertRaises(Refused) as caught:
            server.client().submit("echo")
        self.assertEqual((caught.exception.status, caught.exception.code), (502, ""))
        self.assertEqual(caught.exception.submitted, Submitted.UNKNOWN)
        for body in (b"no document", b"{}", b"[]"):
            with ScriptedServer.saying([Act(200, body)]) as server, self.assertRaises(Strange):
                server.client().task(TASK)

    def test_questions_are_asked_once_and_answered(self) -> None:
        acts = [
            document(200, "running"),
            document(202, "running"),
            document(202, "queued"),
            Act(202, b"{}", {"Overtime-Task": TASK}),
            Act(200, b'{"tasks":[],"next":"more"}'),
            problem(404, False, "no"),
        ]
        with ScriptedServer.saying(acts) as server:
            client = server.client()
            self.assertEqual(client.task(TASK).state, "running")
            self.assertEqual(client.cancel(TASK).id, TASK)
            self.assertEqual(client.retry(TASK).state, "queued")
            self.assertEqual(client.result(TASK), Pending(TASK))
            self.assertEqual(client.tasks("state=parked").next, "more")
            with self.assertRaises(Refused):
                client.task(TASK)
        methods = [asked.method for asked in server.asked]
        self.assertEqual(methods, ["GET", "DELETE", "POST", "GET", "GET", "GET"])

    def test_what_cannot_be_said_is_found_before_anything_is_sent(self) -> None:
        client = Client("http://127.0.0.1:1")
        for call in (
            lambda: client.submit("no kind"),
            lambda: client.submit("echo", urgency=8),
            lambda: client.submit("echo", content_type="a\r\nb: c"),
            lambda: client.submit("echo", idempotency_key=""),
            lambda: client.tasks("a b"),
            lambda: client.task("../contacts"),
        ):
            with self.assertRaises(Unsendable):
                call()
        self.assertEqual(client.stats.offered, 0)
        for base in ("", "127.0.0.1:7070", "ftp://host", "http://"):
            with self.assertRaises(ValueError):
                Client(base)


class OutageTest(unittest.TestCase):
    """What is sent while a server fails is counted where it arrives."""

    CALLS = 200

    def test_an_outage_is_not_made_worse(self) -> None:
        busy = problem(503, True, "no").saying("Retry-After", "1")
        for acts in ([busy], [HANG_UP], [OK, busy, busy], [HANG_UP, Act(503)]):
            number = 0

            def script(_: Asked, acts: list[Act] = acts) -> Act:
                nonlocal number
                number += 1
                return acts[number % len(acts)]

            with ScriptedServer(script) as server:
                client = server.client()
                for _ in range(self.CALLS):
                    try:
                        client.submit("echo")
                    except OvertimeError:
                        pass
                    server.clock.sleep(0.1)
                stats = client.stats
            self.assertEqual(len(server.asked), stats.offered)
            self.assertEqual(stats.first_attempts, self.CALLS)
            self.assertLessEqual(len(server.asked), self.CALLS * 1.1 + 10)
            self.assertGreaterEqual(stats.repetitions, self.CALLS / 10, "it is there to be used")

    def test_threads_share_one_budget(self) -> None:
        with ScriptedServer.saying([problem(503, True, "no")]) as server:
            client = server.client()

            def calls() -> None:
                for _ in range(25):
                    with self.assertRaises(Refused):
                        client.submit("echo")

            threads = [threading.Thread(target=calls) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertIn(len(server.asked), range(200, 231))

    def test_where_nobody_listens_calls_fail_at_once(self) -> None:
        clock = JumpingClock()
        client = Client(f"http://127.0.0.1:{closed_port()}", clock=clock, seed=3, deadline=600)
        kept_back = 0
        for _ in range(200):
            with self.assertRaises(OvertimeError) as caught:
                client.submit("echo")
            self.assertEqual(caught.exception.submitted, Submitted.NO)
            kept_back += isinstance(caught.exception, NobodyListens)
            clock.sleep(0.1)
        stats = client.stats
        self.assertEqual((stats.first_attempts + kept_back, stats.kept_back), (200, kept_back))
        self.assertLess(stats.offered, 40)
