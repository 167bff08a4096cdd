"""What a call that has ended tells its caller: an outcome, a document, or an error."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .conversation import End
from .document import Task, TaskPage
from .errors import (
    Lost,
    NobodyListens,
    NotConnected,
    NoTime,
    OvertimeError,
    Refused,
    Strange,
)
from .manners import Silence, Submitted, Why
from .outcome import Done, Outcome, Pending
from .transport import Reply


def outcome(end: End, idempotency_key: str | None) -> Outcome:
    """What became of work."""
    errand, reply = end.errand, end.last
    if end.given_up and errand.task and errand.submitted is Submitted.YES:
        return Pending(errand.task, end.given_up.why)
    if end.given_up or not isinstance(reply, Reply) or reply.said.status >= 300:
        _fail(end, idempotency_key)
    if reply.said.status == 202:
        if errand.task is None:
            raise _told(Strange("it names no task"), end, idempotency_key)
        return Pending(errand.task)
    return Done(
        body=reply.body,
        content_type=reply.fields.get("content-type"),
        task=errand.task,
        durability=reply.fields.get("overtime-durability"),
        replayed=reply.fields.get("idempotency-replayed") == "true",
    )


def _document(end: End) -> Any:
    if end.given_up or not isinstance(end.last, Reply) or end.last.said.status >= 300:
        _fail(end, None)
    try:
        return json.loads(end.last.body)
    except (ValueError, RecursionError) as error:
        raise _told(Strange(f"it is no JSON: {error}"), end, None) from error


def task(end: End) -> Task:
    """How a task stands."""
    document = _document(end)
    try:
        return Task.read(document)
    except (KeyError, TypeError) as error:
        raise _told(Strange(f"it is no task's document: {error!r}"), end, None) from error


def page(end: End) -> TaskPage:
    """Some of the tasks that a list has."""
    document = _document(end)
    try:
        return TaskPage([Task.read(one) for one in document["tasks"]], document["next"])
    except (KeyError, TypeError) as error:
        raise _told(Strange(f"it is no list of tasks: {error!r}"), end, None) from error


def _fail(end: End, idempotency_key: str | None) -> NoReturn:
    raise _told(_error(end), end, idempotency_key)


def _error(end: End) -> OvertimeError:
    last = end.last
    if isinstance(last, Reply):
        problem = last.problem
        code, title, detail = (str(problem.get(name, "")) for name in ("code", "title", "detail"))
        retryable = problem.get("retryable") is True
        error: OvertimeError = Refused(last.said.status, code, title, detail, retryable)
        error.retry_after = last.said.retry_after
        return error
    if last is not None:
        return (NotConnected if last.silence is Silence.NOT_CONNECTED else Lost)(str(last))
    if end.given_up and end.given_up.why is Why.UNREACHABLE:
        error = NobodyListens("nobody listens there; nothing was sent")
        error.retry_after = end.given_up.probe_in
        return error
    return NoTime("the deadline was over before anything was sent")


def _told(error: OvertimeError, end: End, idempotency_key: str | None) -> OvertimeError:
    error.submitted = end.errand.submitted
    error.task = end.errand.task
    error.idempotency_key = idempotency_key
    error.given_up = end.given_up.why if end.given_up else None
    return error
