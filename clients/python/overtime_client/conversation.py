"""One call carried out: it does what the manners say is next, until there is nothing more to do. It
decides nothing itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from .clock import Clock
from .credentials import Credentials
from .manners import (
    Answer,
    Authenticate,
    Errand,
    Fetch,
    Finish,
    GiveUp,
    Manners,
    Next,
    Poll,
    Why,
)
from .transport import Ask, Reply, Transport, Unanswered

Watcher = Callable[[Answer, Next], None]
"""Is told after each answer what came back and what is done next."""


@dataclass(frozen=True)
class End:
    """How a call ended."""

    errand: Errand
    last: Reply | Unanswered | None
    """What came back last; `None` if nothing was sent."""
    given_up: GiveUp | None


class Desk:
    """What all calls of a client share."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        manners: Manners,
        clock: Clock,
        watch: Watcher,
    ) -> None:
        self.transport, self.credentials, self.clock = transport, credentials, clock
        self.manners, self.lock = manners, threading.Lock()
        self.watch = watch

    def carry_out(self, errand: Errand, first: Ask, wait: float | None = None) -> End:
        """Carries a call out; it returns when the call has ended. `wait` is how long the first
        request may be held, if it is one that is."""
        return _Conversation(self, errand, first, wait).hold()


class _Conversation:
    """A call on its way."""

    def __init__(self, desk: Desk, errand: Errand, first: Ask, wait: float | None) -> None:
        self._desk, self._errand = desk, errand
        self._first, self._wait = first, wait
        self._key = desk.credentials.current()
        self._last: Reply | Unanswered | None = None

    def hold(self) -> End:
        with self._desk.lock:
            step = self._errand.begin(self._desk.manners, self._desk.clock.now())
        while not isinstance(step, (Finish, GiveUp)):
            step = self._authenticate() if isinstance(step, Authenticate) else self._ask(step)
        return End(self._errand, self._last, step if isinstance(step, GiveUp) else None)

    def _ask(self, step: Next) -> Next:
        desk, errand = self._desk, self._errand
        if not isinstance(step, (Authenticate, Finish, GiveUp)):
            desk.clock.sleep(step.after)
        now = desk.clock.now()
        if errand.left(now) <= 0:
            return GiveUp(Why.DEADLINE)
        ask = self._request(step, now)
        try:
            self._last = desk.transport.ask(ask, self._key, errand.left(now))
            answer: Answer = self._last.said
        except Unanswered as silence:
            self._last, answer = silence, silence.silence
        with desk.lock:
            following = errand.answered(answer, desk.manners, desk.clock.now())
        desk.watch(answer, following)
        return following

    def _request(self, step: Next, now: float) -> Ask:
        if isinstance(step, Poll):
            return held(Ask("GET", f"/v1/tasks/{step.task}"), step.hold)
        if isinstance(step, Fetch):
            return fetch(step.task)
        if self._wait is None:
            return self._first
        # A submission is held no longer than its caller waits.
        with self._desk.lock:
            most = self._errand.hold(self._desk.manners, now)
        return held(self._first, min(self._wait, most))

    def _authenticate(self) -> Next:
        another = self._desk.credentials.instead_of(self._key)
        if another is None:
            return Finish()
        self._key = another
        with self._desk.lock:
            return self._errand.authenticated(self._desk.manners, self._desk.clock.now())


def fetch(task: str) -> Ask:
    """The request for a task's result."""
    return Ask("GET", f"/v1/tasks/{task}/result")


def held(ask: Ask, hold: float) -> Ask:
    """The request, to be held for so long."""
    mark = "&" if "?" in ask.target else "?"
    millis = max(int(hold * 1000), 1) if hold > 0 else 0
    return replace(ask, target=f"{ask.target}{mark}wait={millis}ms")
