//! Tables: heads, and the calls or refusals that they are.

use super::*;
use crate::http::{Deframer, Head, Limits, Step};
use crate::problem::{Code, Problem};
use crate::repair::Remedy;

const ID: &str = "01DXF6EC000000000000000001";

/// Parses a request line without its version, with further lines.
fn call(line: &str, fields: &str) -> Result<Call, Problem> {
    parse(&head(line, fields))
}

pub(super) fn head(line: &str, fields: &str) -> Head {
    let text = format!("{line} HTTP/1.1\r\nHost: a.example:7070\r\n{fields}\r\n");
    match Deframer::new().advance(text.as_bytes(), &Limits::default()).1 {
        Ok(Step::Head(head)) => head,
        other => panic!("{text:?} is no head: {other:?}"),
    }
}

fn id() -> TaskId {
    ID.parse().expect("a ULID of a mint")
}

fn check_submit(line: &str, fields: &str, options: SubmitOptions) {
    let kind = KindName::new("echo").unwrap();
    let form = Form::Single;
    assert_eq!(
        call(line, fields),
        Ok(Call::Submit { kind, form, options, key: None }),
        "{line} {fields}"
    );
}

fn check_refused(line: &str, fields: &str, code: Code) -> Problem {
    let problem = call(line, fields).expect_err(line);
    assert_eq!(problem.code, code, "{line} {fields}: {}", problem.detail);
    problem
}

#[test]
fn a_submission_says_as_much_as_it_likes() {
    let usual = SubmitOptions::default();
    check_submit("POST /v1/tasks/echo", "", usual);
    check_submit("POST /v1/tasks/echo?", "", usual);
    check_submit("POST /v1/tasks/%65cho", "", usual);
    check_submit("POST http://a.example:7070/v1/tasks/echo", "", usual);
    check_submit("POST /v1/tasks/echo", "Priority: u=1\r\n", SubmitOptions { urgency: 1, ..usual });
    check_submit("POST /v1/tasks/echo", "Priority: u=9\r\n", usual);
    let delay = Duration::from_secs(30);
    check_submit("POST /v1/tasks/echo?delay=30s", "", SubmitOptions { delay, ..usual });
    let strict = SubmitOptions { strict: true, ..usual };
    check_submit("POST /v1/tasks/echo", "Prefer: handling=strict\r\n", strict);
}

#[test]
fn the_wait_comes_from_the_query_before_the_field() {
    let check = |line: &str, fields: &str, wait: Wait, wait_preferred: bool| {
        let options = SubmitOptions { wait, wait_preferred, ..SubmitOptions::default() };
        check_submit(line, fields, options);
    };
    let ms = |ms| Wait::For(Duration::from_millis(ms));
    let line = "POST /v1/tasks/echo";
    check(line, "Prefer: wait=10\r\n", ms(10_000), true);
    check(line, "Prefer: wait=0\r\n", ms(0), true);
    check(line, "Prefer: respond-async\r\n", ms(0), true);
    check(line, "Prefer: respond-async, wait=7\r\n", ms(7_000), true);
    check(line, "Prefer: respond-async\r\nPrefer: wait=7\r\n", ms(7_000), true);
    check(line, "Prefer: wait=abc\r\n", Wait::Default, false);
    let line = "POST /v1/tasks/echo?wait=250ms";
    check(line, "", ms(250), false);
    check(line, "Prefer: wait=10, respond-async\r\n", ms(250), false);
}

