//! Problems out: the fields that go with a refusal, so that a client that reads no JSON knows what to
//! do. It never decides what is refused.

use super::{HEAD_USUAL_BYTES, Writer, whole_seconds, write_ending, write_task};
use crate::http::lines::Lines;
use crate::problem::Problem;
use bytes::Bytes;

impl Writer<'_> {
    pub(super) fn problem(mut self, problem: &Problem) -> Option<Bytes> {
        let mut body = Vec::with_capacity(512);
        problem.write_json(&mut body);
        self.out.reserve(HEAD_USUAL_BYTES + body.len());
        let mut lines = Lines::start(self.out, problem.code.status());
        lines.fixed("Content-Type: application/problem+json\r\n");
        lines.number("Content-Length: ", body.len() as u64);
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
        self.body(body.into())
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
    if let Some(limit) = &problem.limit {
        lines.text("RateLimit: ", limit.state().as_bytes());
        lines.text("RateLimit-Policy: ", limit.policy().as_bytes());
    }
}
