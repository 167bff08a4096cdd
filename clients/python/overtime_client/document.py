"""Task documents as they are read. What a newer server adds is passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TaskProgress:
    """How far a task has come."""

    done: int
    total: int | None


@dataclass(frozen=True)
class TaskFault:
    """Why an attempt did not succeed."""

    code: str
    detail: str


@dataclass(frozen=True)
class Task:
    """A task as the server shows it; its times are RFC 3339."""

    id: str
    kind: str
    lane: str
    state: str
    attempts: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    next_attempt_at: str | None
    progress: TaskProgress | None
    error: TaskFault | None
    tenant: str

    @classmethod
    def read(cls, document: Any) -> Task:
        """Reads a document; raises `KeyError` or `TypeError` if it is none."""
        progress, error = document["progress"], document["error"]
        return cls(
            id=document["id"],
            kind=document["kind"],
            lane=document["lane"],
            state=document["state"],
            attempts=document["attempts"],
            created_at=document["created_at"],
            started_at=document["started_at"],
            finished_at=document["finished_at"],
            next_attempt_at=document["next_attempt_at"],
            progress=progress and TaskProgress(progress["done"], progress["total"]),
            error=error and TaskFault(error["code"], error["detail"]),
            tenant=document["tenant"],
        )


@dataclass(frozen=True)
class TaskPage:
    """Some of the tasks that a list has, the newest first."""

    tasks: list[Task]
    next: str | None
    """What to ask for the tasks behind these with; `None` if these are the last."""
