//! Outages by chance: many errands that share their manners, a server whose moods a seed decides, and
//! a clock that jumps from one event to the next.

use super::*;
use overtime_protocol::{Submitted, TaskId, TaskState};
use std::collections::BinaryHeap;

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> Monotonic {
    Monotonic(ms * 1_000_000)
}

fn task(key: u64) -> TaskId {
    TaskId::from_key(key).unwrap()
}

fn refusal(status: u16, submitted: Submitted, retry_after: Option<Duration>) -> Said {
    let verdict = Some(Verdict { retryable: true, submitted });
    Said { verdict, retry_after, ..Said::of(status) }
}

fn accepted(key: u64, retry_after: Option<Duration>) -> Said {
    Said { task: Some(task(key)), retry_after, ..Said::of(202) }
}

fn document(key: u64, state: TaskState) -> Answer {
    Answer::Said(Said { task: Some(task(key)), state: Some(state), ..Said::of(200) })
}

fn plenty() -> Manners {
    let allowance = Allowance { initial: 100, most: 100, percent: 10 };
    Manners::new(Rules { allowance, ..Rules::default() }, 1)
}

/// An errand that was sent at 0 and has a minute.
fn sent(manners: &mut Manners) -> Errand {
    let mut errand = Errand::submission(at(60_000));
    assert_eq!(errand.begin(manners, at(0)), Next::Send { after: Duration::ZERO });
    errand
}

#[test]
fn what_the_server_asks_for_is_the_least_that_is_waited() {
    let mut manners = plenty();
    for status in [429, 503] {
        let mut errand = sent(&mut manners);
        let said = refusal(status, Submitted::No, Some(7 * SECOND));
        let Next::Send { after } = errand.answered(&Answer::Said(said), &mut manners, at(10))
        else {
            panic!("{status} may be repeated")
        };
        assert!(after >= 7 * SECOND && after < 8 * SECOND, "{after:?}");
    }
}

#[test]
fn what_cannot_come_in_time_is_given_up_at_once() {
    let mut manners = plenty();
    let mut errand = sent(&mut manners);
    let said = Answer::Said(refusal(503, Submitted::No, Some(61 * SECOND)));
    assert_eq!(errand.answered(&said, &mut manners, at(10)), Next::GiveUp(Why::Deadline));
    assert_eq!(errand.submitted(), Submitted::No);
    assert_eq!(manners.stats().repetitions, 0);
    let mut late = Errand::question(at(5));
    assert_eq!(late.begin(&mut manners, at(5)), Next::GiveUp(Why::Deadline));
}

#[test]
fn only_what_may_help_is_repeated() {
    let mut manners = plenty();
    for status in [400, 403, 404, 409, 413, 422, 500, 501] {
        let answer = Answer::Said(Said::of(status));
        assert_eq!(sent(&mut manners).answered(&answer, &mut manners, at(1)), Next::Done);
    }
    let verdict = Some(Verdict { retryable: false, submitted: Submitted::No });
    let final_refusal = Answer::Said(Said { verdict, ..Said::of(503) });
    assert_eq!(sent(&mut manners).answered(&final_refusal, &mut manners, at(1)), Next::Done);
}

#[test]
fn a_202_is_followed_to_the_result() {
    let mut manners = plenty();
    let mut errand = sent(&mut manners);
    let next = errand.answered(&Answer::Said(accepted(3, Some(SECOND))), &mut manners, at(100));
    let hold = at(60_000).since(at(1_100)) - SECOND;
    assert_eq!(next, Next::Poll { task: task(3), after: SECOND, hold });
    let next = errand.answered(&document(3, TaskState::Running), &mut manners, at(1_101));
    let Next::Poll { after, .. } = next else { panic!("{next:?}") };
    assert!(
        after >= Duration::from_millis(120),
        "it was not held, so the next is put off: {after:?}"
    );
    let next = errand.answered(&document(3, TaskState::Running), &mut manners, at(20_000));
    let Next::Poll { after, .. } = next else { panic!("{next:?}") };
    assert_eq!(after, Duration::ZERO, "it was held for long");
    let next = errand.answered(&document(3, TaskState::Succeeded), &mut manners, at(25_000));
    assert_eq!(next, Next::Fetch { task: task(3), after: Duration::ZERO });
    assert_eq!(errand.answered(&Answer::Said(Said::of(200)), &mut manners, at(25_001)), Next::Done);
    let stats = manners.stats();
    assert_eq!((stats.first_attempts, stats.repetitions), (1, 0));
    assert_eq!((stats.polls, stats.fetches), (3, 1));
}

