"""The decisions, without any I/O."""

from __future__ import annotations

import heapq
import random
import unittest

from overtime_client.manners import (
    Allowance,
    Answer,
    Authenticate,
    Backoff,
    Budget,
    Circuit,
    Errand,
    Fetch,
    Finish,
    GiveUp,
    Manners,
    Poll,
    Rules,
    Said,
    Send,
    Silence,
    Submitted,
    Verdict,
    Why,
)

TASK = "01KAJ7M9Y8000000000000G001"


def refusal(status: int, submitted: Submitted, retry_after: float | None = None) -> Said:
    return Said(status, retry_after=retry_after, verdict=Verdict(True, submitted))


def accepted(retry_after: float | None = None) -> Said:
    return Said(202, task=TASK, retry_after=retry_after)


def document(state: str) -> Said:
    return Said(200, task=TASK, state=state)


def plenty() -> Manners:
    return Manners(Rules(allowance=Allowance(initial=100)), seed=1)


def sent(manners: Manners) -> Errand:
    """An errand that was sent at 0 and has a minute."""
    errand = Errand.submission(60.0)
    assert errand.begin(manners, 0.0) == Send(0.0)
    return errand


class BudgetTest(unittest.TestCase):
    def test_ten_first_attempts_earn_one_repetition(self) -> None:
        budget = Budget(Allowance(initial=0, most=5))
        for _ in range(9):
            budget.earn()
            self.assertFalse(budget.spend())
        budget.earn()
        self.assertTrue(budget.spend())
        self.assertFalse(budget.spend())

    def test_good_times_do_not_add_up_without_a_bound(self) -> None:
        budget = Budget(Allowance(initial=2, most=5))
        for _ in range(10_000):
            budget.earn()
        self.assertEqual(budget.left, 5)


class BackoffTest(unittest.TestCase):
    def test_the_bound_doubles_to_its_most(self) -> None:
        backoff = Backoff(0.1, 1.0)
        bounds = [backoff.bound(failures) for failures in (1, 2, 3, 4, 5, 40, 10**9)]
        self.assertEqual(bounds, [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0])

    def test_nobody_comes_earlier_than_was_asked_and_not_all_at_once(self) -> None:
        backoff, chance = Backoff(), random.Random(1)
        delays = sorted(backoff.delay(4, 3.0, chance) for _ in range(100))
        self.assertTrue(3.0 <= delays[0] and delays[-1] <= 3.0 + backoff.bound(4))
        self.assertGreater(delays[75] - delays[25], backoff.bound(4) / 4)
        pauses = [backoff.pause(4, chance) for _ in range(100)]
        self.assertGreaterEqual(min(pauses), backoff.bound(4) / 2)


class CircuitTest(unittest.TestCase):
    def test_one_probe_at_a_time_and_ever_further_apart(self) -> None:
        circuit, chance, now, waits = Circuit(Backoff(1.0, 30.0)), random.Random(1), 0.0, []
        self.assertIsNone(circuit.permit(now, chance))
        circuit.trip(now, chance)
        for _ in range(8):
            wait = circuit.permit(now, chance)
            assert wait is not None
            waits.append(wait)
            now += wait + 1e-9
            self.assertIsNone(circuit.permit(now, chance), "the probe")
            self.assertIsNotNone(circuit.permit(now, chance), "and only one")
        self.assertTrue(waits[0] >= 0.5 and waits[7] >= 15 and max(waits) <= 30, waits)
        circuit.close()
        self.assertIsNone(circuit.permit(now, chance))


