//! Requests that are taken, and how they are understood.

use crate::drive::{FIELDS, Said, feed, feed_every_way, request};
use overtime_protocol::http::{Field, Limits, Method, Version};

/// Good requests, also the seeds of the mutations. Each is one request.
pub(crate) const GOOD: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "POST /v1/tasks/echo?wait=5s HTTP/1.1\r\nHost: localhost:7070\r\nUser-Agent: curl/8.5.0\r\n\
     Accept: */*\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: [::1]:7070\r\nTransfer-Encoding: chunked\r\n\r\n\
     5\r\nhello\r\n00A;a=b;c=\"d;\\\"\";e\r\n0123456789\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n\
     1\r\nx\r\n0;last\r\nDigest: \tabc, d\r\nX:\r\n\r\n",
    "GET http://a.example/b?c HTTP/1.1\r\nhOsT:A.EXAMPLE\r\nPrefer: wait=1\r\n\
     PREFER:\trespond-async \t\r\nConnection: close\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
];

#[test]
fn every_good_request_is_one_request_however_it_is_cut() {
    for text in GOOD {
        request(text.as_bytes());
    }
}

#[test]
fn a_curl_request_is_understood() {
    let (head, body) = request(GOOD[3].as_bytes());
    assert_eq!((head.method, head.version), (Method::Post, Version::Http11));
    assert_eq!((head.path(), head.query()), ("/v1/tasks/echo", Some("wait=5s")));
    assert_eq!(head.field(Field::Host), Some("localhost:7070"));
    assert_eq!(head.field(Field::ContentType), Some("text/plain"));
    assert_eq!(head.field(Field::Accept), Some("*/*"));
    assert_eq!(head.field(Field::Prefer), None);
    assert_eq!(head.declared_length(), Some(5));
    assert!(head.keep_alive() && !head.expects_continue());
    assert_eq!(body, b"hello");
}

fn with_line(line: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n")
}

