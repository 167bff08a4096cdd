"""A client of the overtime task server.

It waits by the server's contract and helps a server out of trouble instead of deeper into it. It
never decides what work means, and never looks into a payload or a result.
"""

from .client import Client
from .clock import Clock, SystemClock
from .document import Task, TaskFault, TaskPage, TaskProgress
from .errors import (
    Lost,
    NobodyListens,
    NotConnected,
    NoTime,
    OvertimeError,
    Refused,
    Strange,
    Unsendable,
)
from .manners import Allowance, Backoff, Rules, Stats, Submitted, Why
from .outcome import Done, Outcome, Pending

__all__ = [
    "Allowance",
    "Backoff",
    "Client",
    "Clock",
    "Done",
    "Lost",
    "NoTime",
    "NobodyListens",
    "NotConnected",
    "Outcome",
    "OvertimeError",
    "Pending",
    "Refused",
    "Rules",
    "Stats",
    "Strange",
    "Submitted",
    "SystemClock",
    "Task",
    "TaskFault",
    "TaskPage",
    "TaskProgress",
    "Unsendable",
    "Why",
]
