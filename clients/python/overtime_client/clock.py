"""Time as the client sees it: one clock to read and to sleep by, so that a test can let hours pass."""

import time
from typing import Protocol


class Clock(Protocol):
    """A clock to read and to sleep by, in seconds."""

    def now(self) -> float:
        """The time since some moment that stays the same."""

    def sleep(self, span: float) -> None:
        """Returns when that much time has passed."""


class SystemClock:
    """The clock of the operating system."""

    def now(self) -> float:
        """The time since some moment that stays the same."""
        return time.monotonic()

    def sleep(self, span: float) -> None:
        """Returns when that much time has passed."""
        if span > 0:
            time.sleep(span)
