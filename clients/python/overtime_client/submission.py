"""Work as it is submitted. It is never sent without a key, so that to send it again is never to do it
again."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .errors import Unsendable
from .transport import Ask

_KIND = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KEY = re.compile(r"[!-~]{1,255}")
_LINE = re.compile(r"[ -~]{0,1024}")


def _key_by_chance() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Submission:
    """A kind, a payload, and what may be said beside them."""

    kind: str
    body: bytes
    content_type: str | None
    idempotency_key: str = field(default_factory=_key_by_chance)
    delay: float | None = None
    urgency: int | None = None
    traceparent: str | None = None

    def ask(self, form: str) -> Ask:
        """The request, of the form `tasks` or `bulk`; raises `Unsendable` if something of it cannot
        be said."""
        self._check()
        target = f"/v1/{form}/{self.kind}"
        if self.delay is not None:
            target = f"{target}?delay={round(self.delay * 1000)}ms"
        return Ask("POST", target, self._fields(), self.body)

    def _fields(self) -> dict[str, str]:
        escaped = self.idempotency_key.replace("\\", "\\\\").replace('"', '\\"')
        fields = {"Idempotency-Key": f'"{escaped}"'}
        if self.urgency is not None:
            fields["Priority"] = f"u={self.urgency}"
        for name, value in (
            ("Content-Type", self.content_type),
            ("traceparent", self.traceparent),
        ):
            if value is not None:
                fields[name] = value
        return fields

    def _check(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise Unsendable("the name of a kind is [a-z0-9][a-z0-9._-]{0,63}")
        if not _KEY.fullmatch(self.idempotency_key):
            raise Unsendable("an idempotency key is 1 to 255 visible ASCII characters")
        if self.urgency is not None and self.urgency not in range(8):
            raise Unsendable("an urgency is a number from 0 to 7")
        for line in (self.content_type, self.traceparent):
            if line is not None and not _LINE.fullmatch(line):
                raise Unsendable("a content type or a trace is a short line of visible ASCII")


def single(payload: Any, content_type: str | None) -> tuple[bytes, str | None]:
    """One input: bytes and texts as they are, anything else as JSON."""
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload), content_type
    if isinstance(payload, str):
        return payload.encode(), content_type
    return _json(payload), content_type or "application/json"


def many(items: bytes | str | Iterable[Any], content_type: str | None) -> tuple[bytes, str | None]:
    """Many inputs: bytes and texts as they are, anything else as NDJSON, one item a line."""
    if isinstance(items, (bytes, bytearray, memoryview, str)):
        return single(items, content_type)
    body = b"".join(_json(item) + b"\n" for item in items)
    return body, content_type or "application/x-ndjson"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