#[test]
fn methods_are_told_apart_by_case_and_all() {
    for (name, method) in [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("DELETE", Method::Delete),
        ("OPTIONS", Method::Options),
        ("get", Method::Other),
        ("PATCH", Method::Other),
        ("M-SEARCH", Method::Other),
    ] {
        let (head, _) = request(format!("{name} / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(head.method, method, "{name}");
    }
}

#[test]
fn a_post_without_a_length_has_an_empty_body() {
    for method in ["POST", "PUT", "PATCH"] {
        let text = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        let (head, body) = request(text.as_bytes());
        assert_eq!((head.declared_length(), body), (Some(0), vec![]));
    }
}

#[test]
fn bodies_are_cut_where_their_framing_says() {
    let post = |framing: &str, rest: &str| {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{rest}");
        let (head, body) = request(text.as_bytes());
        (head.declared_length(), String::from_utf8(body).unwrap())
    };
    assert_eq!(post("Content-Length: 0", ""), (Some(0), String::new()));
    assert_eq!(post("Content-Length: \t2 ", "hi"), (Some(2), "hi".into()));
    assert_eq!(post("Content-Length: 0000000000000000002", "hi"), (Some(2), "hi".into()));
    let chunked = |rest| post("Transfer-Encoding: chunked", rest);
    assert_eq!(chunked("0\r\n\r\n"), (None, String::new()));
    assert_eq!(chunked("2\r\n\r\n\r\n0\r\n\r\n"), (None, "\r\n".into()));
    assert_eq!(chunked("0000000000000002\r\nhi\r\n000\r\n\r\n"), (None, "hi".into()));
    assert_eq!(chunked("a\r\n0123456789\r\nB\r\n0123456789X\r\n0\r\n\r\n").1.len(), 21);
    assert_eq!(chunked("1;a\r\nx\r\n1;a=b\r\ny\r\n0\r\n\r\n").1, "xy");
    assert_eq!(chunked("1;a=\"\";b=\"\\\"; \t\"\r\nx\r\n0;z=1\r\n\r\n").1, "x");
    assert_eq!(chunked("1\r\nx\r\n0\r\nA: b\r\nContent-Length: 9\r\nC:\r\n\r\n").1, "x");
}

#[test]
fn a_body_of_many_segments_is_whole() {
    let body: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut plain = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len())
        .into_bytes();
    plain.extend_from_slice(&body);
    let mut chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for (at, chunk) in body.chunks(70_001).enumerate() {
        chunked.extend_from_slice(format!("{:x};n={at}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    for message in [plain, chunked] {
        for piece in [1_000, 65_536, message.len()] {
            let (taken, said) = feed(message.chunks(piece), &Limits::default());
            assert_eq!(taken, message.len());
            assert!(matches!(&said[..], [Said::Head(_), Said::Body(all)] if *all == body));
        }
    }
}

#[test]
fn lists_are_joined_and_other_values_are_trimmed() {
    let (head, _) = request(
        b"GET / HTTP/1.1\r\nAccept: a/b\r\nHost: a\r\nIf-None-Match: \"x\"\r\naccept:\r\n\
          Prefer: wait=1;\ta=\"b, c\"\r\nPriority: u=1\r\nACCEPT: \t c/d,e/f \r\n\
          if-none-match: W/\"y\"\r\nX-Other: \xff\r\nPrefer:handling=strict\r\npriority: i\r\n\r\n",
    );
    assert_eq!(head.field(Field::Accept), Some("a/b, , c/d,e/f"));
    assert_eq!(head.field(Field::IfNoneMatch), Some("\"x\", W/\"y\""));
    assert_eq!(head.field(Field::Prefer), Some("wait=1;\ta=\"b, c\", handling=strict"));
    assert_eq!(head.field(Field::Priority), Some("u=1, i"));
}

#[test]
fn every_kept_field_has_its_own_place() {
    let names = [
        "Host",
        "Authorization",
        "Content-Type",
        "Prefer",
        "Priority",
        "Idempotency-Key",
        "If-None-Match",
        "traceparent",
        "Origin",
        "Sec-Fetch-Site",
        "Accept",
        "Last-Event-ID",
    ];
    let lines: String =
        names.iter().enumerate().map(|(at, name)| format!("{name}: v{at}\r\n")).collect();
    let (head, _) = request(format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes());
    for (at, field) in FIELDS.into_iter().enumerate() {
        assert_eq!(head.field(field), Some(&*format!("v{at}")), "{field:?}");
    }
    assert!(!format!("{head:?}").contains("v1"), "no key is ever shown");
}

#[test]
fn the_connection_goes_on_as_version_and_options_say() {
    let check = |version: &str, line: &str, keeps: bool| {
        let text = format!("GET / {version}\r\nHost: a\r\n{line}\r\n");
        assert_eq!(request(text.as_bytes()).0.keep_alive(), keeps, "{version} {line}");
    };
    check("HTTP/1.1", "", true);
    check("HTTP/1.1", "Connection: close\r\n", false);
    check("HTTP/1.1", "Connection: x, CLOSE\r\n", false);
    check("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n", false);
    check("HTTP/1.1", "Connection: closed\r\n", true);
    check("HTTP/1.0", "", false);
    check("HTTP/1.0", "Connection: Keep-Alive\r\n", true);
    check("HTTP/1.0", "Connection: close, keep-alive\r\n", false);
}

#[test]
fn expectations_count_where_a_body_follows() {
    let check = |version: &str, lines: &str, body: &str, expects: bool| {
        let text = format!("POST / {version}\r\nHost: a\r\n{lines}\r\n\r\n{body}");
        assert_eq!(request(text.as_bytes()).0.expects_continue(), expects, "{version} {lines}");
    };
    let continued = "Expect: 100-continue\r\nContent-Length: 1";
    check("HTTP/1.1", continued, "x", true);
    check("HTTP/1.1", "Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked", "0\r\n\r\n", true);
    check("HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0", "", false);
    check("HTTP/1.1", "Expect: 100-continue", "", false);
    check("HTTP/1.0", continued, "x", false);
    check("HTTP/1.0", "Expect: tea\r\nExpect: tea\r\nContent-Length: 1", "x", false);
}

#[test]
fn hosts_and_absolute_targets_go_together() {
    for text in [
        "GET http://A.example:80/x HTTP/1.1\r\nHost: a.EXAMPLE:80\r\n\r\n",
        "GET HTTP://a.example:80/x HTTP/1.0\r\n\r\n",
        "GET http://[::1]/x HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    ] {
        assert_eq!(request(text.as_bytes()).0.path(), "/x", "{text}");
    }
    let (head, _) = request(b"GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.path(), head.query()), ("/", Some("q")));
    let (head, _) = request(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.path(), head.query()), ("*", None));
}

#[test]
fn each_limit_is_reached_and_not_passed() {
    let reached = |bytes: &[u8], limits: Limits| {
        let said = feed_every_way(bytes, &limits);
        assert!(matches!(said[..], [Said::Head(_), Said::Body(_)]), "{said:?}");
    };
    let (default, plain) = (Limits::default(), with_line("X: y"));
    reached(plain.as_bytes(), Limits { head_max_bytes: plain.len(), ..default });
    reached(plain.as_bytes(), Limits { fields_max: 2, ..default });
    let target = "/".repeat(20);
    let long = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    reached(long.as_bytes(), Limits { target_max_bytes: 20, ..default });
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A:\r\n".repeat(127));
    let (taken, said) = feed([many.as_bytes()], &Limits { fields_max: 1_000, ..default });
    assert_eq!((taken, said.len()), (many.len(), 2));
    let body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    reached(body, Limits { body_max_bytes: 2, ..default });
    let chunks = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                   1\r\nh\r\n1\r\ni\r\n0\r\n\r\n";
    reached(chunks, Limits { body_max_bytes: 2, ..default });
}

#[test]
fn joined_lists_stay_within_a_head_of_the_largest_size() {
    let mut head = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    while head.len() < 60_000 {
        head.extend_from_slice(b"Prefer: ");
        head.extend_from_slice(&[b'p'; 500]);
        head.extend_from_slice(b"\r\nAccept:\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let limits = Limits { head_max_bytes: usize::MAX, fields_max: usize::MAX, ..Limits::default() };
    let (_, said) = feed([&head[..]], &limits);
    assert!(matches!(said[..], [Said::Refused(_)]), "118 pairs are more than 128 fields");
    let mut head = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    for _ in 0..120 {
        head.extend_from_slice(b"Prefer:");
        head.extend_from_slice(&[b'p'; 530]);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let (_, said) = feed([&head[..]], &limits);
    let [Said::Head(head), Said::Body(_)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(head.field(Field::Prefer).map(str::len), Some(120 * 530 + 119 * 2));
}
