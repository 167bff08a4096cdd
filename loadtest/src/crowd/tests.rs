//! Clients against servers that serve, that hold, and that are not there. Counts only.

use super::callers::{Callers, Course};
use super::manner::{Manner, Then};
use super::script::{Flood, Script};
use super::tally::Slice;
use super::*;
use crate::floor::queue::Queue;
use crate::footprint::Footprint;
use crate::request::post;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const ALL: std::ops::Range<Duration> = Duration::ZERO..Duration::from_secs(60);

/// Tries again after a moment.
struct Brisk {
    request: Vec<u8>,
    patience: Duration,
}

impl Brisk {
    fn new(target: SocketAddr, patience: Duration) -> Self {
        Self { request: post(target, "/v1/tasks/sleep", "application/json", b"{}"), patience }
    }
}

impl Manner for Brisk {
    fn begin(&mut self, _: usize, _: Instant) -> bool {
        true
    }

    fn call(&mut self, _: usize, _: Instant) -> Call<'_> {
        Call { request: &self.request, patience: self.patience }
    }

    fn then(&mut self, _: usize, ended: &Ended<'_>) -> Then {
        match ended.how {
            How::Answered(_) => Then::Done,
            How::GaveUp | How::Broken(_) => Then::Again(ended.ended_at + Duration::from_millis(5)),
        }
    }
}

fn queue(workers: usize, service: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let queue = Queue::start(listener, workers, service).unwrap();
    let target = queue.address().unwrap();
    thread::spawn(move || queue.run());
    target
}

fn play(target: SocketAddr, script: Script, patience: Duration) -> Course {
    let callers = Callers::new(script, Brisk::new(target, patience), Footprint::default());
    callers.play(target).unwrap()
}

fn steady(per_second: f64, until_ms: u64) -> Script {
    Script { connections: 100, ..Script::steady(per_second, Duration::from_millis(until_ms)) }
}

fn sum(course: &Course) -> Slice {
    course.tally.within(ALL)
}

#[test]
fn what_arrives_is_done_and_nothing_is_tried_twice() {
    let target = queue(4, Duration::from_millis(1));
    let mut script = steady(200.0, 60_000);
    // Nothing more arrives, and the run ends when it is all over.
    script.stages.push(script::Stage { from: Duration::from_millis(250), per_second: 0.0 });
    script.until = Duration::from_secs(2);
    let told = sum(&play(target, script, Duration::from_secs(60)));
    assert_eq!((told.first, told.offered, told.done), (50, 50, 50));
    assert_eq!((told.admitted.len(), told.gave_up, told.broken), (50, 0, 0));
}

#[test]
fn whoever_waits_too_long_leaves_and_comes_back() {
    let target = queue(1, Duration::from_secs(3_600));
    let course = play(target, steady(20.0, 500), Duration::from_millis(20));
    let told = sum(&course);
    assert!(told.offered > told.first && told.gave_up >= told.first, "{told:?}");
    assert_eq!((told.done, told.broken), (0, 0));
    assert!(course.lateness.max_ms > 0.0);
}

#[test]
fn a_server_that_is_not_there_is_tried_again() {
    // A port that was let go may be another test's by now; this one the system gives to nobody.
    let target = SocketAddr::from(([127, 0, 0, 1], 1));
    let told = sum(&play(target, steady(20.0, 300), Duration::from_secs(1)));
    assert!(told.broken > told.first && told.first > 0, "{told:?}");
}

#[test]
fn there_are_never_more_connections_than_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicU64::new(0));
    let count = accepted.clone();
    thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            held.push(stream);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let script = Script { connections: 3, ..steady(200.0, 300) };
    let told = sum(&play(target, script, Duration::from_secs(60)));
    assert_eq!((told.offered, told.done), (3, 0));
    assert!(accepted.load(Ordering::Relaxed) <= 3);
}

#[test]
fn a_flood_goes_on_from_operation_to_operation_until_it_is_over() {
    let target = queue(8, Duration::from_millis(1));
    let (from, until) = (Duration::from_millis(100), Duration::from_millis(400));
    let flood = Flood { clients: 8, from, spread: Duration::from_millis(50), until };
    let script = Script { stages: Vec::new(), flood: Some(flood), ..steady(1.0, 800) };
    let course = play(target, script, Duration::from_secs(60));
    let told = sum(&course);
    assert!(told.done > 16, "{told:?}");
    assert_eq!((told.done, told.offered), (told.first, told.first));
    assert_eq!(course.tally.within(Duration::ZERO..from).offered, 0);
    assert_eq!(course.tally.within(until..ALL.end).offered, 0);
}