class ErrandTest(unittest.TestCase):
    def test_what_the_server_asks_for_is_the_least_that_is_waited(self) -> None:
        manners = plenty()
        for status in (429, 503):
            step = sent(manners).answered(refusal(status, Submitted.NO, 7.0), manners, 0.01)
            assert isinstance(step, Send)
            self.assertTrue(7.0 <= step.after < 8.0)

    def test_what_cannot_come_in_time_is_given_up_at_once(self) -> None:
        manners = plenty()
        errand = sent(manners)
        step = errand.answered(refusal(503, Submitted.NO, 61.0), manners, 0.01)
        self.assertEqual(step, GiveUp(Why.DEADLINE))
        self.assertEqual(errand.submitted, Submitted.NO)
        self.assertEqual(manners.stats.repetitions, 0)
        self.assertEqual(Errand.question(5.0).begin(manners, 5.0), GiveUp(Why.DEADLINE))

    def test_only_what_may_help_is_repeated(self) -> None:
        manners = plenty()
        for status in (400, 403, 404, 409, 413, 422, 500, 501):
            self.assertEqual(sent(manners).answered(Said(status), manners, 0.1), Finish())
        final = Said(503, verdict=Verdict(False, Submitted.NO))
        self.assertEqual(sent(manners).answered(final, manners, 0.1), Finish())

    def test_a_202_is_followed_to_the_result(self) -> None:
        manners = plenty()
        errand = sent(manners)
        step = errand.answered(accepted(1.0), manners, 0.1)
        assert isinstance(step, Poll)
        self.assertEqual((step.task, step.after), (TASK, 1.0))
        self.assertAlmostEqual(step.hold, 57.9)
        step = errand.answered(document("running"), manners, 1.101)
        assert isinstance(step, Poll)
        self.assertGreater(step.after, 0.12, "it was not held, so the next is put off")
        step = errand.answered(document("running"), manners, 20.0)
        assert isinstance(step, Poll)
        self.assertEqual(step.after, 0.0, "it was held for long")
        self.assertEqual(errand.answered(document("succeeded"), manners, 25.0), Fetch(TASK, 0.0))
        self.assertEqual(errand.answered(Said(200), manners, 25.1), Finish())
        stats = manners.stats
        self.assertEqual((stats.first_attempts, stats.repetitions), (1, 0))
        self.assertEqual((stats.polls, stats.fetches), (3, 1))

    def test_whoever_is_out_of_time_or_patience_still_knows_the_task(self) -> None:
        manners = plenty()
        errand = sent(manners)
        self.assertEqual(errand.answered(accepted(90.0), manners, 0.1), GiveUp(Why.DEADLINE))
        self.assertEqual((errand.task, errand.submitted), (TASK, Submitted.YES))
        parked = Said(202, task=TASK, state="parked")
        self.assertEqual(sent(manners).answered(parked, manners, 0.1), GiveUp(Why.PARKED))

    def test_work_that_is_accepted_although_the_answer_is_a_refusal_is_asked_for(self) -> None:
        manners = plenty()
        said = Said(503, task=TASK, verdict=Verdict(True, Submitted.YES))
        self.assertIsInstance(sent(manners).answered(said, manners, 0.1), Poll)
        self.assertEqual(manners.stats.repetitions, 1, "which is paid for like any other")

    def test_a_new_key_is_asked_for_once(self) -> None:
        manners = plenty()
        errand = sent(manners)
        self.assertEqual(errand.answered(Said(401), manners, 0.1), Authenticate())
        self.assertEqual(manners.stats.repetitions, 0, "there may be no other key")
        self.assertEqual(errand.authenticated(manners, 0.1), Send(0.0))
        self.assertEqual(errand.answered(Said(401), manners, 0.2), Finish())
        poor = Manners(Rules(allowance=Allowance(0, 0, 0)), seed=1)
        self.assertEqual(sent(poor).answered(Said(401), poor, 0.1), Finish())

    def test_a_refusal_says_nothing_about_an_answer_that_was_lost_before(self) -> None:
        manners = plenty()
        errand = sent(manners)
        errand.answered(Silence.NOT_CONNECTED, manners, 0.1)
        self.assertEqual(errand.submitted, Submitted.NO)
        errand.answered(Silence.LOST, manners, 0.2)
        errand.answered(refusal(503, Submitted.NO), manners, 0.3)
        self.assertEqual(errand.submitted, Submitted.UNKNOWN)
        errand.answered(accepted(), manners, 0.4)
        self.assertEqual(errand.submitted, Submitted.YES)

    def test_nobody_knocks_where_nobody_listens(self) -> None:
        manners, now = Manners(Rules(), seed=1), 0.0
        errand = Errand.submission(10_000.0)
        errand.begin(manners, now)
        while isinstance(step := errand.answered(Silence.NOT_CONNECTED, manners, now), Send):
            now += step.after
        self.assertEqual((manners.budget.left, manners.circuit.is_open), (0, True))
        self.assertIsInstance(Errand.submission(now + 1).begin(manners, now), GiveUp)
        later = now + 60
        probe = Errand.submission(later + 1)
        self.assertEqual(probe.begin(manners, later), Send(0.0))
        self.assertIsInstance(Errand.submission(later + 1).begin(manners, later), GiveUp)
        self.assertEqual(probe.answered(Said(200), manners, later), Finish())
        self.assertFalse(manners.circuit.is_open)
        self.assertEqual(manners.stats.kept_back, 2)


def mood(script: int, now: float, chance: random.Random) -> Answer:
    """What a server in that mood answers: every seven seconds another; a script of 0 is down."""
    wait = chance.uniform(0.0, 3.0)
    dice = random.Random(script * 1_000_003 + int(now / 7)).randrange(7) if script else 0
    return (
        Silence.NOT_CONNECTED,
        Silence.LOST,
        refusal(503, Submitted.NO, wait),
        refusal(429, Submitted.NO, wait),
        accepted(wait),
        document("running"),
        Said(200),
    )[dice]


class OutageTest(unittest.TestCase):
    """Whatever becomes of the server, no more than a tenth of the first attempts comes on top,
    beside what a budget has at its start; nothing is sent behind a deadline."""

    def test_no_outage_multiplies_what_is_offered(self) -> None:
        for seed in range(20):
            with self.subTest(seed=seed):
                self.storm(seed)

    def storm(self, seed: int) -> None:
        manners, chance = Manners(Rules(), seed), random.Random(seed + 1)
        errands = [Errand.submission(number / 10 + 30) for number in range(1_000)]
        dues = [(number / 10, number) for number in range(len(errands))]
        begun: set[int] = set()
        requests = 0
        while dues:
            now, number = heapq.heappop(dues)
            errand = errands[number]
            if number in begun:
                requests += 1
                self.assertGreater(errand.left(now), 0)
                step = errand.answered(mood(seed, now, chance), manners, now)
            else:
                begun.add(number)
                step = errand.begin(manners, now)
            if isinstance(step, (Send, Poll, Fetch)):
                heapq.heappush(dues, (now + step.after, number))
            stats = manners.stats
            self.assertLessEqual(stats.repetitions, 10 + stats.first_attempts / 10)
        stats = manners.stats
        self.assertEqual(requests, stats.offered + stats.polls + stats.fetches)
        self.assertEqual(stats.first_attempts + stats.kept_back, 1_000)
        self.assertLessEqual(stats.offered, 1.2 * max(stats.first_attempts, 100))
