"""The budget of repetitions: each first attempt earns a small part of one, so that an outage cannot
multiply what is sent. It never says when to repeat, only whether."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    """How much a budget allows. It belongs to a process: where many of them call little, what is
    there from the start counts once for each."""

    initial: int = 10
    most: int = 100
    percent: int = 10
    """How many repetitions a hundred first attempts earn."""


class Budget:
    """A bucket of repetitions. Over any time, no more are granted than were in it plus what first
    attempts earned meanwhile."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        # In hundredths of a repetition, so that nothing is rounded.
        self._level = min(allowance.initial, allowance.most) * 100

    def earn(self) -> None:
        """Counts a first attempt."""
        self._level = min(self._level + self._allowance.percent, self._allowance.most * 100)

    def spend(self) -> bool:
        """Takes one repetition, if there is one."""
        if self._level < 100:
            return False
        self._level -= 100
        return True

    @property
    def left(self) -> int:
        """How many whole repetitions are left."""
        return self._level // 100
