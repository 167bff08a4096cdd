//! What the decisions are, written down: errands by chance, each answer and what is to be done after
//! it. The Python client reads the same file and has to decide the same
//! (`clients/python/tests/test_agreement.py`). Times are multiples of an eighth of a second, which
//! every kind of number holds exactly, and there is no jitter.

use super::*;
use overtime_protocol::{Submitted, TaskId, TaskState};
use std::fmt::Write as _;

const FILE: &str = include_str!("../../../clients/python/tests/errands.txt");

const SCRIPTS: u64 = 100;

/// Set to write the file anew.
const WRITE: &str = "OVERTIME_CLIENT_WRITE_ERRANDS";

/// An eighth of a second.
const UNIT: Duration = Duration::from_millis(125);

const STATUSES: [u16; 18] =
    [200, 200, 200, 202, 202, 204, 302, 401, 404, 408, 409, 422, 425, 429, 500, 502, 503, 503];

const STATES: [TaskState; 5] = [
    TaskState::Running,
    TaskState::Retrying,
    TaskState::Parked,
    TaskState::Succeeded,
    TaskState::Cancelled,
];

#[test]
fn both_clients_decide_the_same() {
    let decided: String = (0..SCRIPTS).map(script).collect();
    if std::env::var_os(WRITE).is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/python/tests/errands.txt");
        std::fs::write(path, &decided).unwrap();
        return;
    }
    for (written, now) in FILE.lines().zip(decided.lines()) {
        assert_eq!(written, now, "what was decided before ({WRITE}=1 writes it anew)");
    }
    assert_eq!(FILE.lines().count(), decided.lines().count());
}

/// Some errands, one after the other, with one budget.
fn script(seed: u64) -> String {
    let never = Backoff { first: Duration::ZERO, most: Duration::ZERO };
    let allowance = Allowance { initial: 2, most: 4, percent: 50 };
    let rules = Rules {
        allowance,
        repetitions: never,
        polls: never,
        probes: never,
        hold_most: Duration::from_secs(20),
    };
    let mut text = format!("script {seed}\n");
    let (mut manners, mut dice) = (Manners::new(rules, 0), Dice(Random::new(seed)));
    let mut now = Monotonic(0);
    for _ in 0..4 {
        now = errand(&mut manners, now, &mut dice, &mut text);
    }
    let Stats { first_attempts, repetitions, polls, fetches, denied, kept_back } = manners.stats();
    let stats = [first_attempts, repetitions, polls, fetches, denied, kept_back];
    let stats: Vec<String> = stats.map(|count| count.to_string()).into();
    writeln!(text, "stats {}", stats.join(" ")).unwrap();
    text
}

fn errand(
    manners: &mut Manners,
    mut now: Monotonic,
    dice: &mut Dice,
    text: &mut String,
) -> Monotonic {
    let span = UNIT * dice.below(400) as u32;
    let (mut errand, purpose) = match dice.below(4) {
        0 => (Errand::question(now + span), "question"),
        1 => (Errand::waiting(task(), now + span), "waiting"),
        _ => (Errand::submission(now + span), "submission"),
    };
    writeln!(text, "errand {purpose} {} {}", units(now), units(now + span)).unwrap();
    let mut next = errand.begin(manners, now);
    writeln!(text, "  begin > {}", told(&next)).unwrap();
    loop {
        let after = match next {
            Next::Send { after } | Next::Poll { after, .. } | Next::Fetch { after, .. } => after,
            Next::Authenticate if dice.below(3) > 0 => {
                next = errand.authenticated(manners, now);
                writeln!(text, "  authenticated {} > {}", units(now), told(&next)).unwrap();
                continue;
            }
            Next::Authenticate | Next::Done | Next::GiveUp(_) => break,
        };
        now = now + after + UNIT * dice.below(60) as u32;
        let answer = dice.answer();
        next = errand.answered(&answer, manners, now);
        writeln!(text, "  {} {} > {}", units(now), shown(&answer), told(&next)).unwrap();
    }
    let known = if errand.task().is_some() { "known" } else { "unknown" };
    writeln!(text, "  end {} {known}", errand.submitted().name()).unwrap();
    now
}

fn task() -> TaskId {
    TaskId::from_key(1).unwrap()
}

/// In eighths of a second.
fn units(at: Monotonic) -> u64 {
    at.0 / UNIT.as_nanos() as u64
}

fn span_units(span: Duration) -> u128 {
    span.as_nanos() / UNIT.as_nanos()
}

fn told(next: &Next) -> String {
    match next {
        Next::Send { after } => format!("send {}", span_units(*after)),
        Next::Authenticate => "authenticate".to_owned(),
        Next::Poll { after, hold, .. } => {
            format!("poll {} {}", span_units(*after), hold.as_micros())
        }
        Next::Fetch { after, .. } => format!("fetch {}", span_units(*after)),
        Next::Done => "done".to_owned(),
        Next::GiveUp(Why::Deadline) => "give-up deadline".to_owned(),
        Next::GiveUp(Why::Budget) => "give-up budget".to_owned(),
        Next::GiveUp(Why::Unreachable(_)) => "give-up unreachable".to_owned(),
        Next::GiveUp(Why::Parked) => "give-up parked".to_owned(),
    }
}

/// An answer as its members, a dash for each that is not there.
fn shown(answer: &Answer) -> String {
    let said = match answer {
        Answer::NotConnected => return "not-connected".to_owned(),
        Answer::Lost => return "lost".to_owned(),
        Answer::Said(said) => said,
    };
    let dash = || "-".to_owned();
    let wait = said.retry_after.map_or_else(dash, |span| span_units(span).to_string());
    let task = if said.task.is_some() { "task" } else { "-" };
    let state = said.state.map_or("-", TaskState::name);
    let (retryable, submitted) = match said.verdict {
        Some(verdict) => (verdict.retryable.to_string(), verdict.submitted.name()),
        None => (dash(), "-"),
    };
    format!("said {} {wait} {task} {state} {retryable} {submitted}", said.status)
}

struct Dice(Random);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn answer(&mut self) -> Answer {
        match self.below(8) {
            0 => Answer::NotConnected,
            1 => Answer::Lost,
            _ => Answer::Said(self.said()),
        }
    }

    fn said(&mut self) -> Said {
        let wait = UNIT * self.below(80) as u32;
        let verdict = Verdict {
            retryable: self.below(3) > 0,
            submitted: self.of(&[Submitted::No, Submitted::Yes, Submitted::Unknown]),
        };
        let (status, state) = (self.of(&STATUSES), self.of(&STATES));
        Said {
            status,
            retry_after: (self.below(2) > 0).then_some(wait),
            task: (self.below(3) > 0).then(task),
            state: (self.below(3) > 0).then_some(state),
            verdict: (status >= 300 && self.below(2) > 0).then_some(verdict),
        }
    }
}
