//! One frame of every type, the smallest and the largest: what the golden vectors say.

use overtime_protocol::native::{
    Answered, Failed, Get, GetContact, Goodbye, Hello, HelloRefused, Listing, Named, Part, Reply,
    Request, Spent, Submit, VERSION, Welcome,
};
use overtime_protocol::{Durability, Form, Submitted};

/// One frame, and the file that holds its bytes.
pub(crate) struct Case<M> {
    pub(crate) file: &'static str,
    pub(crate) says: &'static str,
    pub(crate) id: u32,
    pub(crate) message: M,
    pub(crate) payload: &'static [u8],
}

const TASK: [u8; 26] = *b"01KAJ7M9Y8000000000000G001";
const TAG: [u8; 18] = *b"\"85944171f73967e8\"";
const SPENT: Spent = Spent {
    durability: Durability::Disk,
    queue_us: 12,
    exec_us: 250,
    journal_us: 70_000,
    replayed: true,
    key_expires_ms: Some(1_800_000_000_000),
};

fn case<M>(file: &'static str, says: &'static str, id: u32, message: M) -> Case<M> {
    Case { file, says, id, message, payload: b"" }
}

/// The other way to begin.
pub(crate) fn hello_with_key() -> Case<Request> {
    let key = Some(format!("ot_abcdefghij_{}", "0123456789abcdef".repeat(4)).into());
    let hello = Hello { key, ..Hello::from("example/1.0") };
    case("hello-key", "the same of one that shows a key", 0, Request::Hello(hello))
}

/// What a client may say.
pub(crate) fn requests() -> Vec<Case<Request>> {
    let hello = Hello::from("example/1.0");
    let full = Submit {
        kind: "contacts.upsert".into(),
        form: Form::Bulk,
        wait_ms: Some(250),
        respond_async: true,
        strict: true,
        urgency: 5,
        delay_ms: 30_000,
        content_type: Some("application/x-ndjson".into()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        idempotency_key: Some("order-17".into()),
    };
    let get = Get { task: TASK, part: Part::Document, wait_ms: Some(10_000), known_tag: Some(TAG) };
    let result = Get { task: TASK, part: Part::Result, wait_ms: None, known_tag: None };
    let errors = Get { part: Part::Errors, ..result.clone() };
    let contact = GetContact { email: "ada@example.com".into(), known_tag: None };
    vec![
        case(
            "hello",
            "the first frame of a client that speaks version 1",
            0,
            Request::Hello(hello),
        ),
        Case {
            payload: b"hello",
            ..case(
                "submit-smallest",
                "runs `echo`, says nothing else",
                1,
                submit(Submit::to("echo")),
            )
        },
        Case {
            payload: b"{\"email\":\"a@b\"}\n",
            ..case("submit-full", "every field of a submission", 0x0102_0304, submit(full))
        },
        case(
            "submit-largest",
            "a header of 4,096 bytes, and the largest id",
            u32::MAX,
            submit(largest()),
        ),
        case("get-document", "a long poll with a known tag", 2, Request::Get(get)),
        case("get-result", "a task's result", 3, Request::Get(result)),
        case("get-errors", "what was wrong with items", 9, Request::Get(errors)),
        case("get-contact", "a contact", 4, Request::GetContact(contact)),
        case("ping", "the smallest frame", 5, Request::Ping),
    ]
    .into_iter()
    .chain(steering())
    .collect()
}

fn steering() -> Vec<Case<Request>> {
    let named = Named { task: TASK };
    let tasks = Listing { query: "state=parked&kind=contacts.upsert&limit=10".into() };
    let errors = Listing { query: "".into() };
    vec![
        case("cancel", "a task is cancelled", 10, Request::Cancel(named.clone())),
        case("retry", "a parked task runs again", 11, Request::Retry(named.clone())),
        case("explain", "why a task is where it is", 12, Request::Explain(named)),
        case("list", "ten parked tasks", 13, Request::List(tasks)),
        case("errors", "the ledger, whatever is in it", 14, Request::Errors(errors)),
    ]
}

fn submit(submit: Submit) -> Request {
    Request::Submit(Box::new(submit))
}

/// What is too long to be of use is still a header, if only just.
pub(crate) fn largest() -> Submit {
    Submit { traceparent: Some("0".repeat(4_079).into()), ..Submit::to("echo") }
}

/// What a server may say.
pub(crate) fn replies() -> Vec<Case<Reply>> {
    let welcome = Welcome {
        version: VERSION,
        server: "overtime/0.1.0".into(),
        in_flight_max: 1_024,
        header_max_bytes: 4_096,
        payload_max_bytes: 64 * 1024 * 1024,
        wait_default_ms: 10_000,
        wait_max_ms: 60_000,
    };
    let bare = Answered {
        status: 200,
        content_type: None,
        task: None,
        spent: None,
        retry_after_ms: None,
        tag: None,
    };
    let full = Answered {
        status: 202,
        content_type: Some("application/json".into()),
        task: Some(TASK),
        spent: Some(SPENT),
        retry_after_ms: Some(1_350),
        tag: Some(TAG),
    };
    vec![
        case("welcome", "the answer to a hello", 0, Reply::Welcome(welcome)),
        Case {
            payload: b"hello",
            ..case("answered-smallest", "bytes and nothing else", 1, Reply::Answered(bare))
        },
        Case {
            payload: b"{}",
            ..case("answered-full", "every field of an answer", 0x0102_0304, Reply::Answered(full))
        },
        case("pong", "the answer to a ping", 5, Reply::Pong),
    ]
    .into_iter()
    .chain(problems())
    .collect()
}

fn problems() -> Vec<Case<Reply>> {
    let failed = Failed {
        status: 503,
        code: "backlog".into(),
        retryable: true,
        submitted: Submitted::No,
        retry_after_ms: Some(1_350),
        task: None,
        spent: None,
    };
    let own = Failed {
        status: 422,
        code: "invalid-email".into(),
        retryable: false,
        submitted: Submitted::Yes,
        retry_after_ms: None,
        task: Some(TASK),
        spent: Some(SPENT),
    };
    let refused = HelloRefused { version_min: VERSION, version_max: VERSION };
    vec![
        Case {
            payload: b"{\"code\":\"version-unsupported\"}",
            ..case("hello-refused", "only version 1 is spoken", 0, Reply::HelloRefused(refused))
        },
        Case {
            payload: b"{\"code\":\"backlog\"}",
            ..case("failed-server", "the server is over its budget", 6, Reply::Failed(failed))
        },
        Case {
            payload: b"{\"code\":\"invalid-email\"}",
            ..case("failed-task", "the task's own problem", 7, Reply::Failed(own))
        },
        Case {
            payload: b"{\"code\":\"draining\"}",
            ..case(
                "goodbye",
                "the server is on its way out",
                0,
                Reply::Goodbye(Goodbye { code: "draining".into() }),
            )
        },
    ]
}
