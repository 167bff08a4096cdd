"""The circuit: whether anybody listens at the server's address."""

from __future__ import annotations

import random

from .backoff import Backoff


class Circuit:
    """While nobody listens at the server's address and the budget is spent, calls fail at once
    instead of knocking, and one now and then looks whether somebody is back. It never opens because
    of an answer, be it a refusal: who answers is there."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._probe_at: float | None = None
        self._failures = 0

    @property
    def is_open(self) -> bool:
        """Whether calls fail at once."""
        return self._probe_at is not None

    def permit(self, now: float, chance: random.Random) -> float | None:
        """`None` if a call may be sent, or how long until one may. One that may although the
        circuit is open is the probe, and those behind it wait for the next."""
        if self._probe_at is None:
            return None
        if now < self._probe_at:
            return self._probe_at - now
        self.trip(now, chance)
        return None

    def trip(self, now: float, chance: random.Random) -> None:
        """Nobody listened, and there is no budget to try again."""
        self._failures += 1
        self._probe_at = now + self._backoff.pause(self._failures, chance)

    def close(self) -> None:
        """Somebody listens."""
        self._probe_at, self._failures = None, 0
