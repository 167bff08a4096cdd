//! Peers that take their time: what they cost the others, and when they are given up.

#![expect(clippy::disallowed_methods, reason = "a slow reader takes its time")]

use crate::support::{Server, echo, limits, read_all, read_until, start, statuses, submit};
use overtime_core::{Counters, Limits, Mail};
use overtime_protocol::MemoryPressure;
use std::io::{ErrorKind, Read as _, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENT: Duration = Duration::from_millis(100);

/// Sends a byte whenever nothing has come for a while, until something does.
fn dribble(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENT / 10)).unwrap();
    let mut first = [0];
    loop {
        match stream.read(&mut first) {
            Ok(0) => return String::new(),
            Ok(_) => break,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
                stream.write_all(b"x").unwrap();
            }
        }
    }
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    format!("{}{}", char::from(first[0]), read_all(stream))
}

fn begin(server: &Server, text: &str) -> TcpStream {
    let mut stream = server.connect();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

#[test]
fn a_body_that_dribbles_is_a_408_although_it_never_stops() {
    let limits = Limits { body_progress_timeout: PATIENT, rate_min: 1 << 20, ..limits() };
    let server = start(limits);
    for framing in ["Content-Length: 100000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut stream = begin(&server, &submit("sink", framing));
        if framing.starts_with('T') {
            stream.write_all(b"ffff\r\n").unwrap();
        }
        assert_eq!(statuses(&dribble(&mut stream)), ["408"], "{framing}");
    }
}

#[test]
fn a_head_that_dribbles_is_a_408() {
    let server = start(Limits { head_timeout: PATIENT, ..limits() });
    let mut stream = begin(&server, "POST /v1/tasks/echo HTTP/1.1\r\nX: ");
    assert_eq!(statuses(&dribble(&mut stream)), ["408"]);
}

#[test]
fn whoever_does_not_read_its_answers_is_closed() {
    let server = start(Limits { body_progress_timeout: PATIENT, ..limits() });
    let mut stream = server.connect();
    let request = echo(&"x".repeat(1 << 20));
    // Until the buffers on the way are full, and then to its end.
    while stream.write_all(request.as_bytes()).is_ok() {}
    server.wait_until(|snapshot| snapshot.connections == 0);
    assert_eq!(server.inspect().core.timed_out, 1);
}

/// The poll tells of room only when much of the socket's buffer is free, which takes it longer than
/// it may rest.
#[test]
fn whoever_reads_slowly_but_steadily_is_not_closed() {
    const BYTES: usize = 15 << 20;
    let http = overtime_protocol::http::Limits { body_max_bytes: 1 << 24, ..limits().http };
    let server = start(Limits { http, body_progress_timeout: PATIENT, ..limits() });
    let mut stream = server.connect();
    stream.write_all(echo(&"x".repeat(BYTES)).as_bytes()).unwrap();
    let (mut taken, mut piece) = (0, vec![0; 128 * 1024]);
    while taken < BYTES {
        stream.read_exact(&mut piece).unwrap();
        taken += piece.len();
        std::thread::sleep(PATIENT / 5);
    }
    assert_eq!(server.inspect().core.timed_out, 0);
}

/// The buffers on the way take some of its answer after it was first said to be stuck.
#[test]
fn whoever_does_not_read_is_closed_before_one_that_may_rest_for_half_as_long_again() {
    let http = overtime_protocol::http::Limits { body_max_bytes: 1 << 24, ..limits().http };
    let (rest, longer) = (Duration::from_millis(1_000), Duration::from_millis(1_600));
    let limits = Limits { http, body_progress_timeout: rest, idle_timeout: longer, ..limits() };
    let server = start(limits);
    let _unread = begin(&server, &echo(&"x".repeat(15 << 20)));
    server.wait_until(|snapshot| snapshot.core.bytes_written > 1 << 20);
    let mut idle = begin(&server, &echo("in"));
    read_until(&mut idle, "\r\n\r\nin");
    assert_eq!(read_all(&mut idle), "");
    assert_eq!(server.inspect().connections, 0);
}

#[test]
fn a_newcomer_takes_the_place_of_one_that_only_holds_its_own() {
    let server = start(Limits { connections_max: 40, ..limits() });
    let owed: Vec<TcpStream> =
        (0..10).map(|_| begin(&server, &submit("never", "Content-Length: 0\r\n"))).collect();
    server.wait_until(|snapshot| snapshot.engine.waiters == 10);
    let mut silent: Vec<TcpStream> = (0..10).map(|_| server.connect()).collect();
    let head = "POST /v1/tasks/echo HTTP/1.1\r\n";
    let mut heads: Vec<TcpStream> = (0..10).map(|_| begin(&server, head)).collect();
    let body = submit("sink", "Content-Length: 10\r\n");
    let mut bodies: Vec<TcpStream> = (0..10).map(|_| begin(&server, &body)).collect();
    server.wait_until(|snapshot| snapshot.connections == 40);
    let mut callers = Vec::new();
    for count in 1..=30 {
        let mut caller = begin(&server, &submit("never", "Content-Length: 0\r\n"));
        caller.flush().unwrap();
        server.wait_until(|snapshot| snapshot.engine.waiters == 10 + count);
        callers.push(caller);
    }
    let counted = server.inspect();
    assert_eq!((counted.core.displaced + counted.core.timed_out, counted.connections), (30, 40));
    assert_eq!(counted.engine.waiters, 40, "whoever is owed an answer has kept its place");
    assert!(silent.iter_mut().all(|stream| read_all(stream).is_empty()));
    for stream in heads.iter_mut().chain(&mut bodies) {
        assert_eq!(statuses(&read_all(stream)), ["408"]);
    }
    drop(owed);
}

#[test]
fn as_places_run_out_nobody_is_waited_for_as_long_as_before() {
    let limits = Limits { connections_max: 40, idle_timeout: PATIENT * 20, ..limits() };
    let server = start(limits);
    let mut idle: Vec<TcpStream> = (0..30).map(|_| server.connect()).collect();
    for stream in &mut idle {
        stream.write_all(echo("in").as_bytes()).unwrap();
        read_until(stream, "in");
    }
    // A quarter of the time, until there are enough places again.
    server.wait_until(|snapshot| snapshot.core.timed_out == 1);
    assert_eq!(server.inspect().connections, 29);
    server.wait_until(|snapshot| snapshot.connections == 0);
    assert_eq!(server.inspect().core.displaced, 0);
}

/// Some hundred that do not get on, three times as many as there are places, beside one that asks.
#[test]
fn a_crowd_that_dribbles_does_not_keep_a_caller_out() {
    let limits = Limits { connections_max: 150, rate_min: 1024, ..limits() };
    let server = start(limits);
    let head = "POST /v1/tasks/echo HTTP/1.1\r\nX: ".to_owned();
    let body = submit("sink", "Content-Length: 100000\r\n");
    let opening = [String::new(), head, body];
    let mut crowd: Vec<TcpStream> = (0..300).map(|n| begin(&server, &opening[n % 3])).collect();
    let mut kept = begin(&server, &echo("first"));
    read_until(&mut kept, "first");
    for call in 0..300 {
        let slow = &mut crowd[call];
        // It is closed, or not let in yet.
        if slow.write_all(b"x").is_err() {
            *slow = begin(&server, &opening[call % 3]);
        }
        kept.write_all(echo("kept").as_bytes()).unwrap();
        read_until(&mut kept, "kept");
        if call % 30 == 0 {
            let mut new = begin(&server, &echo("new"));
            assert!(read_until(&mut new, "new").starts_with("HTTP/1.1 200"));
        }
    }
    assert!(server.inspect().connections <= 150);
    assert!(server.inspect().core.displaced > 0);
}

#[test]
fn native_connections_that_only_hold_their_places_go_too() {
    let server = start(Limits { connections_max: 4, ..limits() });
    let hello = {
        use overtime_protocol::native::{Hello, Request, write};
        let mut bytes = Vec::new();
        write(0, &Request::Hello(Hello::from("test")), 0, &mut bytes).unwrap();
        bytes
    };
    let mut native: Vec<TcpStream> = (0..4).map(|_| server.connect()).collect();
    for stream in &mut native {
        stream.write_all(&hello).unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
    }
    let mut caller = begin(&server, &echo("in"));
    read_until(&mut caller, "in");
    assert_eq!(native[0].read(&mut [0; 4096]).unwrap(), 0, "the one that was idle longest");
    assert_eq!(server.inspect().connections, 4);
}

#[test]
fn while_memory_is_used_up_no_more_are_let_in_than_there_are() {
    let limits = Limits { connections_max: 1000, ..limits() };
    let server = start(limits);
    server.mailbox.push(Mail::MemoryPressure(MemoryPressure::Full));
    assert_eq!(server.inspect().core.connections_max, 64, "there is always a way in");
    let result =
        "GET /v1/tasks/01KAHP5ZQ00000000000000000/result HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let refused = read_until(&mut begin(&server, result), "}");
    assert!(refused.contains("\"code\":\"memory\"") && refused.contains("Retry-After: 2"));
    server.mailbox.push(Mail::MemoryPressure(MemoryPressure::Alarm));
    assert_eq!(server.inspect().core.connections_max, 1000);
    let never = submit("never", "Content-Length: 0\r\n");
    let waiting: Vec<TcpStream> = (0..70).map(|_| begin(&server, &never)).collect();
    server.wait_until(|snapshot| snapshot.engine.waiters == 70);
    server.mailbox.push(Mail::MemoryPressure(MemoryPressure::Full));
    assert_eq!(server.inspect().core.connections_max, 70);
    let mut late = begin(&server, &submit("nobody", "Content-Length: 0\r\n"));
    late.set_read_timeout(Some(PATIENT)).unwrap();
    let error = late.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    server.mailbox.push(Mail::MemoryPressure(MemoryPressure::Fine));
    late.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(read_until(&mut late, "\r\n\r\n").starts_with("HTTP/1.1 404"));
    drop(waiting);
}

