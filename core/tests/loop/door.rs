//! Crowds at the door: how many come and go in one turn, and whom it concerns. What a turn does for
//! them is counted, never timed.

#![expect(clippy::disallowed_methods, reason = "a core waits until the test starts it")]

use crate::support::{echo, engine_limits, limits, read_until, start, start_on};
use crossbeam_channel::bounded;
use overtime_core::{Core, Limits};
use std::io::{Read as _, Write};
use std::net::TcpStream;
use std::time::Duration;

const CROWD: usize = 300;
/// No more come in, or go out, in one turn.
const A_FEW: u64 = 16;
const WITHIN_A_HEAD: &str = "POST /v1/tasks/echo HTTP/1.1\r\nX: ";

fn roomy() -> Limits {
    Limits { connections_max: 10 * CROWD, ..limits() }
}

/// All of them are there before the core first looks, so it could let them all in in one turn.
#[test]
fn a_crowd_comes_in_and_goes_out_a_few_at_a_time() {
    let (start, started) = bounded(1);
    let limits = Limits { head_timeout: Duration::from_millis(50), ..roomy() };
    let server = start_on(limits, engine_limits(), move |core: Core| {
        started.recv().expect("the test starts it");
        core.run()
    });
    let mut crowd: Vec<TcpStream> = (0..CROWD).map(|_| server.connect()).collect();
    for stream in crowd.iter_mut().step_by(2) {
        stream.write_all(WITHIN_A_HEAD.as_bytes()).unwrap();
    }
    start.send(()).unwrap();
    for stream in &mut crowd {
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        assert!(heard.is_empty() || heard.starts_with(b"HTTP/1.1 408 "));
    }
    drop(crowd);
    server.wait_until(|snapshot| snapshot.connections == 0);
    let core = server.inspect().core;
    assert_eq!((core.accepted, core.timed_out), (CROWD as u64, CROWD as u64));
    assert!((1..=A_FEW).contains(&core.turn_accepts_max), "{}", core.turn_accepts_max);
    assert!((1..=A_FEW).contains(&core.turn_leaves_max), "{}", core.turn_leaves_max);
}

/// They have been answered and hang up all at once.
#[test]
fn a_crowd_that_hangs_up_is_closed_a_few_at_a_time() {
    let server = start(roomy());
    let mut crowd: Vec<TcpStream> = (0..CROWD).map(|_| server.connect()).collect();
    for stream in &mut crowd {
        stream.write_all(echo("in").as_bytes()).unwrap();
        read_until(stream, "in");
    }
    drop(crowd);
    server.wait_until(|snapshot| snapshot.connections == 0);
    let core = server.inspect().core;
    assert!((1..=A_FEW).contains(&core.turn_leaves_max), "{}", core.turn_leaves_max);
}

/// Ten of forty places are free, and then eleven as soon as the first is told that its time is up: so the
/// others have all of theirs, although it takes its time to leave.
#[test]
fn those_who_are_about_to_leave_hurry_nobody() {
    let limits = Limits { connections_max: 40, head_timeout: Duration::from_secs(12), ..limits() };
    let server = start(limits);
    let mut crowd: Vec<TcpStream> = (0..30).map(|_| server.connect()).collect();
    for stream in &mut crowd {
        stream.write_all(WITHIN_A_HEAD.as_bytes()).unwrap();
    }
    server.wait_until(|snapshot| snapshot.core.timed_out > 0);
    server.wait_until(|snapshot| snapshot.connections == 29);
    assert_eq!(server.inspect().core.timed_out, 1);
}
