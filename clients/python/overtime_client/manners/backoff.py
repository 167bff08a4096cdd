"""How long to wait before a request is repeated. It never decides whether to repeat."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """A bound that doubles with each failure in a row, and chance below it, so that callers who
    failed together do not come back together."""

    first: float = 0.1
    most: float = 20.0

    def bound(self, failures: int) -> float:
        """The bound behind that many failures in a row, of which there was at least one."""
        return min(self.first * 2.0 ** min(max(failures - 1, 0), 31), self.most)

    def delay(self, failures: int, asked: float | None, chance: random.Random) -> float:
        """Full jitter: anything up to the bound. What the server asked for comes on top, because it
        is the least that it wants and the same for many."""
        return (asked or 0.0) + chance.uniform(0.0, self.bound(failures))

    def pause(self, failures: int, chance: random.Random) -> float:
        """Equal jitter: between half of the bound and all of it, where somebody who asked at once
        would be a nuisance."""
        half = self.bound(failures) / 2
        return half + chance.uniform(0.0, half)
