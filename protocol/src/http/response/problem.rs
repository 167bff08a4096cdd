//! Problems out: the fields that go with a refusal, so that a client that reads no JSON knows what to
//! do. It never decides what is refused.

use super::{
    COPIED_MAX_BYTES, Extent, HEAD_USUAL_BYTES, Writer, whole_seconds, write_ending, write_task,
};
use crate::http::lines::Lines;
use crate::problem::{Aside, Problem};
use bytes::Bytes;

/// What a document takes, but for a long detail.
const DOCUMENT_USUAL_BYTES: usize = 512;

impl Writer<'_> {
    /// The document is written first, because the head tells its length, and then changes places with
    /// the head: refusals are many just when there is no time to allocate for each.
    pub(super) fn problem(mut self, problem: &Problem) -> Option<Bytes> {
        let start = self.out.len();
        self.out.reserve(HEAD_USUAL_BYTES + DOCUMENT_USUAL_BYTES);
        problem.write_json(self.out);
        let length = self.out.len() - start;
        let long = match self.context.extent {
            Extent::HeadOnly => {
                self.out.truncate(start);
                None
            }
            Extent::Whole if length > COPIED_MAX_BYTES => Some(self.out.split_off(start).into()),
            Extent::Whole => None,
        };
        let copied = self.out.len() - start;
        self.problem_head(problem, length);
        self.out[start..].rotate_left(copied);
        long
    }

    fn problem_head(&mut self, problem: &Problem, length: usize) {
        let mut lines = Lines::start(self.out, problem.code.status());
        lines.fixed("Content-Type: application/problem+json\r\n");
        lines.number("Content-Length: ", length as u64);
        // A 404 may be stored unless told otherwise (RFC 9110, section 15.1).
        lines.fixed("Cache-Control: no-store\r\n");
        if let Some(wait) = problem.retry_after {
            lines.number("Retry-After: ", whole_seconds(wait));
        }
        write_terms(&mut lines, problem);
        match (problem.task, problem.account.as_deref()) {
            (Some(task), Some(account)) => write_task(&mut lines, task, *account),
            (Some(task), None) => lines.text("Overtime-Task: ", &task.to_ulid()),
            (None, _) => {}
        }
        write_ending(lines, self.context, self.date);
    }
}

/// What the caller would have to do otherwise, or less of.
fn write_terms(lines: &mut Lines<'_>, problem: &Problem) {
    if let Some(methods) = problem.allow {
        lines.text("Allow: ", methods.as_bytes());
    }
    if let Some(challenge) = problem.challenge {
        lines.text("WWW-Authenticate: ", challenge.as_bytes());
    }
    if let Some(Aside::Limit(limit)) = problem.aside.as_deref() {
        lines.written("RateLimit: ", |out| limit.write_state(out));
        lines.written("RateLimit-Policy: ", |out| limit.write_policy(out));
    }
}
