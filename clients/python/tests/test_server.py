"""The client against the real server, which is started on a folder of its own: the binary is that of
`OVERTIME_BIN`."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from overtime_client import Client, Done, Outcome, Pending, Refused, Submitted

BINARY = os.environ.get("OVERTIME_BIN", "")


class Server:
    """A server with the demo kinds, on ports that the system chooses."""

    def __init__(self, folder: str, listen: str = "127.0.0.1:0") -> None:
        self.folder = folder
        command = [BINARY, "--demo", "--listen", listen, "--admin", "127.0.0.1:0"]
        command += ["--workers", "20", "--data", str(Path(folder, "data"))]
        self._child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._child.stdout is not None
        for line in self._child.stdout:
            label, _, address = line.strip().partition(" ")
            if label == "tasks":
                self.base = address.strip().split(" ")[0]
                return
        raise AssertionError("the server does not greet")

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


def add_key(folder: str) -> str:
    command = [BINARY, "keys", "add", "acme", "--data", str(Path(folder, "data"))]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return made.stdout.strip()


@unittest.skipUnless(BINARY, "OVERTIME_BIN names no server")
class ServerTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, listen: str = "127.0.0.1:0") -> Server:
        server = Server(self.folder, listen)
        self.addCleanup(server.kill)
        return server

    def client(self, server: Server, key: str | None = None) -> Client:
        client = Client(server.base, key=key)
        self.addCleanup(client.close)
        return client

    def done(self, outcome: Outcome) -> Done:
        assert isinstance(outcome, Done), outcome
        return outcome

    def test_a_call_is_answered_with_the_handlers_answer(self) -> None:
        client = self.client(self.start())
        done = self.done(client.submit("echo", "hello"))
        self.assertEqual((done.text(), done.replayed), ("hello", False))
        self.assertIsNotNone(done.task)
        large = b"x" * 3_000_000
        self.assertEqual(self.done(client.submit("echo", large)).body, large)
        self.assertEqual(client.stats.offered, 2)

    def test_the_same_key_is_the_same_work(self) -> None:
        client = self.client(self.start())
        ada = {"email": "ada@example.com"}
        first = self.done(client.submit("contacts.upsert", ada, idempotency_key="signup-42"))
        again = self.done(client.submit("contacts.upsert", ada, idempotency_key="signup-42"))
        self.assertTrue(again.replayed)
        self.assertEqual((again.body, again.task), (first.body, first.task))
        other = self.done(client.submit("contacts.upsert", ada))
        self.assertEqual(other.json()["version"], 2)

    def test_work_that_outlasts_the_wait_is_followed_to_its_result(self) -> None:
        client = self.client(self.start())
        done = self.done(client.submit("sleep", {"ms": 300}, wait=0.01))
        self.assertEqual(done.json(), {"slept_ms": 300})
        started = client.start("sleep", {"ms": 300})
        assert isinstance(started, Pending)
        self.assertEqual(self.done(client.wait_for(started.task)).json(), {"slept_ms": 300})
        self.assertEqual(self.done(client.result(started.task)).json(), {"slept_ms": 300})
        self.assertEqual(client.stats.repetitions, 0)

    def test_who_waits_no_longer_can_ask_cancel_and_list(self) -> None:
        client = self.client(self.start())
        pending = client.submit("sleep", {"ms": 600_000}, deadline=1)
        assert isinstance(pending, Pending)
        task = client.task(pending.task)
        self.assertEqual((task.state, task.kind), ("running", "sleep"))
        client.cancel(pending.task)
        with self.assertRaises(Refused) as caught:
            client.wait_for(pending.task)
        self.assertEqual((caught.exception.code, caught.exception.task), ("cancelled", task.id))
        self.assertEqual(caught.exception.submitted, Submitted.YES)
        self.assertEqual(client.tasks("state=cancelled&limit=1").tasks[0].id, task.id)
        with self.assertRaises(Refused) as caught:
            client.retry(pending.task)
        self.assertEqual(caught.exception.code, "not-parked")

    def test_many_at_once_are_counted_and_the_wrong_ones_told(self) -> None:
        client = self.client(self.start())
        items = [{"email": "ada@example.com"}, {"email": "nobody"}]
        told = self.done(client.submit_bulk("contacts.upsert", items)).json()
        self.assertEqual((told["items"], told["succeeded"], told["failed"]), (2, 1, 1))
        rows = "email,first_name\ngrace@example.com,Grace\n"
        told = client.submit_bulk("contacts.upsert", rows, content_type="text/csv")
        self.assertEqual(self.done(told).json()["succeeded"], 1)

    def test_what_failed_says_why_and_whether_it_was_submitted(self) -> None:
        client = self.client(self.start())
        with self.assertRaises(Refused) as caught:
            client.submit("flaky", {"reject": True})
        self.assertEqual((caught.exception.status, caught.exception.submitted), (422, Submitted.YES))
        with self.assertRaises(Refused) as caught:
            client.submit("no-such-kind")
        self.assertEqual((caught.exception.code, caught.exception.submitted), ("unknown-kind", Submitted.NO))
        self.assertEqual(client.stats.repetitions, 0)

    def test_callers_show_their_key(self) -> None:
        key = add_key(self.folder)
        server = self.start()
        self.assertEqual(self.done(self.client(server, key).submit("echo", "hi")).text(), "hi")
        with self.assertRaises(Refused) as caught:
            self.client(server).submit("echo", "hi")
        self.assertEqual((caught.exception.code, caught.exception.status), ("unauthorized", 401))
        with self.assertRaises(Refused) as caught:
            self.client(server).submit("echo", b"x" * 3_000_000)
        self.assertEqual(caught.exception.code, "unauthorized", "the refusal is heard")

    def test_a_call_outlives_the_server(self) -> None:
        server = self.start()
        client, outcomes = self.client(server), []
        add = {"steps": 40, "ms": 25}
        call = threading.Thread(target=lambda: outcomes.append(client.submit("steps", add)))
        call.start()
        looker = self.client(server)
        while not any(task.state == "running" for task in looker.tasks("kind=steps").tasks):
            pass
        server.kill()
        self.start(server.base.removeprefix("http://"))
        call.join()
        self.assertEqual(self.done(outcomes[0]).json()["steps"], 40)
        self.assertGreaterEqual(client.stats.repetitions, 1)
