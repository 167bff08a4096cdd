"""The manners of a client, as decisions without I/O.

What to do after an answer, whether a request may be repeated and when. A process has one `Manners`
for a server, which all its errands share; whoever drives them does what the next step says and tells
what came back. Nothing here reads a clock, sleeps or sends. All spans and points in time are seconds.
"""

from .answer import FINAL, Answer, Said, Silence, Submitted, Verdict
from .backoff import Backoff
from .budget import Allowance, Budget
from .circuit import Circuit
from .errand import (
    Authenticate,
    Errand,
    Fetch,
    Finish,
    GiveUp,
    Next,
    Poll,
    Send,
    Why,
)
from .shared import Manners, Rules, Stats

__all__ = [
    "FINAL",
    "Allowance",
    "Answer",
    "Authenticate",
    "Backoff",
    "Budget",
    "Circuit",
    "Errand",
    "Fetch",
    "Finish",
    "GiveUp",
    "Manners",
    "Next",
    "Poll",
    "Rules",
    "Said",
    "Send",
    "Silence",
    "Stats",
    "Submitted",
    "Verdict",
    "Why",
]
