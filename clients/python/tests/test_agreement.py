"""Both clients decide the same: errands that the client in Rust has written down, with each answer and
what it did after it (`client/src/manners/agreement.rs`). Times are eighths of a second."""

from __future__ import annotations

import unittest
from dataclasses import astuple
from pathlib import Path

from overtime_client.manners import (
    Allowance,
    Answer,
    Authenticate,
    Backoff,
    Errand,
    Fetch,
    Finish,
    GiveUp,
    Manners,
    Next,
    Poll,
    Rules,
    Said,
    Send,
    Silence,
    Submitted,
    Verdict,
)

FILE = Path(__file__).with_name("errands.txt")
TASK = "01KAJ7M9Y8000000000000G001"
NEVER = Backoff(0.0, 0.0)
RULES = Rules(Allowance(2, 4, 50), repetitions=NEVER, polls=NEVER, probes=NEVER, hold_most=20.0)


def read(answer: str) -> Answer:
    """An answer as its members."""
    silences = {"not-connected": Silence.NOT_CONNECTED, "lost": Silence.LOST}
    if answer in silences:
        return silences[answer]
    _, status, wait, task, state, retryable, submitted = answer.split()
    return Said(
        int(status),
        retry_after=None if wait == "-" else int(wait) / 8,
        task=TASK if task == "task" else None,
        state=None if state == "-" else state,
        verdict=None if retryable == "-" else Verdict(retryable == "true", Submitted(submitted)),
    )


def told(step: Next) -> str:
    match step:
        case Send(after):
            return f"send {after * 8:g}"
        case Authenticate():
            return "authenticate"
        case Poll(_, after, hold):
            return f"poll {after * 8:g} {hold * 1_000_000:.0f}"
        case Fetch(_, after):
            return f"fetch {after * 8:g}"
        case Finish():
            return "done"
        case GiveUp(why, _):
            return f"give-up {why.name.lower()}"


class AgreementTest(unittest.TestCase):
    def test_both_clients_decide_the_same(self) -> None:
        lines = FILE.read_text().splitlines()
        manners = Manners(RULES, 0)
        errand = Errand.submission(0.0)
        now, checked = 0.0, 0
        for number, line in enumerate(lines, 1):
            words = line.split()
            asked, _, expected = line.strip().partition(" > ")
            match words:
                case ["script", _]:
                    manners = Manners(RULES, 0)
                    continue
                case ["errand", purpose, begin, deadline]:
                    now = int(begin) / 8
                    errand = self.errand(purpose, int(deadline) / 8)
                    continue
                case ["begin", *_]:
                    step = errand.begin(manners, now)
                case ["authenticated", *_]:
                    step = errand.authenticated(manners, now)
                case ["end", submitted, known]:
                    self.assertEqual(str(errand.submitted), submitted, number)
                    self.assertEqual(errand.task is not None, known == "known", number)
                    continue
                case ["stats", *counts]:
                    self.assertEqual(astuple(manners.stats), tuple(map(int, counts)), number)
                    continue
                case _:
                    at, _, answer = asked.partition(" ")
                    now = int(at) / 8
                    step = errand.answered(read(answer), manners, now)
            self.assertEqual(told(step), expected, f"line {number}: {line}")
            checked += 1
        self.assertGreater(checked, 1_000)

    def errand(self, purpose: str, deadline: float) -> Errand:
        if purpose == "question":
            return Errand.question(deadline)
        if purpose == "waiting":
            return Errand.waiting(TASK, deadline)
        return Errand.submission(deadline)
