//! Native connections: bounds in time and number, and how they end.

#![expect(clippy::disallowed_methods, reason = "the test waits for the core's word")]

use crate::memory::{KIB, hold, start_small, wait_for_waiting};
use crate::support::{Server, echo, engine_limits, limits, read_until, start, start_on};
use crossbeam_channel::bounded;
use overtime_core::{Core, Limits, Mail};
use overtime_protocol::native::{self, Deframer, Hello, Reply, Request, Step, Submit, write};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

fn frame(id: u32, request: &Request, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(id, request, payload.len() as u64, &mut bytes).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}

fn hello() -> Vec<u8> {
    frame(0, &Request::Hello(Hello::from("test")), b"")
}

fn submit(id: u32, kind: &str, payload: &[u8]) -> Vec<u8> {
    frame(id, &Request::Submit(Box::new(Submit::to(kind))), payload)
}

/// What the server says until it ends the connection, or until there are `count` replies.
fn replies(stream: &mut TcpStream, count: usize) -> Vec<(u32, Reply, Vec<u8>)> {
    let (mut deframer, limits) = (Deframer::<Reply>::new(), native::Limits::default());
    let (mut replies, mut head, mut buffer) = (Vec::new(), None, vec![0; 1 << 16]);
    loop {
        let found = stream.read(&mut buffer).unwrap();
        if found == 0 {
            return replies;
        }
        let mut rest = &buffer[..found];
        loop {
            let (used, step) = deframer.advance(rest, &limits);
            rest = &rest[used..];
            match step.unwrap() {
                Step::More => break,
                Step::Head(frame) if frame.payload_len.is_some() => {
                    head = Some((frame.id, frame.message));
                }
                Step::Head(frame) => replies.push((frame.id, frame.message, Vec::new())),
                Step::Payload(payload) => {
                    let (id, reply) = head.take().unwrap();
                    replies.push((id, reply, payload.into()));
                }
                Step::Refused(id, problem) => panic!("{id}: {problem:?}"),
            }
        }
        if replies.len() >= count {
            return replies;
        }
    }
}

fn goodbyes(replies: &[(u32, Reply, Vec<u8>)]) -> Vec<&str> {
    replies
        .iter()
        .filter_map(|(_, reply, _)| match reply {
            Reply::Goodbye(goodbye) => Some(&*goodbye.code),
            _ => None,
        })
        .collect()
}

fn talk(server: &Server, bytes: &[u8]) -> Vec<(u32, Reply, Vec<u8>)> {
    let mut stream = server.connect();
    stream.write_all(bytes).unwrap();
    replies(&mut stream, usize::MAX)
}

#[test]
fn a_frame_that_stops_is_said_goodbye_to() {
    let head = Limits { head_timeout: Duration::from_millis(50), ..limits() };
    let body = Limits { body_progress_timeout: Duration::from_millis(50), ..limits() };
    let whole = submit(1, "echo", b"stops half-way");
    for (limits, cut) in [(head, 10), (head, 24), (body, whole.len() - 1)] {
        let server = start(limits);
        let replies = talk(&server, &[&hello(), &whole[..cut]].concat());
        assert!(matches!(replies[0].1, Reply::Welcome(_)));
        assert_eq!(goodbyes(&replies), ["request-timeout"], "{cut}");
        assert_eq!(replies.len(), 2);
    }
}

#[test]
fn a_first_frame_that_stops_is_said_goodbye_to() {
    let limits = Limits { head_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    assert_eq!(goodbyes(&talk(&server, &hello()[..3])), ["request-timeout"]);
}

#[test]
fn a_connection_with_nothing_in_flight_is_closed_after_its_time() {
    let limits = Limits { idle_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let replies = talk(&server, &[hello(), submit(1, "echo", b"once")].concat());
    assert_eq!((replies.len(), &*replies[1].2), (2, &b"once"[..]));
}

#[test]
fn one_that_waits_for_an_answer_is_not_idle() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(20),
        wait_default: Duration::from_millis(300),
        ..limits()
    };
    let server = start(limits);
    let replies = talk(&server, &[hello(), submit(1, "never", b"")].concat());
    let Reply::Answered(answered) = &replies[1].1 else { panic!("{replies:?}") };
    assert_eq!(answered.status, 202);
}

#[test]
fn a_client_that_reads_late_gets_every_answer() {
    let server = start(limits());
    let mut stream = server.connect();
    let mut writer = stream.try_clone().unwrap();
    let payload = vec![b'x'; 60_000];
    let expected = payload.clone();
    let writing = thread::spawn(move || {
        writer.write_all(&hello()).unwrap();
        for id in 1..=300 {
            writer.write_all(&submit(id, "echo", &payload)).unwrap();
        }
    });
    let replies = replies(&mut stream, 301);
    writing.join().unwrap();
    let mut ids: Vec<u32> = replies[1..].iter().map(|reply| reply.0).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=300).collect::<Vec<u32>>());
    assert!(replies[1..].iter().all(|reply| reply.2 == expected));
}

#[test]
fn both_protocols_are_served_side_by_side() {
    let server = start(limits());
    let (mut native, mut http) = (server.connect(), server.connect());
    native.write_all(&[hello(), submit(1, "never", b"")].concat()).unwrap();
    http.write_all(echo("beside").as_bytes()).unwrap();
    read_until(&mut http, "beside");
    native.write_all(&submit(2, "echo", b"still")).unwrap();
    let replies = replies(&mut native, 2);
    assert_eq!((replies[1].0, &*replies[1].2), (2, &b"still"[..]));
    // HTTP does not turn native half-way.
    http.write_all(&hello()).unwrap();
    assert!(read_until(&mut http, "\r\n").starts_with("HTTP/1.1 400"));
}

