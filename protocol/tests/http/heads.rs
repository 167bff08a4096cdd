//! Heads that are refused, by the name of what is wrong with them. Behind each stands a good
//! request that must never appear.

use crate::drive::check_refused;
use overtime_protocol::Code;
use overtime_protocol::http::{Deframer, Limits};

fn check(bytes: impl AsRef<[u8]>, code: Code) {
    check_refused(bytes.as_ref(), code, &Limits::default());
}

/// Checks GET requests with one more line.
fn check_lines(code: Code, lines: &[&str]) {
    for line in lines {
        check(format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"), code);
    }
}

#[test]
fn line_ends_that_are_not_crlf() {
    for text in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        check(text, Code::MalformedRequest);
    }
}

#[test]
fn control_characters() {
    for byte in (0..0x20).chain([0x7f]).filter(|byte| !b"\t\r\n".contains(byte)) {
        for before in [
            &b"G"[..],
            b"GET /",
            b"GET / HTTP/1.1\r\nHo",
            b"GET / HTTP/1.1\r\nX: y",
            b"GET / HTTP/1.1\r\nX: ",
        ] {
            let mut bytes = before.to_vec();
            bytes.push(byte);
            bytes.extend_from_slice(b"z HTTP/1.1\r\nHost: a\r\n\r\n");
            check(bytes, Code::MalformedRequest);
        }
    }
}

#[test]
fn whitespace_where_none_belongs() {
    check_lines(
        Code::MalformedRequest,
        &[" X: y", "\tX: y", "X: y\r\n folded", "X: y\r\n\tfolded", "X : y", "X\t: y", "X: y\r\n "],
    );
    for line in [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET / a HTTP/1.1",
        "\tGET / HTTP/1.1",
    ] {
        check(format!("{line}\r\nHost: a\r\n\r\n"), Code::MalformedRequest);
    }
    check("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Code::MalformedRequest);
    check("\r\n GET / HTTP/1.1\r\nHost: a\r\n\r\n", Code::MalformedRequest);
}

#[test]
fn names_that_are_no_token() {
    check_lines(
        Code::MalformedRequest,
        &[
            ": y", "X", "X y: z", "X(: y", "X@y: z", "\"X\": y", "X/y: z", "X[]: y", "{X}: y",
            "X,: y",
        ],
    );
    check("GET / HTTP/1.1\r\nHost: a\r\nX\u{e4}: y\r\n\r\n", Code::MalformedRequest);
}

#[test]
fn fields_that_stand_once_standing_twice() {
    for name in [
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "Traceparent",
        "Origin",
        "Sec-Fetch-Site",
        "Last-Event-ID",
    ] {
        check_lines(
            Code::MalformedRequest,
            &[
                &format!("{name}: a\r\n{name}: a"),
                &format!("{name}:\r\n{}: a", name.to_uppercase()),
            ],
        );
    }
    let expect = "Expect: 100-continue";
    check_lines(Code::MalformedRequest, &[&format!("{expect}\r\n{expect}")]);
}

#[test]
fn values_that_are_not_ascii_where_they_matter() {
    for name in ["Prefer", "Content-Type", "Authorization", "Connection", "If-None-Match"] {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: a\u{e4}\r\n\r\n");
        check(text, Code::MalformedRequest);
    }
    check("GET / HTTP/1.1\r\nHost: \u{e4}\r\n\r\n", Code::MalformedRequest);
    check(
        "GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\nAccept: \u{e4}\r\n\r\n",
        Code::MalformedRequest,
    );
}

#[test]
fn hosts() {
    check("GET / HTTP/1.1\r\n\r\n", Code::MalformedHost);
    check("GET http://a/ HTTP/1.1\r\n\r\n", Code::MalformedHost);
    for lines in [
        "Host:",
        "Host: a\r\nHost: a",
        "Host: a\r\nhost: b",
        "Host:\r\nHost: a",
        "Host: a b",
        "Host: a,b",
        "Host: u@a",
        "Host: u:p@a",
        "Host: a:b",
        "Host: a:99999",
        "Host: [::1",
        "Host: ::1",
        "Host: a/b",
        "Host: :80",
        "Host: http://a",
    ] {
        for version in ["1.0", "1.1"] {
            check(format!("GET / HTTP/{version}\r\n{lines}\r\n\r\n"), Code::MalformedHost);
        }
    }
    for target in ["http://a/", "http://a:80", "http://a", "http://h:81/"] {
        check(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"), Code::MalformedHost);
    }
    for target in ["http:///", "http://u@h/", "http://h,h/"] {
        check(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"), Code::MalformedHost);
    }
}

#[test]
fn targets() {
    for target in [
        "",
        "a",
        "h:80",
        "*",
        "**",
        "https://h/",
        "ftp://h/",
        "/a#b",
        "/#",
        "?a",
        "/\u{e4}",
        "http:/h",
    ] {
        check(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"), Code::MalformedRequest);
    }
    check("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", Code::MalformedRequest);
    check(b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", Code::MalformedRequest);
}

#[test]
fn versions() {
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"] {
        check(format!("GET / {version}\r\nHost: a\r\n\r\n"), Code::VersionUnsupported);
    }
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Code::VersionUnsupported);
    for version in [
        "",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/1.10",
        "HTTP/11",
        "HTTP/01.1",
        "http/1.1",
        "Http/1.1",
        "HTTP /1.1",
        "HTTP/1.1x",
        "HTTP/a.b",
        "HTTP/1,1",
        "XHTTP/1.1",
        "1.1",
        "ICAP/1.0",
    ] {
        check(format!("GET / {version}\r\nHost: a\r\n\r\n"), Code::MalformedRequest);
    }
    check("GET /\r\n\r\n", Code::MalformedRequest);
    check("GET\r\n\r\n", Code::MalformedRequest);
    check("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", Code::MalformedRequest);
}

#[test]
fn expectations() {
    check_lines(
        Code::ExpectationFailed,
        &["Expect: tea", "Expect:", "Expect: 100-continue, tea", "Expect: 100-continue;a"],
    );
}

#[test]
fn heads_that_are_too_large() {
    let default = Limits::default();
    let plain = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    let limits = Limits { head_max_bytes: plain.len() - 1, ..default };
    check_refused(plain.as_bytes(), Code::HeadTooLarge, &limits);
    check_refused(plain.as_bytes(), Code::HeadTooLarge, &Limits { fields_max: 1, ..default });
    let limits = Limits { target_max_bytes: 20, ..default };
    for (length, code) in [(21, Code::TargetTooLong), (200, Code::TargetTooLong)] {
        let text = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length - 1));
        check_refused(text.as_bytes(), code, &limits);
    }
    let endless = "x".repeat(200);
    check_refused(endless.as_bytes(), Code::TargetTooLong, &limits);
}

#[test]
fn a_head_that_never_ends_is_refused_at_its_limit_and_not_kept() {
    let limits = Limits::default();
    let (mut deframer, mut fed) = (Deframer::new(), 0);
    let (used, _) = deframer.advance(b"GET / HTTP/1.1\r\n", &limits);
    fed += used;
    let piece = format!("X-{}: y\r\n", "x".repeat(1_000));
    let problem = loop {
        match deframer.advance(piece.as_bytes(), &limits) {
            (used, Ok(_)) => fed += used,
            (_, Err(problem)) => break problem,
        }
        assert!(fed <= limits.head_max_bytes);
    };
    assert_eq!(problem.code, Code::HeadTooLarge);
    assert!(fed + piece.len() >= limits.head_max_bytes);
}
