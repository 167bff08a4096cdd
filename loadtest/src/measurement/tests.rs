//! The rules of a run, asked of it directly with made-up times.

use super::*;
use crate::response::Response;

static NEVER: AtomicBool = AtomicBool::new(false);

fn plan(rate: Option<u32>) -> Plan {
    let shape = LoadShape { target: "127.0.0.1:1".parse().unwrap(), bytes: 16, emails: 1, seed: 1 };
    Plan {
        work: Work::Echo,
        shape,
        connections: 2,
        warmup: Duration::from_secs(1),
        measured: Duration::from_secs(1),
        rate: rate.map(|rate| rate.try_into().unwrap()),
        pid: None,
    }
}

fn refuse(run: &mut Run, slot: usize, at: Instant) {
    let response = Response { status: 503, head: b"", body: b"" };
    run.answered(Exchange { slot, sent_at: at, answered_at: at, response });
}

fn accept(run: &mut Run, slot: usize, at: Instant) {
    let response = Response { status: 202, head: b"", body: b"" };
    run.answered(Exchange { slot, sent_at: at, answered_at: at, response });
}

#[test]
fn an_open_loop_counts_latency_from_the_due_time_and_not_from_sending() {
    let start = Instant::now();
    let mut run = Run::start(&plan(Some(1)), &NEVER, start);
    let second = start + Duration::from_secs(1);
    assert!(matches!(run.next(0, start, start), Next::Send(_)));
    assert!(matches!(run.next(1, start, start), Next::Wait(at) if at == second));
    // The connection was free half a second after the due time and was served at once.
    let free = second + Duration::from_millis(500);
    assert!(matches!(run.next(1, free, free), Next::Send(_)));
    accept(&mut run, 1, free + Duration::from_millis(100));
    assert!(run.score.latency.max() >= Duration::from_millis(599));
    assert!(run.score.lateness.max() < Duration::from_millis(1));
}

#[test]
fn a_generator_that_dozes_is_late_by_itself() {
    let start = Instant::now();
    let mut run = Run::start(&plan(Some(1)), &NEVER, start);
    assert!(matches!(run.next(0, start, start), Next::Send(_)));
    let dozed = start + Duration::from_millis(1_250);
    assert!(matches!(run.next(1, start, dozed), Next::Send(_)));
    assert!(run.score.lateness.max() >= Duration::from_millis(249));
}

#[test]
fn nothing_of_the_warmup_counts() {
    let start = Instant::now();
    let mut run = Run::start(&plan(None), &NEVER, start);
    assert!(matches!(run.next(0, start, start), Next::Send(_)));
    refuse(&mut run, 0, start + Duration::from_millis(1_500));
    assert_eq!(run.score.errors(), 0);
    let counted = start + Duration::from_millis(1_500);
    assert!(matches!(run.next(0, counted, counted), Next::Send(_)));
    refuse(&mut run, 0, counted);
    assert_eq!(run.score.errors(), 1);
}

#[test]
fn after_the_end_connections_retire_and_late_answers_are_waited_for() {
    let start = Instant::now();
    let mut run = Run::start(&plan(None), &NEVER, start);
    let end = start + Duration::from_secs(2);
    assert!(matches!(run.next(0, end, end), Next::Retire));
    assert!(matches!(run.turn(end + GRACE), Turn::Until(_)));
    assert_eq!(run.turn(end + GRACE + Duration::from_millis(1)), Turn::Stop);
}

#[test]
fn requests_that_never_got_a_connection_are_known() {
    let start = Instant::now();
    let mut run = Run::start(&plan(Some(10)), &NEVER, start);
    assert!(matches!(run.next(0, start, start), Next::Send(_)));
    assert_eq!(run.unsent(), 19);
}

#[test]
fn a_run_that_is_over_ends_early_and_counts_what_was_due_until_then() {
    let start = Instant::now();
    let is_over = AtomicBool::new(false);
    let mut run = Run::start(&plan(Some(10)), &is_over, start);
    let late = start + Duration::from_millis(1_250);
    assert!(matches!(run.turn(late), Turn::Until(_)));
    is_over.store(true, Ordering::Relaxed);
    assert!(matches!(run.turn(late), Turn::Until(_)));
    assert!(matches!(run.next(0, late, late), Next::Send(_)));
    assert_eq!(run.unsent(), 12);
    assert_eq!(run.turn(late + GRACE + GLANCE), Turn::Stop);
}
