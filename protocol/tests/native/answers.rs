//! Answers as frames: they carry what the same answers carry over HTTP.

use crate::drive::{Said, feed_every_way};
use overtime_protocol::http::{ReplyContext, write_answer as write_over_http};
use overtime_protocol::native::{
    Answered, Failed, Frame, Limits, Reply, Spent, write_answer, write_goodbye, write_hello_refused,
};
use overtime_protocol::{
    Account, Answer, Code, Document, Durability, Fault, Idempotency, KindName, Lane, Problem,
    Product, Submitted, TaskId, TaskState, Timing, UnixMillis,
};
use std::time::Duration;

fn task() -> TaskId {
    "01KAJ7M9Y8000000000000G001".parse().unwrap()
}

fn document() -> Box<Document> {
    Box::new(Document {
        id: task(),
        kind: KindName::new("sleep").unwrap(),
        lane: Lane::Interactive,
        state: TaskState::Running,
        attempts: 1,
        created_at: UnixMillis(1_000),
        started_at: Some(UnixMillis(1_003)),
        finished_at: None,
        next_attempt_at: None,
        progress: None,
        fault: None,
        tenant: "default".into(),
        durability: Durability::Disk,
    })
}

/// The answer's frame and payload, behind a welcome.
fn sent(answer: Answer, known_tag: Option<&[u8; 18]>) -> (Reply, Vec<u8>) {
    let mut bytes = Vec::new();
    let body = write_answer(7, answer, known_tag, &mut bytes);
    bytes.extend_from_slice(&body.unwrap_or_default());
    only(&bytes, 7)
}

/// The one frame in `bytes`.
fn only(bytes: &[u8], expected_id: u32) -> (Reply, Vec<u8>) {
    let mut opened = Vec::new();
    if expected_id > 0 {
        let welcome = crate::cases::replies().swap_remove(0).message;
        opened = crate::frames::frame(0, &welcome, b"");
    }
    let opening = usize::from(expected_id > 0);
    opened.extend_from_slice(bytes);
    let mut said = feed_every_way::<Reply>(&opened, &Limits::default()).split_off(opening);
    match (said.pop(), said.pop(), said.pop()) {
        (Some(Said::Payload(payload)), Some(Said::Head(Frame { id, message, .. })), None) => {
            assert_eq!(id, expected_id);
            (message, payload)
        }
        other => panic!("{other:?}"),
    }
}

fn over_http(answer: Answer) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let body = write_over_http(answer, &ReplyContext::closing(), "", &mut bytes);
    bytes.extend_from_slice(&body.unwrap_or_default());
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), bytes[end..].to_vec())
}

const BARE: Answered = Answered {
    status: 200,
    content_type: None,
    task: None,
    spent: None,
    retry_after_ms: None,
    tag: None,
};

/// What is told of a task that has spent nothing and whose request had no key.
const UNKEYED: Spent = Spent {
    durability: Durability::Disk,
    queue_us: 0,
    exec_us: 0,
    journal_us: 0,
    replayed: false,
    key_expires_ms: None,
};

fn result(content_type: Option<&str>, body: Vec<u8>) -> Answer {
    let product = Product { content_type: content_type.map(Into::into), body: body.into() };
    let timing = Timing {
        queue: Duration::from_nanos(1_999),
        exec: Duration::from_millis(2),
        journal: Duration::ZERO,
    };
    Answer::Result { task: task(), product, account: Account::new(Durability::Memory, timing) }
}

#[test]
fn a_result() {
    let spent = Spent { durability: Durability::Memory, queue_us: 1, exec_us: 2_000, ..UNKEYED };
    let expected = Answered { task: Some(task().to_ulid()), spent: Some(spent), ..BARE };
    for size in [0, 4_096, 4_097, 100_000] {
        let (reply, payload) = sent(result(Some("text/plain"), vec![7; size]), None);
        let content_type = Some("text/plain".into());
        assert_eq!(reply, Reply::Answered(Answered { content_type, ..expected.clone() }));
        assert_eq!(payload, vec![7; size]);
    }
    // What HTTP would not pass on is not passed on here either.
    for content_type in [None, Some("text/plain\r\nX: y")] {
        let (reply, _) = sent(result(content_type, Vec::new()), None);
        assert_eq!(reply, Reply::Answered(expected.clone()));
    }
}

#[test]
fn a_repetition() {
    let expires = Some(UnixMillis(1_800_000_000_000));
    let idempotency = Idempotency { expires, replayed: true };
    let account = Account { idempotency, ..Account::new(Durability::Disk, Timing::default()) };
    let product = Product { content_type: None, body: "done".into() };
    let answer = Answer::Result { task: task(), product, account };
    let (head, _) = over_http(answer.clone());
    assert!(head.contains("Idempotency-Replayed: true"), "{head}");
    let keyed = Spent { replayed: true, key_expires_ms: Some(1_800_000_000_000), ..UNKEYED };
    let (Reply::Answered(answered), _) = sent(answer, None) else { panic!("it is an answer") };
    assert_eq!(answered.spent, Some(keyed));
    let retry_after = Duration::from_secs(60);
    let parked = Answer::Accepted { document: document(), retry_after, replayed: true };
    let (Reply::Answered(answered), _) = sent(parked, None) else { panic!("it is an answer") };
    assert!(answered.spent.unwrap().replayed);
}

