//! Every refusal has a status, a code, and leaves the server as it was.

use crate::support::{Server, folder, raw};

#[test]
fn requests_that_are_refused_say_why() {
    let folder = folder();
    let server = Server::start(folder.path());
    let long = format!("/v1/tasks/echo?wait={}", "1".repeat(9000));
    let cases: &[(&str, &str, &[&str], u16, &str)] = &[
        ("POST", "/v1/tasks/nobody", &[], 404, "unknown-kind"),
        ("POST", "/v1/tasks/No%20Kind", &[], 404, "unknown-kind"),
        ("POST", "/nowhere", &[], 404, "not-found"),
        ("GET", "/v1/tasks/01KAHP5ZQ00000000000000000", &[], 404, "unknown-task"),
        ("GET", "/v1/tasks/nonsense", &[], 404, "unknown-task"),
        ("GET", "/v1/tasks/01KAHP5ZQ00000000000000000/result", &[], 404, "unknown-task"),
        ("GET", "/v1/contacts/nobody@example.com", &[], 404, "unknown-contact"),
        ("PUT", "/v1/tasks/echo", &[], 405, "method-not-allowed"),
        ("POST", "/v1/tasks/echo?wait=5", &[], 400, "malformed-parameter"),
        ("POST", "/v1/tasks/echo?wait=5s&wait=6s", &[], 400, "malformed-parameter"),
        ("POST", "/v1/tasks/echo?colour=red", &[], 400, "malformed-parameter"),
        ("POST", &long, &[], 414, "target-too-long"),
        ("POST", "/v1/tasks/echo", &["Origin: http://evil.example"], 403, "cross-origin"),
        ("POST", "/v1/tasks/echo", &["Sec-Fetch-Site: cross-site"], 403, "cross-origin"),
        ("POST", "/v1/tasks/echo", &["Idempotency-Key: \"k"], 400, "malformed-parameter"),
        ("POST", "/v1/bulk/echo", &[], 415, "unsupported-media-type"),
        ("POST", "/v1/tasks/echo", &["Expect: miracles"], 417, "expectation-failed"),
        (
            "POST",
            "/v1/tasks/echo",
            &["Transfer-Encoding: gzip, chunked"],
            501,
            "transfer-coding-unknown",
        ),
    ];
    for (method, path, fields, status, code) in cases {
        let answer = server.request(method, path, fields, "");
        assert_eq!((answer.status, &*answer.code()), (*status, *code), "{method} {path}");
        assert_eq!(answer.json()["submitted"], "no", "{method} {path}");
    }
    assert_eq!(
        server.request("PUT", "/v1/tasks/echo", &[], "").field("Allow"),
        Some("GET, HEAD, POST, DELETE")
    );
    assert_eq!(server.post("/v1/tasks/echo", "well").body, "well");
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let folder = folder();
    let server = Server::start(folder.path());
    let chunked =
        "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases: &[(String, u16, &str)] = &[
        ("nonsense\r\n\r\n".into(), 400, "malformed-request"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".into(), 505, "version-unsupported"),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400, "malformed-host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400, "malformed-host"),
        ("GET / HTTP/1.1\nHost: a\n\n".into(), 400, "malformed-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n".into(), 400, "malformed-request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n".into(), 400, "malformed-request"),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(20_000)), 431, "head-too-large"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx".into(), 400, "ambiguous-framing"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx".into(), 400, "ambiguous-framing"),
        ("POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n".into(), 413, "payload-too-large"),
        (format!("{chunked}5;\n\r\nhello\r\n0\r\n\r\n"), 400, "malformed-chunk"),
        (format!("{chunked}zz\r\n"), 400, "malformed-chunk"),
    ];
    for (bytes, status, code) in cases {
        let answer = raw(&server.data, bytes.as_bytes());
        assert_eq!((answer.status, &*answer.code()), (*status, *code), "{bytes:.80}");
        assert_eq!(answer.field("Connection"), Some("close"), "{bytes:.80}");
    }
    assert_eq!(server.post("/v1/tasks/echo", "well").body, "well");
}

#[test]
fn wrong_contacts_are_refused_by_name() {
    let folder = folder();
    let server = Server::start(folder.path());
    let bodies = [
        "",
        "[]",
        "{",
        "nonsense",
        "{}",
        r#"{"email":5}"#,
        r#"{"email":""}"#,
        r#"{"email":"a@b","age":4}"#,
        r#"{"email":"a@b","tags":"x"}"#,
        r#"{"email":"a@b","email":"c@d"}"#,
        "{\"email\":\"a@b\u{0}\"}",
    ];
    for body in bodies {
        let answer = server.post("/v1/tasks/contacts.upsert", body);
        assert_eq!(answer.status, 422, "{body:?}: {}", answer.body);
        answer.code();
    }
    assert_eq!(server.get("/v1/contacts/a@b").status, 404);
}
