//! Answers out: how each answer looks as a frame. It decides fields and never what is answered.

use super::VERSION;
use super::message::write;
use super::reply::{Answered, Failed, Goodbye, HelloRefused, Reply, Spent};
use crate::answer::{Account, Answer};
use crate::http::{content_type, etag};
use crate::problem::Problem;
use crate::repair::RepairProgress;
use crate::task::Document;
use bytes::Bytes;
use std::time::Duration;

/// A document's tag: the `ETag` of HTTP, quotes included.
pub type Tag = [u8; 18];

/// Payloads up to this length are copied behind their header; longer ones are handed back, to be
/// written from where they are.
const COPIED_MAX_BYTES: usize = 4 * 1024;

/// The longest slug that a header repeats. Those of handlers are theirs to choose.
const CODE_MAX_BYTES: usize = 128;

/// Appends the answer to the request `id`: its header, and its payload up to 4 KiB. A longer
/// payload is returned, to be sent behind `out`. `known_tag` is that of the document which the
/// client has.
pub fn write_answer(
    id: u32,
    answer: Answer,
    known_tag: Option<&Tag>,
    out: &mut Vec<u8>,
) -> Option<Bytes> {
    match answer {
        Answer::Result { task, product, account } => {
            let answered = Answered {
                content_type: product.content_type.filter(|text| content_type::is_sound(text)),
                task: Some(task.to_ulid()),
                spent: Some(account.into()),
                ..with_status(200)
            };
            write_with(id, Reply::Answered(answered), product.body, out)
        }
        Answer::Accepted { document, retry_after, replayed } => {
            let about = about(202, &document);
            let spent = about.spent.map(|spent| Spent { replayed, ..spent });
            let answered = Answered { retry_after_ms: Some(millis(retry_after)), spent, ..about };
            write_with(id, Reply::Answered(answered), json(&document), out)
        }
        Answer::Document(document) => {
            write_entity(id, about(200, &document), json(&document), known_tag, out)
        }
        Answer::Value { content_type, body } => {
            let answered = Answered { content_type: Some(content_type.into()), ..with_status(200) };
            write_entity(id, answered, body, known_tag, out)
        }
        Answer::Repairing { print, progress } => {
            let mut body = Vec::new();
            RepairProgress::write_json(print, Some(&progress), &mut body);
            let content_type = Some("application/json".into());
            let answered = Answered { content_type, ..with_status(202) };
            write_with(id, Reply::Answered(answered), body.into(), out)
        }
        Answer::Sighted(_) => unreachable!("the core has a page written of it"),
        Answer::Events(_) => unreachable!("events are followed over HTTP only"),
        Answer::Problem(problem) => {
            write_with(id, Reply::Failed(failed(&problem)), document_of(&problem), out)
        }
    }
}

/// Appends that nothing more is read, and why.
pub fn write_goodbye(problem: &Problem, out: &mut Vec<u8>) {
    let goodbye = Goodbye { code: slug(problem).into() };
    write_whole(Reply::Goodbye(goodbye), &document_of(problem), out);
}

/// Appends why the client is not welcome, and which versions are spoken here.
pub fn write_hello_refused(problem: &Problem, out: &mut Vec<u8>) {
    let refused = HelloRefused { version_min: VERSION, version_max: VERSION };
    write_whole(Reply::HelloRefused(refused), &document_of(problem), out);
}

/// 200 with what is there now, or 304 if the client has it.
fn write_entity(
    id: u32,
    answered: Answered,
    body: Bytes,
    known_tag: Option<&Tag>,
    out: &mut Vec<u8>,
) -> Option<Bytes> {
    let tag = etag::of(&body);
    if known_tag == Some(&tag) {
        let unchanged = Answered { tag: Some(tag), ..with_status(304) };
        return write_with(id, Reply::Answered(unchanged), Bytes::new(), out);
    }
    write_with(id, Reply::Answered(Answered { tag: Some(tag), ..answered }), body, out)
}

fn write_with(id: u32, reply: Reply, payload: Bytes, out: &mut Vec<u8>) -> Option<Bytes> {
    write_head(id, &reply, payload.len(), out);
    if payload.len() > COPIED_MAX_BYTES {
        return Some(payload);
    }
    out.extend_from_slice(&payload);
    None
}

fn write_whole(reply: Reply, payload: &[u8], out: &mut Vec<u8>) {
    write_head(0, &reply, payload.len(), out);
    out.extend_from_slice(payload);
}

fn write_head(id: u32, reply: &Reply, payload_len: usize, out: &mut Vec<u8>) {
    let written = write(id, reply, payload_len as u64, out);
    written.expect("every text in a server's header has a bound far below the header's");
}

fn with_status(status: u16) -> Answered {
    Answered {
        status,
        content_type: None,
        task: None,
        spent: None,
        retry_after_ms: None,
        tag: None,
    }
}

fn about(status: u16, document: &Document) -> Answered {
    Answered {
        content_type: Some("application/json".into()),
        task: Some(document.id.to_ulid()),
        spent: Some(Account::of(document).into()),
        ..with_status(status)
    }
}

fn failed(problem: &Problem) -> Failed {
    Failed {
        status: problem.code.status(),
        code: slug(problem).into(),
        retryable: problem.code.is_retryable(),
        submitted: problem.submitted,
        retry_after_ms: problem.retry_after.map(millis),
        task: problem.task.map(|task| task.to_ulid()),
        spent: problem.account.as_deref().map(|account| (*account).into()),
    }
}

/// The slug as the document shows it, cut if it is very long.
fn slug(problem: &Problem) -> &str {
    let slug = problem.slug();
    &slug[..slug.floor_char_boundary(CODE_MAX_BYTES)]
}

fn json(document: &Document) -> Bytes {
    let mut body = Vec::with_capacity(512);
    document.write_json(&mut body);
    body.into()
}

fn document_of(problem: &Problem) -> Bytes {
    let mut body = Vec::with_capacity(512);
    problem.write_json(&mut body);
    body.into()
}

/// Rounded up, so that nobody comes too early.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
