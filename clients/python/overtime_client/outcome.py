"""What became of work, when that is no error: its result, or where it goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .manners import Why


@dataclass(frozen=True)
class Done:
    """The result of work that is done."""

    body: bytes
    """The handler's answer, as it is."""
    content_type: str | None = None
    task: str | None = None
    durability: str | None = None
    """`memory` or `disk`: how safe it was when the answer left."""
    replayed: bool = False
    """Whether this is the answer to an earlier request with the same key."""

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    def text(self) -> str:
        """The body, read as UTF-8."""
        return self.body.decode()


@dataclass(frozen=True)
class Pending:
    """Work that is accepted and has not ended, as far as is known."""

    task: str
    why: Why | None = None
    """Why it was not waited for any longer; `None` if nobody was to wait."""


Outcome = Done | Pending
