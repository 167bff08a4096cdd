//! Golden texts: every answer as it looks on the wire.

use super::*;
use crate::fault::Fault;
use crate::kind::KindName;
use crate::lane::Lane;
use crate::problem::{Aside, Code, Problem};
use crate::rate_limit::RateLimit;
use crate::task::TaskState;
use crate::time::UnixMillis;

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn context() -> ReplyContext {
    ReplyContext { after: After::KeepAlive, ..ReplyContext::closing() }
}

fn task() -> TaskId {
    TaskId::from_key(1 << 40).expect("41 bits")
}

fn document() -> Box<Document> {
    Box::new(Document {
        id: task(),
        kind: KindName::new("echo").unwrap(),
        lane: Lane::Interactive,
        state: TaskState::Running,
        attempts: 1,
        created_at: UnixMillis(0),
        started_at: Some(UnixMillis(1)),
        finished_at: None,
        next_attempt_at: None,
        progress: None,
        fault: None,
        tenant: "default".into(),
        durability: Durability::Disk,
    })
}

fn document_json() -> String {
    String::from_utf8(json(&document())).unwrap()
}

fn account() -> Account {
    let timing = Timing {
        queue: Duration::from_micros(12),
        exec: Duration::from_micros(1_034_005),
        journal: Duration::ZERO,
    };
    Account::new(Durability::Memory, timing)
}

fn result(content_type: Option<&str>, body: impl Into<Bytes>) -> Answer {
    Answer::Result {
        task: task(),
        product: Product { content_type: content_type.map(Into::into), body: body.into() },
        account: account(),
    }
}

/// The written text, in which `{id}` stands for the task's id and `|` for a line's end.
fn check(answer: Answer, context: &ReplyContext, expected: &str) {
    let mut out = b"before".to_vec();
    assert_eq!(write_answer(answer, context, DATE, &mut out), None);
    let text = String::from_utf8(out).unwrap();
    let expected = expected.replace("{id}", &task().to_string()).replace('|', "\r\n");
    assert_eq!(text.strip_prefix("before"), Some(&*expected));
}

/// What the document's task adds to its answers.
const DISK: &str =
    "Overtime-Durability: disk|Server-Timing: queue;dur=1.000, exec;dur=0.000, journal;dur=0.000|";

const RESULT_HEAD: &str = concat!(
    "HTTP/1.1 200 OK|Content-Type: text/plain|Content-Length: 5|Overtime-Task: {id}|",
    "Overtime-Durability: memory|",
    "Server-Timing: queue;dur=0.012, exec;dur=1034.005, journal;dur=0.000|",
);

#[test]
fn a_result_carries_its_task_its_level_and_its_times() {
    let expected = format!("{RESULT_HEAD}Date: {DATE}||hello");
    check(result(Some("text/plain"), "hello"), &context(), &expected);
}

#[test]
fn the_connection_is_told_where_it_is_not_the_default() {
    let hello = || result(Some("text/plain"), "hello");
    let close = ReplyContext { after: After::Close, ..context() };
    check(hello(), &close, &format!("{RESULT_HEAD}Date: {DATE}|Connection: close||hello"));
    let keep = ReplyContext { version: Version::Http10, ..context() };
    check(hello(), &keep, &format!("{RESULT_HEAD}Date: {DATE}|Connection: keep-alive||hello"));
    let old = ReplyContext { version: Version::Http10, ..close };
    check(hello(), &old, &format!("{RESULT_HEAD}Date: {DATE}|Connection: close||hello"));
}

#[test]
fn an_applied_preference_is_told() {
    let with = |seconds| ReplyContext { wait_applied: Some(seconds), ..context() };
    let hello = || result(Some("text/plain"), "hello");
    let expected =
        |applied| format!("{RESULT_HEAD}Preference-Applied: {applied}|Date: {DATE}||hello");
    check(hello(), &with(10), &expected("wait=10"));
    check(hello(), &with(0), &expected("respond-async"));
}

#[test]
fn head_has_the_length_and_no_body() {
    let head_only = ReplyContext { extent: Extent::HeadOnly, ..context() };
    let expected = format!("{RESULT_HEAD}Date: {DATE}||");
    check(result(Some("text/plain"), "hello"), &head_only, &expected);
    let long = result(Some("text/plain"), vec![0; 100_000]);
    let expected = expected.replace("Length: 5", "Length: 100000");
    check(long, &head_only, &expected);
}

#[test]
fn a_handlers_content_type_cannot_break_out_of_its_line() {
    let expected = RESULT_HEAD.replace("text/plain", "application/octet-stream");
    let answer = result(Some("text/plain\r\nSet-Cookie: a=b"), "hello");
    check(answer, &context(), &format!("{expected}Date: {DATE}||hello"));
}

#[test]
fn long_bodies_are_handed_back_and_short_ones_are_not() {
    for (length, is_copied) in [(COPIED_MAX_BYTES, true), (COPIED_MAX_BYTES + 1, false)] {
        let (body, mut out) = (Bytes::from(vec![b'x'; length]), Vec::new());
        let rest = write_answer(result(None, body.clone()), &context(), DATE, &mut out);
        assert_eq!(rest, (!is_copied).then_some(body));
        assert_eq!(out.ends_with(b"xxx"), is_copied);
        assert_eq!(out.ends_with(b"\r\n\r\n"), !is_copied);
    }
}

