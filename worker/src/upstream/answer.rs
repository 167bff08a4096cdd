//! An answer: it is read as far as it matters, and judged by its status.

use super::excerpt::excerpt;
use super::route::{Allowed, Delivered, Missed, Route};
use super::statuses::Verdict;
use super::told::{Told, retry_after};
use crate::failure::Failure;
use crate::product::json_type;
use bytes::Bytes;
use overtime_protocol::{CallEnd, CallFailure, Fault, Product, Source, UnixMillis};
use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::{Body, Error};

/// So much of an answer that is no result is read: beyond it a new connection is cheaper than the
/// rest of this one.
const REFUSAL_MAX_BYTES: usize = 64 * 1024;

/// What is set aside for a body before it is there, at most: a length is only a promise.
const PROMISED_MAX_BYTES: usize = 64 * 1024;

/// An answer of which the head is there.
pub(super) struct Reading<'a> {
    pub(super) route: &'a Route,
    pub(super) response: Response<Body>,
    pub(super) allowed: Allowed,
}

/// An answer of which all is there that matters.
pub(super) struct Read {
    status: StatusCode,
    headers: HeaderMap,
    verdict: Verdict,
    body: Bytes,
}

impl Reading<'_> {
    pub(super) fn read(self) -> Result<Read, Missed> {
        let (parts, mut body) = self.response.into_parts();
        let verdict = self.route.statuses.verdict(parts.status);
        let promised = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let promised = promised.and_then(|text| text.parse().ok()).unwrap_or(0_usize);
        let (max, whole) = match verdict {
            Verdict::Done => (self.route.service.answer_max_bytes, true),
            Verdict::Retry | Verdict::Fail | Verdict::Park => (REFUSAL_MAX_BYTES, false),
        };
        if whole && promised > max {
            return Err(Missed::TooLarge(max));
        }
        let mut bytes = Vec::with_capacity(promised.min(PROMISED_MAX_BYTES));
        let mut reader = body.as_reader().take(max as u64 + 1);
        match reader.read_to_end(&mut bytes) {
            Ok(_) if whole && bytes.len() > max => return Err(Missed::TooLarge(max)),
            Ok(_) => {}
            Err(error) => return Err(Route::lost(Error::from(error), self.allowed)),
        }
        let body = Bytes::from(bytes);
        Ok(Read { status: parts.status, headers: parts.headers, verdict, body })
    }
}

/// Reads on to the end of what nobody needs, so that the connection can be used again.
pub(super) fn discard(response: Response<Body>) {
    let mut rest = response.into_body().into_reader().take(REFUSAL_MAX_BYTES as u64);
    // If it breaks here, the connection is not used again, and that is all.
    let _ = io::copy(&mut rest, &mut io::sink());
}

impl Route {
    /// What an answer means.
    pub(super) fn judge(&self, read: Read, now: UnixMillis) -> Delivered {
        let asked = retry_after(&read.headers, now);
        let end = end(read.status, asked);
        match Told::read(&read.headers) {
            Err(failure) => Delivered { result: Err(failure), end, told: Told::default() },
            Ok(told) => Delivered { result: self.result(read, asked), end, told },
        }
    }

    fn result(&self, read: Read, asked: Option<Duration>) -> Result<Product, Failure> {
        let failure: fn(Fault) -> Failure = match read.verdict {
            Verdict::Done => {
                let content_type = content_type(&read.headers);
                return Ok(Product { content_type, body: read.body });
            }
            Verdict::Retry => Failure::Ephemeral,
            Verdict::Fail => Failure::Input,
            Verdict::Park => Failure::Defect,
        };
        let said = excerpt(&read.body, self.service.bearer.as_deref());
        let reason = read.status.canonical_reason().unwrap_or("");
        let detail =
            format!("{} has answered {} {reason}", self.service.name, read.status.as_u16());
        let detail = detail.trim_end();
        let detail = if said.is_empty() { detail.to_owned() } else { format!("{detail}: {said}") };
        let fault = match read.verdict {
            Verdict::Retry => Fault { retry_after: asked, ..Fault::ephemeral("", detail) },
            Verdict::Done | Verdict::Fail | Verdict::Park => Fault::input("", detail),
        };
        let code = format!("upstream-{}", read.status.as_u16()).into();
        Err(failure(Fault { code, source: Source::Upstream, ..fault }))
    }
}

/// What an answer tells of the service.
fn end(status: StatusCode, retry_after: Option<Duration>) -> CallEnd {
    match status.as_u16() {
        429 => CallEnd::Busy { retry_after },
        status @ (408 | 500..=599) => CallEnd::Failed(CallFailure::Status(status)),
        _ => CallEnd::Answered,
    }
}

/// What the result is; nearly always JSON, of which the name is shared.
fn content_type(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(if text == "application/json" { json_type() } else { text.into() })
}
