"""The client: calls that block until their work is done, their deadline is over, or there is nothing
to wait for. Threads may share one. It never submits anything without a key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypedDict

from . import reading
from .clock import Clock, SystemClock
from .conversation import Desk, End, Watcher, fetch
from .credentials import Credentials, Source
from .document import Task, TaskPage
from .errors import Unsendable
from .manners import Errand, Manners, Rules, Stats
from .outcome import Outcome
from .submission import Submission, many, single
from .transport import Ask, Transport

_DEADLINE = 60.0
"""How long a call may take unless it says otherwise, in seconds."""

_TASK = re.compile(r"[0-9A-Za-z]{26}")
_QUERY = re.compile(r"[!-~]*")


class _Beside(TypedDict, total=False):
    idempotency_key: str


class Client:
    """A client of one server. Its budget of repetitions is shared by all that share it, so a process
    has one. All spans are seconds."""

    def __init__(
        self,
        base: str,
        *,
        key: str | None = None,
        credentials: Source | None = None,
        deadline: float = _DEADLINE,
        rules: Rules | None = None,
        seed: int | None = None,
        clock: Clock | None = None,
        watch: Watcher | None = None,
    ) -> None:
        """`key` is the tenant's key; `credentials` is asked for one before the first request, and
        again when the server does not take the key that it is told."""
        self._deadline = deadline
        self._desk = Desk(
            Transport(base),
            Credentials(credentials or (lambda _: key)),
            Manners(rules or Rules(), seed),
            clock or SystemClock(),
            watch or (lambda _answer, _next: None),
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        self._desk.transport.close()

    def submit(
        self,
        kind: str,
        payload: Any = b"",
        *,
        content_type: str | None = None,
        idempotency_key: str | None = None,
        deadline: float | None = None,
        wait: float | None = None,
        delay: float | None = None,
        urgency: int | None = None,
        traceparent: str | None = None,
    ) -> Outcome:
        """Has one input worked on and waits for the result until the deadline.

        `bytes` and `str` are sent as they are, anything else as JSON. `wait` is how long the server
        may hold the connection before it answers 202; the call goes on to wait for the result either
        way.
        """
        body, content_type = single(payload, content_type)
        key = _given(idempotency_key)
        submission = Submission(
            kind, body, content_type, delay=delay, urgency=urgency, traceparent=traceparent, **key
        )
        return self._submit(submission, "tasks", deadline, wait)

    def submit_bulk(
        self,
        kind: str,
        items: bytes | str | Iterable[Any],
        *,
        content_type: str | None = None,
        idempotency_key: str | None = None,
        deadline: float | None = None,
        wait: float | None = None,
        delay: float | None = None,
        urgency: int | None = None,
        traceparent: str | None = None,
    ) -> Outcome:
        """The same with many inputs. `bytes` and `str` are sent as they are and need a content type;
        anything else is sent as NDJSON, one item a line. Inputs that fail alone are no error: the
        result tells them."""
        body, content_type = many(items, content_type)
        key = _given(idempotency_key)
        submission = Submission(
            kind, body, content_type, delay=delay, urgency=urgency, traceparent=traceparent, **key
        )
        return self._submit(submission, "bulk", deadline, wait)

    def start(
        self, kind: str, payload: Any = b"", *, idempotency_key: str | None = None
    ) -> Outcome:
        """Has one input accepted and waits for no more than that."""
        body, content_type = single(payload, None)
        submission = Submission(kind, body, content_type, **_given(idempotency_key))
        errand = Errand.question(self._until(None))
        end = self._desk.carry_out(errand, submission.ask("tasks"), 0.0)
        return reading.outcome(end, submission.idempotency_key)

    def wait_for(self, task: str, deadline: float | None = None) -> Outcome:
        """Waits for the result of work that is accepted already."""
        errand = Errand.waiting(_known(task), self._until(deadline))
        # An errand that waits sends nothing but polls and a fetch.
        return reading.outcome(self._desk.carry_out(errand, fetch(task)), None)

    def result(self, task: str) -> Outcome:
        """The result of a task, if there is one, and `Pending` if not."""
        return reading.outcome(self._ask(fetch(_known(task))), None)

    def task(self, task: str) -> Task:
        """How a task stands."""
        return reading.task(self._ask(Ask("GET", f"/v1/tasks/{_known(task)}")))

    def cancel(self, task: str) -> Task:
        """Cancels a task: it is cancelled, or a worker was asked to stop, as its document says."""
        return reading.task(self._ask(Ask("DELETE", f"/v1/tasks/{_known(task)}")))

    def retry(self, task: str) -> Task:
        """Has a parked task run again."""
        return reading.task(self._ask(Ask("POST", f"/v1/tasks/{_known(task)}/retry")))

    def tasks(self, query: str = "") -> TaskPage:
        """Some of the tasks that the query asks for, which is what stands behind the question mark
        of `GET /v1/tasks`, percent-encoded; an empty one asks for all."""
        if not _QUERY.fullmatch(query):
            raise Unsendable("a query is visible ASCII")
        return reading.page(self._ask(Ask("GET", f"/v1/tasks?{query}" if query else "/v1/tasks")))

    @property
    def stats(self) -> Stats:
        """What was sent so far."""
        with self._desk.lock:
            return self._desk.manners.stats

    @property
    def budget_left(self) -> int:
        """How many repetitions the budget has left."""
        with self._desk.lock:
            return self._desk.manners.budget.left

    def _submit(
        self, submission: Submission, form: str, deadline: float | None, wait: float | None
    ) -> Outcome:
        ask = submission.ask(form)
        errand = Errand.submission(self._until(deadline))
        hold = float("inf") if wait is None else wait
        end = self._desk.carry_out(errand, ask, hold)
        return reading.outcome(end, submission.idempotency_key)

    def _ask(self, ask: Ask) -> End:
        return self._desk.carry_out(Errand.question(self._until(None)), ask)

    def _until(self, deadline: float | None) -> float:
        return self._desk.clock.now() + (self._deadline if deadline is None else deadline)


def _given(idempotency_key: str | None) -> _Beside:
    return {} if idempotency_key is None else {"idempotency_key": idempotency_key}


def _known(task: str) -> str:
    if not _TASK.fullmatch(task):
        raise Unsendable("the id of a task has 26 letters and digits")
    return task