#[test]
fn reads_are_calls() {
    let task = |ms| Ok(Call::Task { id: id(), wait: Duration::from_millis(ms) });
    for method in ["GET", "HEAD"] {
        let line = format!("{method} /v1/tasks/{ID}");
        assert_eq!(call(&line, ""), task(0));
        let lower = format!("{method} /v1/tasks/{}", ID.to_lowercase());
        assert_eq!(call(&lower, ""), task(0));
        assert_eq!(call(&line, "Prefer: wait=3\r\n"), task(3_000));
        assert_eq!(call(&line, "Prefer: respond-async\r\n"), task(0));
        assert_eq!(call(&format!("{line}?wait=9ms"), "Prefer: wait=3\r\n"), task(9));
        assert_eq!(call(&format!("{line}/result"), ""), Ok(Call::TaskResult { id: id() }));
    }
    let contact = |email: &str| Ok(Call::Contact { email: email.into() });
    assert_eq!(call("GET /v1/contacts/Ada@Example.org", ""), contact("ada@example.org"));
    assert_eq!(call("HEAD /v1/contacts/a%2Fb%40%C3%84", ""), contact("a/b@ä"));
    assert_eq!(call("GET /v1/contacts/a+b@c", ""), contact("a+b@c"));
}

#[test]
fn what_cannot_be_there_is_not_found() {
    for line in [
        "GET /",
        "GET /v1",
        "GET /v1/",
        "GET /v2/tasks/x",
        "GET /v1/nothing",
        "GET /v1/tasks/",
        "POST /v1/tasks/",
        "GET /v1/contacts",
        "GET /v1/contacts/",
        "GET /v1/contacts/a/b",
        "GET /v1/tasks/x/y",
        "GET /v1/tasks/x/result/",
        "GET /v1/tasks/x/result/y",
        "OPTIONS *",
        "GET /v1/bulk",
        "GET /V1/tasks/x",
        "GET //v1/tasks/x",
        "GET /v1/tenants",
        "GET http://a.example:7070",
    ] {
        check_refused(line, "", Code::NotFound);
    }
    for line in ["GET /v1/tasks/echo", "GET /v1/tasks/x/result", "HEAD /v1/tasks/01DXF6EC00"] {
        check_refused(line, "", Code::UnknownTask);
    }
    let too_long = format!("POST /v1/tasks/{}", "a".repeat(65));
    for line in ["POST /v1/tasks/Echo", "POST /v1/tasks/.a", "POST /v1/tasks/a%2Fb", &too_long] {
        check_refused(line, "", Code::UnknownKind);
    }
    check_refused(&format!("POST /v1/tasks/{ID}"), "", Code::UnknownKind);
}

#[test]
fn methods_are_allowed_by_address() {
    let check = |line: &str, allow: &str| {
        let problem = check_refused(line, "", Code::MethodNotAllowed);
        assert_eq!(problem.allow, Some(allow), "{line}");
    };
    for method in ["PUT", "OPTIONS", "PATCH", "get", "TRACE"] {
        check(&format!("{method} /v1/tasks/echo"), "GET, HEAD, POST, DELETE");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "X"] {
        check(&format!("{method} /v1/tasks/{ID}/result"), "GET, HEAD");
        check(&format!("{method} /v1/contacts/a@b"), "GET, HEAD");
    }
}

#[test]
fn parameters_are_those_of_the_call() {
    for line in [
        "POST /v1/tasks/echo?wait=10",
        "POST /v1/tasks/echo?wat=10s",
        "POST /v1/tasks/echo?delay=1s&delay=1s",
        "POST /v1/tasks/%zz",
        "GET /v1/tasks/%ff",
        "GET /v1/tasks/01DXF6EC000000000000000001?delay=1s",
        "GET /v1/tasks/01DXF6EC000000000000000001/result?wait=1s",
        "GET /v1/contacts/a@b?wait=1s",
        "GET /v1/contacts/a%4",
        "GET /v1/contacts/%c3%28",
    ] {
        check_refused(line, "", Code::MalformedParameter);
    }
}

#[test]
fn what_is_promised_says_that_it_is_not_there_yet() {
    let problem = check_refused("PUT /v1/schedules/a", "", Code::NotImplemented);
    assert!(problem.detail.contains("Schedules"), "{}", problem.detail);
}

