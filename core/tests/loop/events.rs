//! Following a task: each event once, in order, until the last.

use crate::support::{Server, echo, limits, read_all, read_until, start, statuses, submit};
use overtime_core::{Limits, Snapshot};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

/// Starts a task of `steps` chunks that waits to be let go, and returns its address.
fn start_steps(server: &Server, steps: u32) -> String {
    let steps = steps.to_string();
    let length = format!("Content-Length: {}\r\nPrefer: respond-async\r\n", steps.len());
    let text = server.talk(format!("{}{steps}", submit("steps", &length)).as_bytes());
    let (_, location) = text.split_once("Location: ").unwrap_or_else(|| panic!("{text}"));
    location.lines().next().unwrap().to_owned()
}

fn request(task: &str, fields: &str) -> String {
    format!("GET {task}/events HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

/// Follows the task; the head is read.
fn follow(server: &Server, task: &str, fields: &str) -> TcpStream {
    let mut stream = server.connect();
    stream.write_all(request(task, fields).as_bytes()).unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/event-stream\r\n"), "{head}");
    stream
}

/// Reads the body to its end, and takes it out of its chunks.
fn read_body(stream: &mut TcpStream) -> String {
    let (mut body, text) = (String::new(), read_until(stream, "\r\n0\r\n\r\n"));
    let mut rest = &*text;
    loop {
        let (size, behind) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.push_str(&behind[..size]);
        rest = behind[size..].strip_prefix("\r\n").unwrap();
    }
}

/// The ids of the events, and the states that they tell.
fn parse(body: &str) -> (Vec<u64>, Vec<&str>) {
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name:?} in {event:?}")).to_owned()
    };
    let events = body.split_terminator("\n\n").filter(|event| !event.starts_with(':'));
    let ids = events.clone().map(|event| field(event, "id: ").parse().unwrap()).collect();
    let states = events.filter_map(|event| event.split_once("\"state\":\"")).map(|(_, rest)| {
        let (state, _) = rest.split_once('"').unwrap();
        state
    });
    (ids, states.collect())
}

fn ids(body: &str) -> Vec<u64> {
    parse(body).0
}

#[test]
fn whoever_follows_from_wherever_sees_each_event_once_and_the_last_one_last() {
    let server = start(limits());
    let task = start_steps(&server, 300);
    let mut early = follow(&server, &task, "");
    server.let_go();
    read_until(&mut early, "event: progress");
    let mut later = follow(&server, &task, "");
    let third = ids(&read_body(&mut follow(&server, &task, "")));
    let later = read_body(&mut later);
    let (all, states) = parse(&later);
    assert_eq!(states, ["queued", "running", "succeeded"]);
    assert_eq!(all.len(), 303);
    assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
    assert_eq!(third, all);
    for seen in [0, 1, 49, 50, 150, 301] {
        let last = format!("Last-Event-ID: {}\r\n", all[seen]);
        let rest = ids(&read_body(&mut follow(&server, &task, &last)));
        assert_eq!(rest, all[seen + 1..], "behind the event at {seen}");
    }
}

#[test]
fn those_that_come_and_go_while_it_runs_miss_nothing() {
    let server = start(limits());
    let task = start_steps(&server, 2_000);
    let mut steady = follow(&server, &task, "");
    server.let_go();
    let (mut seen, mut last) = (Vec::new(), 0);
    for round in 1.. {
        let mut restless = follow(&server, &task, &format!("Last-Event-ID: {last}\r\n"));
        let mut text = String::new();
        for _ in 0..round {
            text.push_str(&read_until(&mut restless, "\n\n"));
            if text.contains("\"succeeded\"") {
                break;
            }
        }
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
        seen.extend(ids.map(|id| id.parse::<u64>().unwrap()));
        last = *seen.last().unwrap();
        if text.contains("\"succeeded\"") {
            break;
        }
    }
    assert_eq!(seen, ids(&read_body(&mut steady)));
    assert_eq!(seen.len(), 2_003);
}

#[test]
fn many_followers_share_what_is_published() {
    let server = start(Limits { connections_max: 400, ..limits() });
    let task = start_steps(&server, 40);
    let mut followers: Vec<_> = (0..300).map(|_| follow(&server, &task, "")).collect();
    server.wait_until(|snapshot| snapshot.core.followers == 300);
    server.let_go();
    for follower in &mut followers {
        assert_eq!(ids(&read_body(follower)).len(), 43);
    }
    server.wait_until(|snapshot| snapshot.core.followers == 0);
    let core = server.inspect().core;
    assert_eq!((core.events_written, core.followers_slow), (300 * 43, 0));
}