#[test]
fn an_acceptance() {
    let answer = || Answer::Accepted {
        document: document(),
        retry_after: Duration::from_micros(1_350_001),
        replayed: false,
    };
    let (reply, payload) = sent(answer(), None);
    let spent = Spent { queue_us: 3_000, ..UNKEYED };
    let expected = Answered {
        status: 202,
        content_type: Some("application/json".into()),
        task: Some(task().to_ulid()),
        spent: Some(spent),
        retry_after_ms: Some(1_351),
        tag: None,
    };
    assert_eq!(reply, Reply::Answered(expected));
    assert_eq!(payload, over_http(answer()).1);
}

#[test]
fn a_document_has_the_tag_of_http_and_is_not_sent_twice() {
    let (reply, payload) = sent(Answer::Document(document()), None);
    let Reply::Answered(answered) = reply else { panic!("{reply:?}") };
    let (head, body) = over_http(Answer::Document(document()));
    let tag = answered.tag.unwrap();
    assert!(head.contains(&format!("ETag: {}\r\n", str::from_utf8(&tag).unwrap())), "{head}");
    assert_eq!((answered.status, payload), (200, body));

    let (reply, payload) = sent(Answer::Document(document()), Some(&tag));
    assert_eq!(reply, Reply::Answered(Answered { status: 304, tag: Some(tag), ..BARE }));
    assert!(payload.is_empty());
    let other = *b"\"0000000000000000\"";
    let (reply, _) = sent(Answer::Document(document()), Some(&other));
    assert!(matches!(reply, Reply::Answered(Answered { status: 200, .. })));
}

#[test]
fn a_value() {
    let answer =
        || Answer::Value { content_type: "application/json", body: b"{\"email\":1}"[..].into() };
    let (reply, payload) = sent(answer(), None);
    let Reply::Answered(answered) = reply else { panic!("{reply:?}") };
    assert_eq!(answered.content_type.as_deref(), Some("application/json"));
    assert_eq!((answered.status, answered.task, answered.spent), (200, None, None));
    assert_eq!(payload, over_http(answer()).1);
}

#[test]
fn problems() {
    let problem = Problem::new(Code::Backlog, "full").after(Duration::from_millis(1_350));
    let (reply, payload) = sent(problem.clone().into(), None);
    let expected = Failed {
        status: 503,
        code: "backlog".into(),
        retryable: true,
        submitted: Submitted::No,
        retry_after_ms: Some(1_350),
        task: None,
        spent: None,
    };
    assert_eq!(reply, Reply::Failed(expected));
    assert_eq!(payload, over_http(problem.into()).1);

    let account = Account::new(Durability::Disk, Timing::default());
    let fault = Fault::input("invalid-email", "no @");
    let problem = Problem::of_task(Code::InvalidInput, task(), fault, account);
    let (reply, _) = sent(problem.into(), None);
    let spent = UNKEYED;
    let expected = Failed {
        status: 422,
        code: "invalid-email".into(),
        retryable: false,
        submitted: Submitted::Yes,
        retry_after_ms: None,
        task: Some(task().to_ulid()),
        spent: Some(spent),
    };
    assert_eq!(reply, Reply::Failed(expected));
}

#[test]
fn a_slug_of_any_length_fits_the_header() {
    let account = Account::new(Durability::Disk, Timing::default());
    let fault = Fault { code: "ä".repeat(10_000).into(), ..Fault::input("", "") };
    let problem = Problem::of_task(Code::InvalidInput, task(), fault, account);
    let (reply, _) = sent(problem.into(), None);
    let Reply::Failed(failed) = reply else { panic!("{reply:?}") };
    assert_eq!(&*failed.code, "ä".repeat(64));
}

#[test]
fn what_ends_a_connection_says_why() {
    let mut bytes = Vec::new();
    write_goodbye(&Problem::new(Code::Draining, "going"), &mut bytes);
    let (reply, payload) = only(&bytes, 0);
    assert!(matches!(reply, Reply::Goodbye(goodbye) if &*goodbye.code == "draining"));
    assert!(String::from_utf8(payload).unwrap().contains(r#""code":"draining""#));

    let mut bytes = Vec::new();
    let problem = Problem::new(Code::VersionUnsupported, "Version 1 is spoken here.");
    write_hello_refused(&problem, &mut bytes);
    let (reply, payload) = only(&bytes, 0);
    let Reply::HelloRefused(refused) = reply else { panic!("{reply:?}") };
    assert_eq!((refused.version_min, refused.version_max), (1, 1));
    assert!(String::from_utf8(payload).unwrap().contains(r#""code":"version-unsupported""#));
}
