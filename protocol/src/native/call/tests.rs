//! What a native header asks for is what the same words over HTTP ask for.

use super::*;
use crate::call;
use crate::http::{Deframer, Limits, Step};

fn over_http(text: &str) -> Result<Call, Problem> {
    let text = format!("{text}\r\nHost: a\r\n\r\n");
    let (_, step) = Deframer::new().advance(text.as_bytes(), &Limits::default());
    let Ok(Step::Head(head)) = step else { panic!("{text}") };
    call::parse(&head)
}

fn echo() -> Submit {
    Submit::to("echo")
}

fn text(text: &str) -> Option<Box<str>> {
    Some(text.into())
}

#[test]
fn the_same_words_are_the_same_call() {
    let mut id = [0; 26];
    id.copy_from_slice(b"01KAJ7M9Y8000000000000G001");
    let get = Get { task: id, part: Part::Document, wait_ms: None, known_tag: None };
    let cases = [
        (echo().call(), "POST /v1/tasks/echo HTTP/1.1"),
        (
            Submit { wait_ms: Some(250), delay_ms: 30_000, ..echo() }.call(),
            "POST /v1/tasks/echo?wait=250ms&delay=30s HTTP/1.1",
        ),
        (
            Submit { respond_async: true, wait_ms: Some(1_000), ..echo() }.call(),
            "POST /v1/tasks/echo?wait=1s HTTP/1.1\r\nPrefer: respond-async",
        ),
        (Submit { respond_async: true, ..echo() }.call(), "POST /v1/tasks/echo?wait=0ms HTTP/1.1"),
        (
            Submit { strict: true, urgency: 7, ..echo() }.call(),
            "POST /v1/tasks/echo HTTP/1.1\r\nPriority: u=7\r\nPrefer: handling=strict",
        ),
        (Submit::to("No Kind").call(), "POST /v1/tasks/No%20Kind HTTP/1.1"),
        (Submit { form: Form::Bulk, ..echo() }.call(), "POST /v1/bulk/echo HTTP/1.1"),
        (
            Submit { form: Form::Bulk, content_type: text("Text/CSV; header"), ..echo() }.call(),
            "POST /v1/bulk/echo HTTP/1.1\r\nContent-Type: Text/CSV; header",
        ),
        (
            Submit { form: Form::Bulk, content_type: text("text/xml"), ..echo() }.call(),
            "POST /v1/bulk/echo HTTP/1.1\r\nContent-Type: text/xml",
        ),
        (
            Submit { idempotency_key: text("k"), ..echo() }.call(),
            "POST /v1/tasks/echo HTTP/1.1\r\nIdempotency-Key: k",
        ),
        (get.call(), "GET /v1/tasks/01KAJ7M9Y8000000000000G001 HTTP/1.1"),
        (
            Get { wait_ms: Some(5_000), ..get.clone() }.call(),
            "GET /v1/tasks/01KAJ7M9Y8000000000000G001?wait=5s HTTP/1.1",
        ),
        (
            Get { part: Part::Result, ..get.clone() }.call(),
            "GET /v1/tasks/01KAJ7M9Y8000000000000G001/result HTTP/1.1",
        ),
        (
            Get { part: Part::Errors, ..get.clone() }.call(),
            "GET /v1/tasks/01KAJ7M9Y8000000000000G001/errors HTTP/1.1",
        ),
        (
            Get { task: [b'x'; 26], ..get.clone() }.call(),
            "GET /v1/tasks/xxxxxxxxxxxxxxxxxxxxxxxxxx HTTP/1.1",
        ),
        (
            Get { task: [0xff; 26], ..get }.call(),
            "GET /v1/tasks/xxxxxxxxxxxxxxxxxxxxxxxxxx HTTP/1.1",
        ),
        (
            GetContact { email: "Ada@Example.com".into(), known_tag: None }.call(),
            "GET /v1/contacts/ada@example.com HTTP/1.1",
        ),
    ];
    for (native, http) in cases {
        assert_eq!(native, over_http(http), "{http}");
    }
}

#[test]
fn what_steers_over_http_steers_here() {
    let mut named = Named { task: [0; 26] };
    named.task.copy_from_slice(b"01KAJ7M9Y8000000000000G001");
    let address = "/v1/tasks/01KAJ7M9Y8000000000000G001";
    let listing = |query: &str| Listing { query: query.into() };
    let (cancel, retry) = (|id| Call::Cancel { id }, |id| Call::Retry { id });
    let explain = |id| Call::Explain { id };
    let cases = [
        (named.id().map(cancel), format!("DELETE {address}")),
        (named.id().map(retry), format!("POST {address}/retry")),
        (named.id().map(explain), format!("GET {address}/explain")),
        (Named { task: [b'x'; 26] }.id().map(cancel), format!("DELETE /v1/tasks/{:x>26}", "x")),
        (listing("").tasks(), "GET /v1/tasks".to_owned()),
        (listing("state=parked&limit=5").tasks(), "GET /v1/tasks?state=parked&limit=5".to_owned()),
        (listing("kind=echo").errors(), "GET /v1/errors?kind=echo".to_owned()),
        (listing("colour=red").errors(), "GET /v1/errors?colour=red".to_owned()),
    ];
    for (native, http) in cases {
        assert_eq!(native, over_http(&format!("{http} HTTP/1.1")), "{http}");
    }
}

fn check_refused(call: Result<Call, Problem>, field: &str) {
    let problem = call.expect_err(field);
    assert_eq!(problem.code, Code::MalformedParameter, "{field}");
    assert!(problem.detail.contains(&format!("`{field}`")), "{field}: {}", problem.detail);
}

#[test]
fn what_no_field_of_http_could_hold_is_refused_by_name() {
    let long = "k".repeat(256);
    check_refused(Submit { urgency: 8, ..echo() }.call(), "urgency");
    let seconds_max = SECONDS_MAX * 1_000;
    assert!(Submit { wait_ms: Some(seconds_max), ..echo() }.call().is_ok());
    check_refused(Submit { wait_ms: Some(seconds_max + 1), ..echo() }.call(), "wait_ms");
    check_refused(Submit { wait_ms: Some(u64::MAX), ..echo() }.call(), "wait_ms");
    check_refused(Submit { delay_ms: 366 * 86_400_000 + 1, ..echo() }.call(), "delay_ms");
    for value in ["a\r\nb", "a\nb", " a", "a\t", "\0", "ä", "\u{7f}"] {
        check_refused(Submit { content_type: text(value), ..echo() }.call(), "content_type");
        check_refused(Submit { traceparent: text(value), ..echo() }.call(), "traceparent");
    }
    for value in ["", "a b", "ä", "a\n", &long] {
        check_refused(Submit { idempotency_key: text(value), ..echo() }.call(), "idempotency_key");
    }
    check_refused(GetContact { email: "".into(), known_tag: None }.call(), "email");
    let mut task = [0; 26];
    task.copy_from_slice(b"01KAJ7M9Y8000000000000G001");
    let get = Get { task, part: Part::Result, wait_ms: Some(1), known_tag: None };
    check_refused(get.call(), "wait_ms");
}
