"""The key that requests are sent with, and how another is had when it counts no more."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

Source = Callable[[str | None], str | None]
"""Gives a key; it is told which one the server did not take, if any. What cannot be sent as a key is
none."""

_KEY = re.compile(r"[!-~]{1,1024}")


class Credentials:
    """The key of one client."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._is_known = False
        self._current: str | None = None

    def current(self) -> str | None:
        """The key to send."""
        with self._lock:
            if not self._is_known:
                self._current, self._is_known = self._ask(None), True
            return self._current

    def instead_of(self, refused: str | None) -> str | None:
        """Another key than the one that was not taken; `None` if there is no other. Of many who ask
        at once only the first troubles the source."""
        with self._lock:
            if self._current is not None and self._current != refused:
                return self._current
            another = self._ask(refused)
            if another is None or another == refused:
                return None
            self._current = another
            return another

    def _ask(self, refused: str | None) -> str | None:
        key = self._source(refused)
        return key if key is not None and _KEY.fullmatch(key) else None
