"""One call from its first request to its outcome: what to do after each answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .answer import FINAL, Answer, Said, Silence, Submitted
from .shared import Manners


class Why(Enum):
    """Why no more is tried."""

    DEADLINE = "no request that the server allows could bring an answer before the deadline"
    BUDGET = "the budget of repetitions is spent"
    UNREACHABLE = "nobody listens"
    PARKED = "the task rests until a person decides"


@dataclass(frozen=True)
class Send:
    """Send the errand's request, for the first time or again. A submission has the same key as
    before."""

    after: float


@dataclass(frozen=True)
class Authenticate:
    """Get another key, and if there is one, go on with `Errand.authenticated`. If there is none, the
    last answer is the outcome."""


@dataclass(frozen=True)
class Poll:
    """Ask for the task's document, and the server to hold the answer unless the task ends."""

    task: str
    after: float
    hold: float


@dataclass(frozen=True)
class Fetch:
    """Ask for the task's result."""

    task: str
    after: float


@dataclass(frozen=True)
class Finish:
    """Nothing: the last answer is the outcome."""


@dataclass(frozen=True)
class GiveUp:
    """Nothing more. If the errand's task is known, the work is accepted and goes on."""

    why: Why
    probe_in: float | None = None


Next = Send | Authenticate | Poll | Fetch | Finish | GiveUp


class _Phase(Enum):
    SENDING = 1
    POLLING = 2
    FETCHING = 3


@dataclass
class Errand:
    """One call from its first request to its outcome. It never repeats what the budget does not
    allow, never asks earlier than the server wants, and sends nothing at or behind its deadline."""

    deadline: float
    is_work: bool = True
    """Whether a 202 is followed to the result."""
    task: str | None = None
    submitted: Submitted = Submitted.NO
    _phase: _Phase = _Phase.SENDING
    _due: float = 0.0
    _failures: int = 0
    _polls: int = 0
    _has_authenticated: bool = False

    @classmethod
    def submission(cls, deadline: float) -> Errand:
        """To submit work and have its result by the deadline."""
        return cls(deadline)

    @classmethod
    def question(cls, deadline: float) -> Errand:
        """To ask something that is answered at once."""
        return cls(deadline, is_work=False)

    @classmethod
    def waiting(cls, task: str, deadline: float) -> Errand:
        """To have the result of work that is accepted already."""
        return cls(deadline, task=task, submitted=Submitted.YES, _phase=_Phase.POLLING)

    def left(self, now: float) -> float:
        """How long is left."""
        return max(self.deadline - now, 0.0)

    def hold(self, manners: Manners, now: float) -> float:
        """How long a request that is sent now may be held: a little less than what is left, so that
        the answer is there by the deadline."""
        left = self.left(now)
        return min(left - min(left / 10, 1.0), manners.rules.hold_most)

    def begin(self, manners: Manners, now: float) -> Next:
        """The first thing to be done."""
        if now >= self.deadline:
            return GiveUp(Why.DEADLINE)
        probe_in = manners.begin(now)
        if probe_in is not None:
            return GiveUp(Why.UNREACHABLE, probe_in)
        return self._request(0.0, manners, now)

    def answered(self, answer: Answer, manners: Manners, now: float) -> Next:
        """What to do after this answer to the last request."""
        if answer is Silence.NOT_CONNECTED:
            if manners.budget.left == 0:
                manners.circuit.trip(now, manners.chance)
            return self._again(None, manners, now)
        manners.circuit.close()
        if isinstance(answer, Said):
            self._learn(answer)
            return self._said(answer, manners, now)
        if self._phase is _Phase.SENDING and self.submitted is Submitted.NO:
            self.submitted = Submitted.UNKNOWN
        return self._again(None, manners, now)

    def authenticated(self, manners: Manners, now: float) -> Next:
        """What to do with another key: the last request again, if the budget allows. A key that
        nobody takes would double all that is sent."""
        if now < self.deadline and manners.spend():
            return self._request(0.0, manners, now)
        return Finish()

    def _learn(self, said: Said) -> None:
        """A refusal says nothing about a request before it that got lost."""
        self.task = self.task or said.task
        if self._phase is not _Phase.SENDING:
            return
        if self.submitted is Submitted.NO or said.submitted is Submitted.YES:
            self.submitted = said.submitted

    def _said(self, said: Said, manners: Manners, now: float) -> Next:
        is_good = 200 <= said.status < 300
        if said.status == 401:
            return self._authenticate(manners)
        if self._phase is _Phase.SENDING and said.status == 202 and self.is_work:
            return self._unfinished(said, manners, now)
        if self._phase is _Phase.POLLING and is_good:
            if said.status == 200 and (said.state is None or said.state in FINAL):
                self._phase = _Phase.FETCHING
                manners.count_fetch()
                return self._request(0.0, manners, now)
            return self._unfinished(said, manners, now)
        if self._phase is _Phase.FETCHING and said.status == 202:
            return self._unfinished(said, manners, now)
        if said.is_retryable:
            return self._refused(said, manners, now)
        return Finish()

    def _authenticate(self, manners: Manners) -> Next:
        """Once, because the next key will not be taken either."""
        if self._has_authenticated or manners.budget.left == 0:
            return Finish()
        self._has_authenticated = True
        return Authenticate()

    def _unfinished(self, said: Said, manners: Manners, now: float) -> Next:
        """The task is accepted and has not ended: the next poll is due when the server says, and no
        sooner behind the last one than polls may follow each other, however short it was held."""
        if self.task is None:
            return Finish()
        if said.state == "parked":
            return GiveUp(Why.PARKED)
        self._failures = 0
        after = said.retry_after or 0.0
        if self._phase is not _Phase.SENDING:
            self._polls += 1
            pause = manners.rules.polls.pause(self._polls, manners.chance)
            after = max(after, pause - max(now - self._due, 0.0))
        if now + after >= self.deadline:
            return GiveUp(Why.DEADLINE)
        self._phase = _Phase.POLLING
        manners.count_poll()
        return self._request(after, manners, now)

    def _refused(self, said: Said, manners: Manners, now: float) -> Next:
        """The server cannot now. Work that it has accepted all the same is asked for."""
        is_accepted = self.submitted is Submitted.YES and self.is_work and self.task is not None
        if self._phase is _Phase.SENDING and is_accepted:
            self._phase = _Phase.POLLING
        return self._again(said.retry_after, manners, now)

    def _again(self, asked: float | None, manners: Manners, now: float) -> Next:
        """The same request again, if time and budget allow."""
        self._failures += 1
        after = manners.rules.repetitions.delay(self._failures, asked, manners.chance)
        if now + after >= self.deadline:
            return GiveUp(Why.DEADLINE)
        if not manners.spend():
            return GiveUp(Why.BUDGET)
        return self._request(after, manners, now)

    def _request(self, after: float, manners: Manners, now: float) -> Next:
        self._due = now + after
        if self._phase is _Phase.SENDING or self.task is None:
            return Send(after)
        if self._phase is _Phase.POLLING:
            return Poll(self.task, after, self.hold(manners, self._due))
        return Fetch(self.task, after)