#[test]
fn callers_that_hold_every_place_for_an_answer_are_held_no_longer_than_a_second() {
    let server = start(Limits { connections_max: 16, ..limits() });
    let text = server.talk(submit("never?wait=0s", "Content-Length: 0\r\n").as_bytes());
    let at = text.find("Location: ").unwrap() + 10;
    let path = text[at..].split("\r\n").next().unwrap();
    let poll = format!("GET {path}?wait=60s HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let held: Vec<TcpStream> = (0..14).map(|_| begin(&server, &poll)).collect();
    server.wait_until(|snapshot| snapshot.engine.waiters == 14);
    let mut late = Vec::new();
    for _ in 0..4 {
        let mut stream = begin(&server, &poll);
        assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 200"));
        assert_eq!(server.inspect().engine.waiters, 14);
        late.push(stream);
    }
    let Counters { displaced, timed_out, .. } = server.inspect().core;
    assert!(displaced + timed_out >= 2, "{displaced} and {timed_out}");
    drop(held);
}

#[test]
fn followers_go_when_nobody_else_can() {
    let server = start(Limits { connections_max: 8, ..limits() });
    let text = server.talk(submit("never?wait=0s", "Content-Length: 0\r\n").as_bytes());
    let at = text.find("Location: ").unwrap() + 10;
    let path = text[at..].split("\r\n").next().unwrap();
    let follow = format!("GET {path}/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut followers: Vec<TcpStream> = (0..8).map(|_| begin(&server, &follow)).collect();
    for follower in &mut followers {
        assert!(read_until(follower, "\r\n\r\n").starts_with("HTTP/1.1 200"));
    }
    let mut late = begin(&server, &submit("nobody", "Content-Length: 0\r\n"));
    assert!(read_until(&mut late, "\r\n\r\n").starts_with("HTTP/1.1 404"));
    assert_eq!(server.inspect().core.followers, 7);
}
