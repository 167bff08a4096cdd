//! Answers out: how each answer looks as an HTTP/1.1 message. It decides fields and never what is
//! answered.

use super::head::{Head, Method, Version};
use super::lines::Lines;
use super::{Field, content_type, etag};
use crate::answer::{Account, Answer, Idempotency, Timing};
use crate::id::TaskId;
use crate::job::Product;
use crate::kind::Durability;
use crate::repair::{RepairProgress, write_print};
use crate::task::Document;
use bytes::Bytes;
use std::time::Duration;

mod problem;

/// Bodies up to this length are copied behind their head; longer ones are handed back, to be
/// written from where they are.
const COPIED_MAX_BYTES: usize = 4 * 1024;

/// What the head of an answer takes at most, but for a long content type.
const HEAD_USUAL_BYTES: usize = 512;

/// What of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The head and the body.
    Whole,
    /// The head, as if the body followed: for HEAD.
    HeadOnly,
}

/// What becomes of the connection behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It waits for the next request.
    KeepAlive,
    /// It is closed.
    Close,
}

/// What must be known of a request to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyContext {
    /// What of the answer is sent.
    pub extent: Extent,
    /// The version that the client speaks.
    pub version: Version,
    /// What becomes of the connection.
    pub after: After,
    /// The request's `If-None-Match`.
    pub if_none_match: Option<Box<str>>,
    /// The wait in seconds that was taken from `Prefer`, as it was applied; 0 stands for
    /// `respond-async`. Told in `Preference-Applied`, unless the answer is a problem.
    pub wait_applied: Option<u32>,
}

impl ReplyContext {
    /// The context of a request's answer, before any preference was applied.
    pub fn of(head: &Head) -> Self {
        let reads = matches!(head.method, Method::Get | Method::Head);
        Self {
            extent: if head.method == Method::Head { Extent::HeadOnly } else { Extent::Whole },
            version: head.version,
            after: if head.keep_alive() { After::KeepAlive } else { After::Close },
            if_none_match: reads.then(|| head.field(Field::IfNoneMatch).map(Into::into)).flatten(),
            wait_applied: None,
        }
    }

    /// The context of an answer to bytes that were no request: the last on its connection.
    pub fn closing() -> Self {
        Self {
            extent: Extent::Whole,
            version: Version::Http11,
            after: After::Close,
            if_none_match: None,
            wait_applied: None,
        }
    }
}

/// Appends the answer to `out`: its head, and its body up to 4 KiB. A longer body is returned, to
/// be sent behind `out`. `date` is the `Date` field's value, an IMF-fixdate.
pub fn write_answer(
    answer: Answer,
    context: &ReplyContext,
    date: &str,
    out: &mut Vec<u8>,
) -> Option<Bytes> {
    let writer = Writer { context, date, out };
    match answer {
        Answer::Result { task, product, account } => writer.result(task, product, account),
        Answer::Accepted { document, retry_after, replayed } => {
            let idempotency = Idempotency { expires: None, replayed };
            writer.accepted(&document, retry_after, idempotency)
        }
        Answer::Document(document) => {
            writer.entity("application/json", json(&document).into(), Some(&document))
        }
        Answer::Value { content_type, body } => writer.entity(content_type, body, None),
        Answer::Repairing { print, progress } => writer.repairing(print, &progress),
        Answer::Problem(problem) => writer.problem(&problem),
        Answer::Sighted(_) => unreachable!("the core has a page written of it"),
        Answer::Events(_) => unreachable!("whoever follows a task takes its events apart"),
    }
}

/// Appends the head of a stream of events to `out`; its body follows in chunks, or until the
/// connection closes if the client speaks a version without them.
pub fn write_stream_head(task: TaskId, context: &ReplyContext, date: &str, out: &mut Vec<u8>) {
    let mut lines = Lines::start(out, 200);
    lines.fixed("Content-Type: text/event-stream\r\nCache-Control: no-store\r\n");
    if context.version == Version::Http11 {
        lines.fixed("Transfer-Encoding: chunked\r\n");
    }
    lines.text("Overtime-Task: ", &task.to_ulid());
    write_ending(lines, context, date);
}

/// Appends the answer to whoever has seen the last event of a task: 204, which tells a client that
/// comes back by itself to stop doing so (HTML, server-sent events).
pub fn write_no_more_events(task: TaskId, context: &ReplyContext, date: &str, out: &mut Vec<u8>) {
    let mut lines = Lines::start(out, 204);
    lines.fixed("Cache-Control: no-store\r\n");
    lines.text("Overtime-Task: ", &task.to_ulid());
    write_ending(lines, context, date);
}

fn json(document: &Document) -> Vec<u8> {
    let mut body = Vec::with_capacity(512);
    document.write_json(&mut body);
    body
}

