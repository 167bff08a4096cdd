//! Bounds in time and number.

#![expect(clippy::disallowed_methods, reason = "a core waits until the test starts it")]

use crate::support::{
    echo, engine_limits, limits, read_all, read_until, start, start_on, statuses, submit,
};
use crossbeam_channel::bounded;
use overtime_core::{Core, Limits};
use std::io::{ErrorKind, Read as _, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn a_head_that_does_not_come_is_a_408_and_silence_is_closed_silently() {
    let limits = Limits { head_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let mut silent = server.connect();
    assert_eq!(read_all(&mut silent), "");
    let mut slow = server.connect();
    slow.write_all(b"POST /v1/tasks/echo HTT").unwrap();
    assert_eq!(statuses(&read_all(&mut slow)), ["408"]);
}

#[test]
fn a_body_that_stops_is_a_408() {
    let limits = Limits { body_progress_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let mut stream = server.connect();
    stream.write_all(&echo("stops half-way").as_bytes()[..70]).unwrap();
    assert_eq!(statuses(&read_all(&mut stream)), ["408"]);
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let limits = Limits { idle_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let mut stream = server.connect();
    stream.write_all(echo("once").as_bytes()).unwrap();
    assert_eq!(statuses(&read_all(&mut stream)), ["200"]);
}

/// A turn that only refuses leaves alone what nobody has asked for, but not longer than until it is
/// due.
#[test]
fn what_is_due_is_done_however_many_are_refused_meanwhile() {
    let server = start(limits());
    let mut waiting = server.connect();
    let asked = submit("never?wait=50ms", "Content-Length: 0\r\n");
    waiting.write_all(asked.as_bytes()).unwrap();
    server.wait_until(|snapshot| snapshot.engine.waiters == 1);
    server.refuse_others_until_heard(&waiting);
    assert_eq!(statuses(&read_until(&mut waiting, "\r\n\r\n")), ["202"]);
}

#[test]
fn at_its_limit_of_connections_the_server_lets_in_the_next_when_one_is_answered() {
    let limits = Limits { connections_max: 2, ..limits() };
    let server = start(limits);
    let mut held: Vec<TcpStream> = (0..2).map(|_| server.connect()).collect();
    for stream in &mut held {
        stream.write_all(submit("held", "Content-Length: 0\r\n").as_bytes()).unwrap();
    }
    server.wait_until(|snapshot| snapshot.engine.waiters == 2);
    let mut third = server.connect();
    third.write_all(echo("late").as_bytes()).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let error = third.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    server.let_go();
    third.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    read_until(&mut third, "late");
}

/// As after a pause of the whole machine. Whoever finds no room in the kernel's queue tries again after
/// a second, and then after two and four.
#[test]
fn a_thousand_may_come_while_the_core_does_not_look() {
    let (start, started) = bounded(1);
    let server = start_on(limits(), engine_limits(), move |core: Core| {
        started.recv().expect("the test starts it");
        core.run()
    });
    let patience = Duration::from_secs(20);
    let come = |_| TcpStream::connect_timeout(&server.address, patience).unwrap();
    let streams: Vec<TcpStream> = (0..1000).map(come).collect();
    start.send(()).unwrap();
    drop(streams);
}

/// All of it has come before the core first looks, so it could read it all in one turn.
#[test]
fn many_bodies_at_once_are_read_in_many_turns() {
    let (start, started) = bounded(1);
    let server = start_on(limits(), engine_limits(), move |core: Core| {
        started.recv().expect("the test starts it");
        core.run()
    });
    let body = "x".repeat(100_000);
    let mut streams: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(echo(&body).replace("/echo", "/sink").as_bytes()).unwrap();
    }
    start.send(()).unwrap();
    for stream in &mut streams {
        assert!(read_until(stream, "\r\n\r\n").starts_with("HTTP/1.1 200"));
    }
    let most = server.inspect().core.turn_bytes_read_max;
    assert!(most < 1_300_000, "{most} bytes were read in one turn");
}