#[test]
fn an_accepted_task_tells_where_to_ask_and_when() {
    let body = document_json();
    let answer = Answer::Accepted {
        document: document(),
        retry_after: Duration::from_millis(1_001),
        replayed: false,
    };
    let expected = format!(
        "HTTP/1.1 202 Accepted|Content-Type: application/json|Content-Length: {}|\
         Location: /v1/tasks/{{id}}|Retry-After: 2|Overtime-Task: {{id}}|\
         {DISK}Preference-Applied: respond-async|Date: {DATE}||{body}",
        body.len()
    );
    let context = ReplyContext { wait_applied: Some(0), ..context() };
    check(answer, &context, &expected);
}

#[test]
fn a_document_has_a_tag_and_is_not_sent_twice() {
    let body = document_json();
    let tag = String::from_utf8(etag::of(body.as_bytes()).to_vec()).unwrap();
    let whole = format!(
        "HTTP/1.1 200 OK|Content-Type: application/json|Content-Length: {}|ETag: {tag}|\
         Cache-Control: no-cache|Overtime-Task: {{id}}|{DISK}Date: {DATE}||{body}",
        body.len()
    );
    check(Answer::Document(document()), &context(), &whole);
    let known = |value: &str| ReplyContext { if_none_match: Some(value.into()), ..context() };
    check(Answer::Document(document()), &known("\"other\""), &whole);
    let known = known(&format!("\"other\", W/{tag}"));
    let unchanged =
        format!("HTTP/1.1 304 Not Modified|ETag: {tag}|Cache-Control: no-cache|Date: {DATE}||");
    check(Answer::Document(document()), &known, &unchanged);
}

#[test]
fn a_value_is_an_entity_of_its_own_type() {
    let answer =
        Answer::Value { content_type: "application/json", body: Bytes::from_static(b"foobar") };
    let expected = format!(
        "HTTP/1.1 200 OK|Content-Type: application/json|Content-Length: 6|\
         ETag: \"85944171f73967e8\"|Cache-Control: no-cache|Date: {DATE}||foobar"
    );
    check(answer, &context(), &expected);
}

fn check_problem(problem: Problem, context: &ReplyContext, status_line: &str, own_lines: &str) {
    let mut body = Vec::new();
    problem.write_json(&mut body);
    let expected = format!(
        "HTTP/1.1 {status_line}|Content-Type: application/problem+json|Content-Length: {}|\
         Cache-Control: no-store|{own_lines}Date: {DATE}|",
        body.len()
    );
    let ending = match context.after {
        After::Close => "Connection: close||",
        After::KeepAlive => "|",
    };
    let body = String::from_utf8(body).unwrap();
    check(problem.into(), context, &format!("{expected}{ending}{body}"));
}

#[test]
fn problems_tell_what_their_status_asks_for() {
    let full = Problem::new(Code::Disk, "1 MiB is left").after(Duration::from_millis(1));
    check_problem(full, &context(), "503 Service Unavailable", "Retry-After: 1|");
    let mut method = Problem::new(Code::MethodNotAllowed, "Only reads are served here.");
    method.allow = Some("GET, HEAD");
    check_problem(method, &context(), "405 Method Not Allowed", "Allow: GET, HEAD|");
    let mut stranger = Problem::new(Code::Unauthorized, "Show a key.");
    stranger.challenge = Some("Bearer realm=\"overtime\"");
    let challenge = "WWW-Authenticate: Bearer realm=\"overtime\"|";
    check_problem(stranger, &context(), "401 Unauthorized", challenge);
    let mut limited = Problem::new(Code::RateLimited, "slower").after(Duration::from_millis(2_100));
    let limit = RateLimit { quota: 100, window_s: 1, remaining: 0, reset_s: 3 };
    limited.aside = Some(Box::new(Aside::Limit(limit)));
    let lines = "Retry-After: 3|RateLimit: \"default\";r=0;t=3|\
                 RateLimit-Policy: \"default\";q=100;w=1|";
    check_problem(limited, &context(), "429 Too Many Requests", lines);
    let fault = Fault::input("invalid-email", "no @");
    let rejected = Problem::of_task(Code::InvalidInput, task(), fault, Account::of(&document()));
    let lines = format!("Overtime-Task: {{id}}|{DISK}");
    check_problem(rejected, &context(), "422 Unprocessable Content", &lines);
    let refused = Problem::new(Code::MalformedRequest, "no HTTP");
    check_problem(refused, &ReplyContext::closing(), "400 Bad Request", "");
}

#[test]
fn whole_seconds_are_rounded_up() {
    for (ms, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(ms)), seconds);
    }
    assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
}

#[test]
fn a_stream_of_events_is_chunked_where_chunks_are_spoken() {
    let head = |context: &ReplyContext| {
        let mut out = Vec::new();
        write_stream_head(task(), context, DATE, &mut out);
        String::from_utf8(out).unwrap()
    };
    let chunked = head(&context());
    let expected = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
         Transfer-Encoding: chunked\r\nOvertime-Task: {}\r\nDate: {DATE}\r\n\r\n",
        task()
    );
    assert_eq!(chunked, expected);
    let old = ReplyContext { version: Version::Http10, ..ReplyContext::closing() };
    assert!(!head(&old).contains("Transfer-Encoding"), "HTTP/1.0 has no chunks");
    assert!(head(&old).ends_with("Connection: close\r\n\r\n"));
}

#[test]
fn there_is_no_content_behind_the_last_event() {
    let mut out = Vec::new();
    write_no_more_events(task(), &context(), DATE, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("HTTP/1.1 204 No Content\r\n"), "{text}");
    assert!(!text.contains("Content-Length") && text.ends_with("\r\n\r\n"), "{text}");
}