#[test]
fn answers_to_one_that_hung_up_go_to_nobody_else() {
    let limits = Limits { wait_default: Duration::from_millis(100), ..limits() };
    let server = start(limits);
    let mut gone = server.connect();
    gone.write_all(&[hello(), submit(1, "never", b"")].concat()).unwrap();
    // Who leaves with something unread resets the connection.
    gone.peek(&mut [0]).unwrap();
    drop(gone);
    // It may take the place of the first, and has the same id in flight, for longer.
    let longer = Submit { wait_ms: Some(300), ..Submit::to("never") };
    let longer = frame(1, &Request::Submit(Box::new(longer)), b"");
    let mut next = server.connect();
    next.write_all(&[hello(), longer].concat()).unwrap();
    assert_eq!(replies(&mut next, 2).len(), 2);
    let (inspect, snapshots) = bounded(1);
    server.mailbox.push(Mail::Inspect(inspect));
    assert_eq!(snapshots.recv().unwrap().core.undelivered, 1);
}

#[test]
fn a_client_that_never_reads_is_given_up_however_much_it_is_owed() {
    let limits = Limits { body_progress_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let mut stream = server.connect();
    stream.write_all(&hello()).unwrap();
    let echoes = (1..).map(|id| submit(id, "echo", &[b'x'; 60_000]));
    let error = echoes.into_iter().find_map(|echo| stream.write_all(&echo).err());
    let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(kinds.contains(&error.unwrap().kind()));
}

#[test]
fn a_failed_journal_is_told_to_every_request_in_flight() {
    let server = start(limits());
    let mut stream = server.connect();
    stream
        .write_all(&[hello(), submit(1, "never", b""), submit(2, "never", b"")].concat())
        .unwrap();
    stream.write_all(&frame(3, &Request::Ping, b"")).unwrap();
    replies(&mut stream, 1);
    server.mailbox.push(Mail::JournalFailed("the disk is gone".to_owned()));
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(text.matches("\"code\":\"journal-failed\"").count(), 3, "{text}");
    server.core.join().unwrap().unwrap();
}

#[test]
fn a_payload_waits_unread_for_memory_and_holds_back_what_is_behind_it() {
    let server = start_small(256, limits());
    let _held = hold(&server, [128 * KIB; 2]);
    let mut late = server.connect();
    let payload = vec![b'l'; 100 * KIB];
    let (sink, ping) = (submit(1, "sink", &payload), frame(2, &Request::Ping, b""));
    late.write_all(&[hello(), sink, ping].concat()).unwrap();
    wait_for_waiting(&server, 1);
    assert!(server.inspect().core.bytes_read < (256 + 70) * KIB as u64, "it is not read");
    server.let_go();
    let replies = replies(&mut late, 3);
    let ids: BTreeSet<u32> = replies.iter().map(|reply| reply.0).collect();
    assert_eq!(ids, [0, 1, 2].into());
    let core = server.inspect().core;
    assert_eq!((core.bodies_paused, core.bodies_waiting, core.bytes_reserved), (1, 0, 0));
}

#[test]
fn a_payload_that_is_given_up_leaves_its_memory_to_the_next() {
    let limits = Limits { body_progress_timeout: Duration::from_millis(200), ..limits() };
    let server = start_small(256, limits);
    let half = submit(1, "sink", &[b'f'; 128 * KIB]);
    let cut = half.len() - 1;
    // One hangs up, one stops half-way.
    let first = [server.connect(), server.connect()].map(|mut stream| {
        stream.write_all(&[&hello(), &half[..cut]].concat()).unwrap();
        stream
    });
    server.wait_until(|snapshot| snapshot.core.bytes_reserved == 256 * KIB as u64);
    let mut second = server.connect();
    second.write_all(&[hello(), submit(2, "sink", &[b's'; 100 * KIB])].concat()).unwrap();
    let [gone, _stopped] = first;
    drop(gone);
    assert_eq!(replies(&mut second, 2)[1].0, 2);
    server.wait_until(|snapshot| snapshot.core.bytes_reserved == 0);
}

/// All of it has come before the core first looks, so it could take it all in one turn.
#[test]
fn many_small_requests_at_once_are_taken_in_many_turns() {
    let (begin, begun) = bounded(1);
    let server = start_on(limits(), engine_limits(), move |core: Core| {
        begun.recv().expect("the test starts it");
        core.run()
    });
    let requests: Vec<u8> = (1..=180).flat_map(|id| submit(id, "sink", b"x")).collect();
    let mut streams: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&[&hello(), &requests[..]].concat()).unwrap();
    }
    begin.send(()).unwrap();
    for stream in &mut streams {
        assert_eq!(replies(stream, 181).len(), 181);
    }
    let most = server.inspect().core.turn_requests_max;
    assert!(most < 512 + 256, "{most} requests were taken in one turn");
}

#[test]
fn a_long_payload_is_hardly_copied() {
    let server = start(limits());
    let mut stream = server.connect();
    let payload = vec![b'x'; 1 << 20];
    stream.write_all(&[hello(), submit(1, "sink", &payload)].concat()).unwrap();
    replies(&mut stream, 2);
    let copied = server.inspect().core.bytes_copied;
    assert!(copied <= 64 * KIB as u64, "{copied}");
}
