//! Requests and their answers, however they come.

use crate::support::{Server, echo, limits, read_all, read_until, start, statuses, submit};
use overtime_core::Mail;
use std::io::{Read as _, Write};

#[test]
fn a_half_close_is_not_a_hang_up() {
    let server = start(limits());
    let text = server.talk(echo("hello").as_bytes());
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.ends_with("\r\n\r\nhello"), "{text}");
}

#[test]
fn pipelined_requests_are_answered_in_order_one_at_a_time() {
    let server = start(limits());
    let bodies = ["one", "two", "three", "four", "five"];
    let text = server.talk(bodies.map(echo).concat().as_bytes());
    assert_eq!(statuses(&text), ["200"; 5]);
    let places = bodies.map(|body| text.find(body).unwrap());
    assert!(places.is_sorted());
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = start(limits());
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for byte in echo("dribble").bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    assert!(read_until(&mut stream, "dribble").starts_with("HTTP/1.1 200"));
}

#[test]
fn nothing_behind_a_refused_message_is_run() {
    let server = start(limits());
    let smuggled = format!(
        "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        echo("smuggled")
    );
    let text = server.talk(smuggled.as_bytes());
    assert_eq!(statuses(&text), ["400"]);
    assert!(text.contains("application/problem+json") && text.contains("Connection: close"));
    assert!(!text.contains("smuggled"), "{text}");
}

#[test]
fn garbage_on_one_connection_hurts_no_other() {
    let server = start(limits());
    let mut good = server.connect();
    good.write_all(echo("first").as_bytes()).unwrap();
    read_until(&mut good, "first");
    for garbage in
        [&b"\x00\x01\x02"[..], b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"\x16\x03\x01"]
    {
        server.talk(garbage);
    }
    good.write_all(echo("second").as_bytes()).unwrap();
    read_until(&mut good, "second");
}

#[test]
fn an_unknown_kind_with_a_short_body_keeps_the_connection() {
    let server = start(limits());
    let unknown =
        "POST /v1/tasks/nobody HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody";
    let text = server.talk(format!("{unknown}{}", echo("next")).as_bytes());
    assert_eq!(statuses(&text), ["404", "200"]);
}

#[test]
fn a_refused_long_body_is_never_taken_for_requests() {
    let server = start(limits());
    let mut long =
        "POST /v1/tasks/nobody HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n"
            .to_owned();
    while long.len() < 200_000 {
        long.push_str(&echo("inside"));
    }
    let mut stream = server.connect();
    stream.write_all(long.as_bytes()).unwrap();
    let text = read_all(&mut stream);
    assert_eq!(statuses(&text), ["404"]);
    assert!(!text.contains("inside"), "{text}");
}

#[test]
fn expect_continue_is_answered_before_the_body_and_refused_without_it() {
    let server = start(limits());
    let head = "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    assert!(read_until(&mut stream, "hello").starts_with("HTTP/1.1 200"));

    let mut stream = server.connect();
    stream.write_all(head.replace("echo", "nobody").as_bytes()).unwrap();
    let text = read_all(&mut stream);
    assert_eq!(statuses(&text), ["404"]);
}

/// A body that has begun shows that its sender does not wait to be asked (RFC 9110, section
/// 10.1.1), and an interim answer would only stand in the way of the real one.
#[test]
fn nobody_is_asked_for_a_body_that_has_begun() {
    let server = start(limits());
    let expecting =
        |request: &str| request.replacen("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1);
    let mut stream = server.connect();
    stream.write_all(expecting(&echo("hello")).as_bytes()).unwrap();
    assert!(read_until(&mut stream, "hello").starts_with("HTTP/1.1 200"));

    let task = start_one(&server);
    let ask = format!(
        "GET {task} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    );
    let text = server.talk(expecting(&ask).as_bytes());
    assert_eq!(statuses(&text), ["200"], "{text}");

    let broken = "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense";
    assert_eq!(statuses(&server.talk(expecting(broken).as_bytes())), ["400"]);
}

/// The address of a task that does not end.
fn start_one(server: &Server) -> String {
    let text = server.talk(b"POST /v1/tasks/never?wait=0s HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (_, location) = text.split_once("Location: ").unwrap();
    location.lines().next().unwrap().to_owned()
}

/// Large chunks are read where they stay, and what is behind the last one is a request.
#[test]
fn a_large_chunked_body_is_whole_and_what_follows_is_the_next_request() {
    let server = start(limits());
    let body: String = (0..60_000).map(|number| format!("{number},")).collect();
    let (mut text, mut rest, mut size) = (submit("echo", CHUNKED), &*body, 1);
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(rest.len().min(size));
        text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
        (rest, size) = (behind, size * 3 % 100_003);
    }
    text.push_str("0\r\n\r\n");
    let mut stream = server.connect();
    for part in text.as_bytes().chunks(50_000) {
        stream.write_all(part).unwrap();
    }
    stream.write_all(echo("next").as_bytes()).unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").contains("HTTP/1.1 200"));
    let mut answer = vec![0; body.len()];
    stream.read_exact(&mut answer).unwrap();
    assert!(answer == body.as_bytes());
    assert!(read_until(&mut stream, "next").starts_with("HTTP/1.1 200"));
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

#[test]
fn a_declared_length_over_the_limit_is_refused_on_the_head() {
    let server = start(limits());
    let mut stream = server.connect();
    let head = "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(statuses(&read_all(&mut stream)), ["413"]);
}

#[test]
fn a_large_answer_goes_to_a_slow_reader_whole() {
    let server = start(limits());
    let body = "0123456789abcdef".repeat(60_000);
    let mut stream = server.connect();
    stream.write_all(echo(&body).as_bytes()).unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.contains("Content-Length: 960000"), "{head}");
    let mut answer = vec![0; body.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, body.as_bytes());
}

#[test]
fn head_and_http_1_0_follow_their_rules() {
    let server = start(limits());
    let text = server
        .talk(b"HEAD /v1/tasks/01KAHP5ZQ00000000000000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(statuses(&text), ["404"]);
    assert!(text.ends_with("\r\n\r\n"), "a HEAD has no body: {text}");
    let mut old = server.connect();
    old.write_all(b"POST /v1/tasks/echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nold").unwrap();
    let text = read_all(&mut old);
    assert!(text.contains(" 200 ") && text.ends_with("old"), "{text}");
}

#[test]
fn a_disk_that_is_nearly_full_refuses_new_work_on_its_head() {
    let server = start(limits());
    let tell = |is_low| {
        server.mailbox.push(Mail::Space { is_low, over: Vec::new() });
        // The mailbox keeps its order, so the core knows by the time it has answered this.
        server.inspect();
    };
    tell(true);
    let refused = server.talk(echo("x").as_bytes());
    assert_eq!(statuses(&refused), ["503"]);
    assert!(refused.contains("\"code\":\"disk\"") && refused.contains("Retry-After"), "{refused}");
    tell(false);
    assert_eq!(statuses(&server.talk(echo("x").as_bytes())), ["200"]);
}