#[test]
fn incidents_are_listed_and_shown() {
    let all = IncidentFilter { limit: 100, after: None };
    assert_eq!(call("GET /v1/incidents", ""), Ok(Call::Incidents(all)));
    let id = ID.parse().unwrap();
    let page = IncidentFilter { limit: 7, after: Some(id) };
    let line = format!("GET /v1/incidents?limit=7&after={ID}");
    assert_eq!(call(&line, ""), Ok(Call::Incidents(page)));
    assert_eq!(call(&format!("HEAD /v1/incidents/{ID}"), ""), Ok(Call::Incident { id }));
    check_refused("GET /v1/incidents/x", "", Code::UnknownIncident);
    check_refused("POST /v1/incidents", "", Code::MethodNotAllowed);
    check_refused("GET /v1/incidents?after=x", "", Code::MalformedParameter);
    check_refused(&format!("GET /v1/incidents/{ID}/x"), "", Code::NotFound);
}

#[test]
fn pages_of_other_origins_are_refused_and_own_ones_are_not() {
    for fields in [
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: Cross-Site\r\n",
        "Origin: null\r\n",
        "Origin: http://evil.example\r\n",
        "Origin: http://a.example\r\n",
        "Origin: http://a.example:7070.evil.example\r\n",
        "Origin: http://a.example:7070/\r\n",
        "Origin: ws://a.example:7070\r\n",
        "Origin: a.example:7070\r\n",
        "Origin:\r\n",
        "Origin: http://a.example:7070\r\nSec-Fetch-Site: cross-site\r\n",
    ] {
        let refused = check_origin(&head("GET /nowhere", fields)).unwrap_err();
        assert_eq!(refused.code, Code::CrossOrigin, "{fields}");
    }
    for fields in [
        "",
        "Origin: http://a.example:7070\r\n",
        "Origin: https://a.example:7070\r\nSec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: none\r\n",
    ] {
        assert_eq!(check_origin(&head("POST /v1/tasks/echo", fields)), Ok(()), "{fields}");
    }
}

#[test]
fn a_bulk_body_comes_in_one_of_three_formats() {
    let kind = KindName::new("echo").unwrap();
    let (form, options) = (Form::Bulk, SubmitOptions::default());
    let expected = Call::Submit { kind, form, options, key: None };
    for format in ["application/json", "Application/X-NDJSON", "text/csv; charset=utf-8"] {
        let fields = format!("Content-Type: {format}\r\n");
        assert_eq!(call("POST /v1/bulk/echo", &fields).as_ref(), Ok(&expected), "{format}");
    }
    let code = Code::UnsupportedMediaType;
    check_refused("POST /v1/bulk/echo", "", code);
    check_refused("POST /v1/bulk/echo", "Content-Type: text/plain\r\n", code);
    check_refused("POST /v1/bulk/echo", "Content-Type: application/jsonx\r\n", code);
    let refused = check_refused("GET /v1/bulk/echo", "", Code::MethodNotAllowed);
    assert_eq!(refused.allow, Some("POST"));
}

#[test]
fn the_errors_of_a_task_are_only_read() {
    let line = format!("GET /v1/tasks/{ID}/errors");
    assert_eq!(call(&line, ""), Ok(Call::TaskErrors { id: id() }));
    check_refused("GET /v1/tasks/x/errors", "", Code::UnknownTask);
    check_refused(&format!("POST /v1/tasks/{ID}/errors"), "", Code::MethodNotAllowed);
}