#[test]
fn whoever_is_out_of_time_or_patience_still_knows_the_task() {
    let mut manners = plenty();
    let mut errand = sent(&mut manners);
    let said = Answer::Said(accepted(3, Some(90 * SECOND)));
    assert_eq!(errand.answered(&said, &mut manners, at(10)), Next::GiveUp(Why::Deadline));
    assert_eq!((errand.task(), errand.submitted()), (Some(task(3)), Submitted::Yes));
    let mut errand = sent(&mut manners);
    let parked = Said { state: Some(TaskState::Parked), ..accepted(4, None) };
    let next = errand.answered(&Answer::Said(parked), &mut manners, at(10));
    assert_eq!(next, Next::GiveUp(Why::Parked));
}

#[test]
fn work_that_is_accepted_although_the_answer_is_a_refusal_is_asked_for() {
    let mut manners = plenty();
    let mut errand = sent(&mut manners);
    let said = Said { task: Some(task(3)), ..refusal(503, Submitted::Yes, None) };
    let next = errand.answered(&Answer::Said(said), &mut manners, at(10));
    assert!(matches!(next, Next::Poll { .. }), "{next:?}");
    assert_eq!(manners.stats().repetitions, 1, "which is paid for like any other");
}

#[test]
fn a_new_key_is_asked_for_once() {
    let mut manners = plenty();
    let mut errand = sent(&mut manners);
    let unknown = Answer::Said(Said::of(401));
    assert_eq!(errand.answered(&unknown, &mut manners, at(1)), Next::Authenticate);
    assert_eq!(manners.stats().repetitions, 0, "there may be no other key");
    let again = errand.authenticated(&mut manners, at(1));
    assert_eq!(again, Next::Send { after: Duration::ZERO });
    assert_eq!(manners.stats().repetitions, 1);
    assert_eq!(errand.answered(&unknown, &mut manners, at(2)), Next::Done);
    let allowance = Allowance { initial: 0, most: 0, percent: 0 };
    let mut poor = Manners::new(Rules { allowance, ..Rules::default() }, 1);
    let next = sent(&mut poor).answered(&unknown, &mut poor, at(1));
    assert_eq!(next, Next::Done, "a key that nobody takes must not double what is sent");
}

#[test]
fn a_refusal_says_nothing_about_an_answer_that_was_lost_before() {
    let mut manners = plenty();
    let mut errand = sent(&mut manners);
    errand.answered(&Answer::NotConnected, &mut manners, at(1));
    assert_eq!(errand.submitted(), Submitted::No);
    errand.answered(&Answer::Lost, &mut manners, at(2));
    errand.answered(&Answer::Said(refusal(503, Submitted::No, None)), &mut manners, at(3));
    assert_eq!(errand.submitted(), Submitted::Unknown);
    errand.answered(&Answer::Said(accepted(3, None)), &mut manners, at(4));
    assert_eq!(errand.submitted(), Submitted::Yes);
}

