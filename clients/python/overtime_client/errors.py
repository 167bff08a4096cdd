"""Errors: what went wrong, and whether the work was submitted all the same."""

from __future__ import annotations

from .manners import Submitted, Why


class OvertimeError(Exception):
    """Why a call has no outcome."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.submitted = Submitted.NO
        """Whether the work was accepted, as far as all answers to this call tell."""
        self.task: str | None = None
        """The task, if one is known."""
        self.idempotency_key: str | None = None
        """The key that the work was sent with: with it, the same submission is the same work."""
        self.given_up: Why | None = None
        """Why it was not tried again; `None` if that could not have helped."""
        self.retry_after: float | None = None
        """How long to wait before another call, if that is known."""


class Refused(OvertimeError):
    """The server refused, or the work failed."""

    def __init__(
        self, status: int, code: str, title: str, detail: str, retryable: bool
    ) -> None:
        told = f"{title}: {detail} ({code})" if code else f"{status}, and it does not say why"
        super().__init__(told)
        self.status = status
        self.code = code
        """The problem's slug; empty if somebody between us and the server spoke."""
        self.title = title
        self.detail = detail
        self.retryable = retryable


class NotConnected(OvertimeError):
    """No connection came about."""


class Lost(OvertimeError):
    """The connection broke, or time was up, before an answer was there."""


class NoTime(OvertimeError):
    """Nothing was sent: the deadline was over before."""


class NobodyListens(OvertimeError):
    """Nothing was sent: nobody listens, and somebody looked only just now."""


class Unsendable(OvertimeError):
    """Nothing was sent: this cannot be said on the wire."""


class Strange(OvertimeError):
    """The answer is none that an overtime server gives."""
