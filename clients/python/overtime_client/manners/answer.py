"""What came back, as far as it decides what to do next. It holds no body."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

FINAL = frozenset({"succeeded", "failed", "cancelled"})
"""The states that a task does not leave."""


class Submitted(Enum):
    """Whether the work was accepted."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Verdict:
    """What a problem document says of the request."""

    retryable: bool
    submitted: Submitted


@dataclass(frozen=True)
class Said:
    """What an answer says, as far as it decides what to do next."""

    status: int
    retry_after: float | None = None
    task: str | None = None
    state: str | None = None
    verdict: Verdict | None = None

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later."""
        if self.verdict is not None:
            return self.verdict.retryable
        # Without a problem document somebody between us and the server may have spoken.
        return self.status in (408, 425, 429, 502, 503, 504)

    @property
    def submitted(self) -> Submitted:
        """Whether the work of a submission with this answer was accepted."""
        if self.verdict is not None:
            return self.verdict.submitted
        if 200 <= self.status < 300:
            return Submitted.YES
        # Whoever refused so did not look at the work; a timeout may have come later.
        if 400 <= self.status < 500 and self.status != 408:
            return Submitted.NO
        return Submitted.UNKNOWN


class Silence(Enum):
    """Why nothing was answered."""

    NOT_CONNECTED = "no connection came about, so nothing was sent"
    LOST = "it was sent, or part of it, and no answer came"


Answer = Said | Silence