#[test]
fn what_stands_behind_the_request_is_answered_behind_the_stream() {
    let server = start(limits());
    let task = start_steps(&server, 3);
    let mut stream = server.connect();
    stream.write_all(format!("{}{}", request(&task, ""), echo("next")).as_bytes()).unwrap();
    server.wait_until(|snapshot| snapshot.core.followers == 1);
    assert_eq!(server.inspect().core.requests, 2);
    server.let_go();
    let text = read_until(&mut stream, "next");
    assert_eq!(statuses(&text), ["200", "200"]);
    let (events, _) = text.split_once("\r\n0\r\n\r\nHTTP/1.1").unwrap();
    assert!(events.ends_with("\n\n") && events.contains("\"succeeded\""), "{events}");
}

#[test]
fn whoever_has_the_last_event_is_told_that_nothing_follows() {
    let server = start(limits());
    let task = start_steps(&server, 0);
    let mut stream = follow(&server, &task, "");
    server.let_go();
    let all = ids(&read_body(&mut stream));
    let last = format!("Last-Event-ID: {}\r\n", all.last().unwrap());
    let text = server.talk(request(&task, &last).as_bytes());
    assert_eq!(statuses(&text), ["204"], "{text}");
    // An id that the task never had: better twice than never.
    let unknown = ids(&read_body(&mut follow(&server, &task, "Last-Event-ID: 99999\r\n")));
    assert_eq!(unknown, all);
    server.wait_until(|snapshot| snapshot.core.followers == 0);
}

#[test]
fn heads_old_clients_and_unknown_tasks_follow_their_rules() {
    let server = start(limits());
    let task = start_steps(&server, 2);
    let head = request(&task, "").replace("GET", "HEAD");
    let text = server.talk(format!("{head}{}", echo("next")).as_bytes());
    assert_eq!(statuses(&text), ["200", "200"], "{text}");
    assert!(text.contains("text/event-stream") && !text.contains("data:"), "{text}");
    server.let_go();
    let all = ids(&read_body(&mut follow(&server, &task, "")));
    let old = request(&task, "").replace("HTTP/1.1", "HTTP/1.0");
    let text = server.talk(old.as_bytes());
    assert!(text.contains("Connection: close") && !text.contains("chunked"), "{text}");
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(ids(body), all, "{text}");
    let unknown = request("/v1/tasks/01KAHP5ZQ00000000000000000", "");
    assert_eq!(statuses(&server.talk(unknown.as_bytes())), ["404"]);
    server.wait_until(|snapshot| snapshot.core.followers == 0);
}

#[test]
fn silence_is_broken_by_comments() {
    let server = start(Limits { heartbeat: Duration::from_millis(5), ..limits() });
    let task = start_steps(&server, 1);
    let mut stream = follow(&server, &task, "");
    let text = read_until(&mut stream, ":\n\n\r\n3\r\n:\n\n\r\n");
    assert!(text.contains("\"queued\""), "{text}");
    server.let_go();
    assert!(read_body_from(text, &mut stream).contains("\"succeeded\""));
}

fn read_body_from(before: String, stream: &mut TcpStream) -> String {
    format!("{before}{}", read_until(stream, "\r\n0\r\n\r\n"))
}

#[test]
fn one_that_does_not_read_is_closed() {
    let server = start(limits());
    let task = start_steps(&server, 30_000);
    let deaf = follow(&server, &task, "");
    server.let_go();
    // How much the system takes in for it is the system's affair: either so much is left that it has
    // lost events, or it takes none of the rest.
    server.wait_until(|Snapshot { core, .. }| core.followers_slow + core.timed_out == 1);
    drop(deaf);
}

#[test]
fn one_that_reads_the_past_slowly_gets_all_of_it() {
    let server = start(limits());
    let task = start_steps(&server, 30_000);
    server.let_go();
    server.wait_until(|snapshot| snapshot.engine.succeeded == 1);
    let mut stream = server.connect();
    let old = request(&task, "").replace("HTTP/1.1", "HTTP/1.0");
    stream.write_all(old.as_bytes()).unwrap();
    // By then the socket is about to be full, and what is left of a page is put away.
    server.wait_until(|snapshot| snapshot.core.events_written > 20_000);
    let text = read_all(&mut stream);
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let all = ids(body);
    assert_eq!(all.len(), 30_003);
    assert!(all.is_sorted_by(|one, next| one < next));
    assert_eq!(server.inspect().core.followers_slow, 0);
}

#[test]
fn one_that_hangs_up_is_forgotten() {
    let server = start(limits());
    let task = start_steps(&server, 1);
    let mut gone = server.connect();
    gone.write_all(request(&task, "").as_bytes()).unwrap();
    server.wait_until(|snapshot| snapshot.core.events_written > 0);
    // It has not read what it was sent, so the system resets the connection.
    drop(gone);
    server.wait_until(|snapshot| snapshot.core.followers == 0);
}

#[test]
fn at_the_end_every_stream_ends_in_order() {
    let server = start(Limits { drain_grace: Duration::ZERO, ..limits() });
    let task = start_steps(&server, 1);
    let mut stream = follow(&server, &task, "");
    read_until(&mut stream, "\n\n\r\n");
    server.stop().unwrap();
    assert!(read_all(&mut stream).ends_with("0\r\n\r\n"));
}
