"""What all errands to one server share: the budget, the circuit, chance, and what was counted."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from .backoff import Backoff
from .budget import Allowance, Budget
from .circuit import Circuit


@dataclass(frozen=True)
class Rules:
    """The numbers that the decisions are made with."""

    allowance: Allowance = Allowance()
    repetitions: Backoff = Backoff()
    polls: Backoff = Backoff(0.25, 5.0)
    probes: Backoff = Backoff(0.5, 30.0)
    hold_most: float = 60.0
    """The longest that a server is asked to hold a request."""


@dataclass
class Stats:
    """What was sent, and what was not."""

    first_attempts: int = 0
    repetitions: int = 0
    """Requests that were sent again, be they submissions, polls or fetches."""
    polls: int = 0
    fetches: int = 0
    denied: int = 0
    """Repetitions that the budget did not allow."""
    kept_back: int = 0
    """Errands that failed at once, because nobody listens."""

    @property
    def offered(self) -> int:
        """All that was offered to the server as work, first or again."""
        return self.first_attempts + self.repetitions


class Manners:
    """What all errands to one server share."""

    def __init__(self, rules: Rules, seed: int | None = None) -> None:
        self.rules = rules
        self.chance = random.Random(seed)
        self.budget = Budget(rules.allowance)
        self.circuit = Circuit(rules.probes)
        self._stats = Stats()

    @property
    def stats(self) -> Stats:
        """What was sent so far."""
        return replace(self._stats)

    def begin(self, now: float) -> float | None:
        """`None` if an errand may begin, which then counts, or how long until one may."""
        probe_in = self.circuit.permit(now, self.chance)
        if probe_in is None:
            self._stats.first_attempts += 1
            self.budget.earn()
        else:
            self._stats.kept_back += 1
        return probe_in

    def spend(self) -> bool:
        """Takes a repetition out of the budget."""
        granted = self.budget.spend()
        if granted:
            self._stats.repetitions += 1
        else:
            self._stats.denied += 1
        return granted

    def count_poll(self) -> None:
        """Counts a poll of a task that is under way."""
        self._stats.polls += 1

    def count_fetch(self) -> None:
        """Counts a fetch of a result."""
        self._stats.fetches += 1
