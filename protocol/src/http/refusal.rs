//! Refusals: why the bytes of a message are not taken. It is a problem without what framing never
//! knows (a task, a fault), small enough to be returned from every byte and kept for good.

use crate::problem::{Code, Problem};

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: Code,
    detail: &'static str,
}

impl Refusal {
    pub(super) const fn new(code: Code, detail: &'static str) -> Self {
        Self { code, detail }
    }

    /// The request is not HTTP.
    pub(super) const fn malformed(detail: &'static str) -> Self {
        Self::new(Code::MalformedRequest, detail)
    }

    /// Two readers could disagree about where the request ends.
    pub(super) const fn ambiguous(detail: &'static str) -> Self {
        Self::new(Code::AmbiguousFraming, detail)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.detail)
    }
}