#[test]
fn events_are_read_behind_the_last_that_was_seen() {
    let line = format!("GET /v1/tasks/{ID}/events");
    let seen = |after| Ok(Call::TaskEvents { id: id(), after });
    assert_eq!(call(&line, ""), seen(0));
    assert_eq!(call(&line, "Last-Event-ID: 7\r\n"), seen(7));
    assert_eq!(call(&line, "Last-Event-ID: \r\n"), seen(0));
    let further = format!("{line}?after=5");
    assert_eq!(call(&further, ""), seen(5));
    // Who comes back does so with the address that it began with.
    assert_eq!(call(&further, "Last-Event-ID: 7\r\n"), seen(7));
    check_refused(&line, "Last-Event-ID: x\r\n", Code::MalformedParameter);
    for query in ["wait=1s", "after=", "after=-1", "after=1&after=1", "after=9223372036854775808"] {
        check_refused(&format!("{line}?{query}"), "", Code::MalformedParameter);
    }
    for last in ["-1", "+1", "1.0", "9223372036854775808"] {
        check_refused(&line, &format!("Last-Event-ID: {last}\r\n"), Code::MalformedParameter);
    }
    check_refused("GET /v1/tasks/x/events", "", Code::UnknownTask);
    check_refused(&format!("POST /v1/tasks/{ID}/events"), "", Code::MethodNotAllowed);
}

#[test]
fn an_idempotency_key_is_quoted_or_bare_and_never_ignored() {
    for (field, expected) in [("k-1", "k-1"), ("\"k 1\"", ""), ("\"k-1\"", "k-1"), ("", "")] {
        let fields = format!("Idempotency-Key: {field}\r\n");
        if expected.is_empty() {
            check_refused("POST /v1/tasks/echo", &fields, Code::MalformedParameter);
            continue;
        }
        let Ok(Call::Submit { key: Some(key), .. }) = call("POST /v1/tasks/echo", &fields) else {
            panic!("{field} is a key")
        };
        assert_eq!(key.as_str(), expected);
    }
}

#[test]
fn tasks_are_steered_by_address() {
    assert_eq!(call(&format!("DELETE /v1/tasks/{ID}"), ""), Ok(Call::Cancel { id: id() }));
    assert_eq!(call(&format!("POST /v1/tasks/{ID}/retry"), ""), Ok(Call::Retry { id: id() }));
    assert_eq!(call(&format!("HEAD /v1/tasks/{ID}/explain"), ""), Ok(Call::Explain { id: id() }));
    check_refused("DELETE /v1/tasks/x", "", Code::UnknownTask);
    check_refused(&format!("DELETE /v1/tasks/{ID}?wait=1s"), "", Code::MalformedParameter);
    let refused = check_refused(&format!("GET /v1/tasks/{ID}/retry"), "", Code::MethodNotAllowed);
    assert_eq!(refused.allow, Some("POST"));
}

#[test]
fn errors_are_repaired_by_fingerprint() {
    let print = 0x00ab_cdef_0123_4567;
    let path = "/v1/errors/00abcdef01234567";
    assert_eq!(call(&format!("GET {path}"), ""), Ok(Call::Repaired { print }));
    let order = RepairOrder {
        print,
        remedy: Remedy::Retry,
        kind: None,
        dry_run: false,
        rate: 100,
        stop_at: None,
    };
    let usual = Call::Repair(Box::new(order.clone()));
    assert_eq!(call(&format!("POST {path}/retry"), ""), Ok(usual));
    let discard = RepairOrder {
        remedy: Remedy::Discard,
        kind: KindName::new("echo"),
        dry_run: true,
        rate: 5,
        stop_at: Some(0),
        ..order
    };
    let line = format!("POST {path}/discard?kind=echo&dry_run=true&rate=5&stop_at=0");
    assert_eq!(call(&line, ""), Ok(Call::Repair(Box::new(discard))));
    for query in ["rate=0", "rate=10001", "dry_run=1", "stop_at=-1", "speed=1"] {
        check_refused(&format!("POST {path}/retry?{query}"), "", Code::MalformedParameter);
    }
    check_refused("POST /v1/errors/f/retry", "", Code::NotFound);
    check_refused(&format!("POST {path}/ignore"), "", Code::NotFound);
    check_refused(&format!("GET {path}/retry"), "", Code::MethodNotAllowed);
    check_refused("POST /v1/errors", "", Code::MethodNotAllowed);
}