#[test]
fn nobody_knocks_where_nobody_listens() {
    let mut manners = Manners::new(Rules::default(), 1);
    let mut errand = Errand::submission(at(10_000_000));
    errand.begin(&mut manners, at(0));
    let mut now = at(0);
    while let Next::Send { after } = errand.answered(&Answer::NotConnected, &mut manners, now) {
        now = now + after;
    }
    assert_eq!((manners.budget_left(), manners.is_circuit_open()), (0, true));
    let mut next = Errand::submission(now + SECOND);
    assert!(matches!(next.begin(&mut manners, now), Next::GiveUp(Why::Unreachable(_))));
    let later = now + 60 * SECOND;
    let mut probe = Errand::submission(later + SECOND);
    assert_eq!(probe.begin(&mut manners, later), Next::Send { after: Duration::ZERO });
    let mut beside = Errand::submission(later + SECOND);
    assert!(matches!(beside.begin(&mut manners, later), Next::GiveUp(Why::Unreachable(_))));
    assert_eq!(probe.answered(&Answer::Said(Said::of(200)), &mut manners, later), Next::Done);
    assert!(!manners.is_circuit_open());
    assert_eq!(manners.stats().kept_back, 2);
}

/// One request of a storm on its way: the heap gives the earliest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: std::cmp::Reverse<Monotonic>,
    errand: usize,
}

/// What a server in that mood answers.
fn mood(script: u64, now: Monotonic, random: &mut Random) -> Answer {
    let wait = Some(random.up_to(3 * SECOND));
    // Each second of a script has a mood of its own; a script of 0 is down all the time.
    let mut dice = Random::new(script.wrapping_mul(now.0 / 1_000_000_000 / 7 + 1));
    match if script == 0 { 0 } else { dice.next_u64() % 7 } {
        0 => Answer::NotConnected,
        1 => Answer::Lost,
        2 => Answer::Said(refusal(503, Submitted::No, wait)),
        3 => Answer::Said(refusal(429, Submitted::No, wait)),
        4 => Answer::Said(accepted(1 + random.next_u64() % 1000, wait)),
        5 => document(1 + random.next_u64() % 1000, TaskState::Running),
        _ => Answer::Said(Said::of(200)),
    }
}

/// Whatever becomes of the server, no more than a tenth of the first attempts comes on top, beside
/// what a budget has at its start; nothing is sent behind a deadline.
#[test]
fn no_outage_multiplies_what_is_offered() {
    for seed in 0..100 {
        storm(seed);
    }
}

fn storm(seed: u64) {
    const ERRANDS: u64 = 1_000;
    let (mut manners, mut random) = (Manners::new(Rules::default(), seed), Random::new(seed + 1));
    let begin_at = |number: u64| at(number * 100);
    let mut errands: Vec<Errand> =
        (0..ERRANDS).map(|number| Errand::submission(begin_at(number) + 30 * SECOND)).collect();
    let mut begun = vec![false; errands.len()];
    let mut dues: BinaryHeap<Due> = (0..ERRANDS)
        .map(|number| Due { at: std::cmp::Reverse(begin_at(number)), errand: number as usize })
        .collect();
    let mut requests = 0;
    while let Some(Due { at: std::cmp::Reverse(now), errand: number }) = dues.pop() {
        let errand = &mut errands[number];
        let next = if std::mem::replace(&mut begun[number], true) {
            requests += 1;
            assert!(errand.left(now) > Duration::ZERO, "seed {seed}: sent behind the deadline");
            errand.answered(&mood(seed, now, &mut random), &mut manners, now)
        } else {
            errand.begin(&mut manners, now)
        };
        let after = match next {
            Next::Send { after } | Next::Poll { after, .. } | Next::Fetch { after, .. } => after,
            Next::Authenticate | Next::Done | Next::GiveUp(_) => continue,
        };
        dues.push(Due { at: std::cmp::Reverse(now + after), errand: number });
        let stats = manners.stats();
        assert!(stats.repetitions <= 10 + stats.first_attempts / 10, "seed {seed}: {stats:?}");
    }
    let stats = manners.stats();
    assert_eq!(requests, stats.offered() + stats.polls + stats.fetches, "seed {seed}: {stats:?}");
    assert_eq!(stats.first_attempts + stats.kept_back, ERRANDS);
    assert!(stats.offered() * 10 <= stats.first_attempts.max(100) * 12, "seed {seed}: {stats:?}");
}