struct Writer<'a> {
    context: &'a ReplyContext,
    date: &'a str,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn result(self, task: TaskId, product: Product, account: Account) -> Option<Bytes> {
        let Product { content_type, body } = product;
        self.message(200, content_type::checked(content_type.as_deref()), body, |lines| {
            write_task(lines, task, account);
        })
    }

    fn accepted(
        self,
        document: &Document,
        retry_after: Duration,
        idempotency: Idempotency,
    ) -> Option<Bytes> {
        self.message(202, "application/json", json(document).into(), |lines| {
            lines.text("Location: /v1/tasks/", &document.id.to_ulid());
            lines.number("Retry-After: ", whole_seconds(retry_after));
            write_task(lines, document.id, Account { idempotency, ..Account::of(document) });
        })
    }

    fn repairing(self, print: u64, progress: &RepairProgress) -> Option<Bytes> {
        let mut body = Vec::new();
        RepairProgress::write_json(print, Some(progress), &mut body);
        self.message(202, "application/json", body.into(), |lines| {
            lines.text("Location: /v1/errors/", write_print(print).as_bytes());
        })
    }

    /// 200 with what is there now, or 304 if the caller has it.
    fn entity(self, content_type: &str, body: Bytes, task: Option<&Document>) -> Option<Bytes> {
        let tag = etag::of(&body);
        let known = self.context.if_none_match.as_deref();
        if known.is_some_and(|known| etag::is_named(known, &tag)) {
            return self.not_modified(&tag);
        }
        self.message(200, content_type, body, |lines| {
            write_validators(lines, &tag);
            if let Some(task) = task {
                write_task(lines, task.id, Account::of(task));
            }
        })
    }

    /// A 304 has no body and says nothing about one.
    fn not_modified(self, tag: &[u8]) -> Option<Bytes> {
        let mut lines = Lines::start(self.out, 304);
        write_validators(&mut lines, tag);
        write_preference(&mut lines, self.context);
        write_ending(lines, self.context, self.date);
        None
    }

    fn message(
        mut self,
        status: u16,
        content_type: &str,
        body: Bytes,
        write_own: impl FnOnce(&mut Lines<'_>),
    ) -> Option<Bytes> {
        self.out.reserve(HEAD_USUAL_BYTES + body.len().min(COPIED_MAX_BYTES));
        let mut lines = Lines::start(self.out, status);
        lines.text("Content-Type: ", content_type.as_bytes());
        lines.number("Content-Length: ", body.len() as u64);
        write_own(&mut lines);
        write_preference(&mut lines, self.context);
        write_ending(lines, self.context, self.date);
        self.body(body)
    }

    fn body(&mut self, body: Bytes) -> Option<Bytes> {
        match self.context.extent {
            Extent::HeadOnly => None,
            Extent::Whole if body.len() > COPIED_MAX_BYTES => Some(body),
            Extent::Whole => {
                self.out.extend_from_slice(&body);
                None
            }
        }
    }
}

/// What every answer to a task tells beside its body.
fn write_task(lines: &mut Lines<'_>, task: TaskId, account: Account) {
    lines.text("Overtime-Task: ", &task.to_ulid());
    lines.fixed(match account.durability {
        Durability::Memory => "Overtime-Durability: memory\r\n",
        Durability::Disk => "Overtime-Durability: disk\r\n",
    });
    let Timing { queue, exec, journal } = account.timing;
    lines.spans([
        ("Server-Timing: queue;dur=", queue),
        (", exec;dur=", exec),
        (", journal;dur=", journal),
    ]);
    let Idempotency { expires, replayed } = account.idempotency;
    if let Some(expires) = expires {
        lines.text("Overtime-Idempotency-Expires: ", expires.to_string().as_bytes());
    }
    if replayed {
        lines.fixed("Idempotency-Replayed: true\r\n");
    }
}

/// A document may be kept, and must be asked for again each time: that is what its tag is for.
fn write_validators(lines: &mut Lines<'_>, tag: &[u8]) {
    lines.text("ETag: ", tag);
    lines.fixed("Cache-Control: no-cache\r\n");
}

fn write_preference(lines: &mut Lines<'_>, context: &ReplyContext) {
    match context.wait_applied {
        None => {}
        Some(0) => lines.fixed("Preference-Applied: respond-async\r\n"),
        Some(seconds) => lines.number("Preference-Applied: wait=", u64::from(seconds)),
    }
}

/// Persistence is told where it is not the version's default (RFC 9112, section 9.3).
fn write_ending(mut lines: Lines<'_>, context: &ReplyContext, date: &str) {
    lines.text("Date: ", date.as_bytes());
    match (context.after, context.version) {
        (After::Close, _) => lines.fixed("Connection: close\r\n"),
        (After::KeepAlive, Version::Http10) => lines.fixed("Connection: keep-alive\r\n"),
        (After::KeepAlive, Version::Http11) => {}
    }
    lines.end();
}

/// Rounded up, so that nobody comes too early, and at least 1.
fn whole_seconds(wait: Duration) -> u64 {
    let partial = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(partial).max(1)
}

#[cfg(test)]
mod tests;
