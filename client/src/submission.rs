//! Work to be submitted. It is never sent without a key, so that to send it again is never to do it
//! again.

use bytes::Bytes;
use overtime_protocol::{IdempotencyKey, KindName};
use std::time::Duration;

/// A content type and a trace together leave room for the other fields of a native header.
const FIELD_MAX_BYTES: usize = 1024;

/// Work to be submitted: a kind, a payload, and what may be said beside them.
#[derive(Clone, Debug)]
pub struct Submission {
    pub(crate) kind: String,
    pub(crate) payload: Bytes,
    pub(crate) content_type: Option<String>,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) wait: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) delay: Option<Duration>,
    pub(crate) urgency: Option<u8>,
    pub(crate) traceparent: Option<String>,
}

impl Submission {
    /// That payload for a handler of that kind.
    pub fn new(kind: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self {
            kind: kind.into(),
            payload: payload.into(),
            content_type: None,
            key: None,
            wait: None,
            deadline: None,
            delay: None,
            urgency: None,
            traceparent: None,
        }
    }

    /// What the payload is. Bulk wants `application/json`, `application/x-ndjson` or `text/csv`.
    #[must_use]
    pub fn content_type(self, content_type: impl Into<String>) -> Self {
        Self { content_type: Some(content_type.into()), ..self }
    }

    /// The key under which this is the same work whoever sends it again. Each call that is given
    /// none has one of its own by chance.
    #[must_use]
    pub fn key(self, key: IdempotencyKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// How long the server may hold the connection before it answers 202; unless it is said, as long
    /// as the deadline allows. The call goes on to wait for the result either way.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    /// How long the whole call may take, repetitions and polls included.
    #[must_use]
    pub fn deadline(self, span: Duration) -> Self {
        Self { deadline: Some(span), ..self }
    }

    /// The work starts no earlier than that.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// From 0 to 7; above 3, others of the lane go first.
    #[must_use]
    pub fn urgency(self, urgency: u8) -> Self {
        Self { urgency: Some(urgency), ..self }
    }

    /// The trace that the work belongs to (W3C Trace Context).
    #[must_use]
    pub fn traceparent(self, traceparent: impl Into<String>) -> Self {
        Self { traceparent: Some(traceparent.into()), ..self }
    }

    /// What of it cannot be said on the wire.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let is_line = |text: &Option<String>| {
            let is_shown = |byte: u8| matches!(byte, b' '..=b'~');
            text.as_ref()
                .is_none_or(|text| text.len() <= FIELD_MAX_BYTES && text.bytes().all(is_shown))
        };
        if KindName::new(&self.kind).is_none() {
            return Err("the name of a kind is [a-z0-9][a-z0-9._-]{0,63}");
        }
        if self.urgency.is_some_and(|urgency| urgency > 7) {
            return Err("an urgency is a number from 0 to 7");
        }
        match is_line(&self.content_type) && is_line(&self.traceparent) {
            true => Ok(()),
            false => Err("a content type or a trace is a short line of visible ASCII"),
        }
    }

    /// The key that it was given, or one that nobody else has.
    pub(crate) fn key_or_chance(&self) -> IdempotencyKey {
        self.key.clone().unwrap_or_else(key_by_chance)
    }
}

/// 128 bits that nobody can guess and nobody has had before.
fn key_by_chance() -> IdempotencyKey {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the operating system gives chance");
    let text = format!("{:032x}", u128::from_be_bytes(bits));
    IdempotencyKey::new(&text).expect("32 hexadecimal digits are a key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_said_is_found_before_anything_is_sent() {
        let echo = || Submission::new("echo", "");
        assert_eq!(echo().content_type("text/csv; header=present").urgency(7).check(), Ok(()));
        assert!(Submission::new("no kind", "").check().is_err());
        assert!(echo().urgency(8).check().is_err());
        assert!(echo().content_type("a\r\nb: c").check().is_err());
        assert!(echo().traceparent("a".repeat(2000)).check().is_err());
    }

    #[test]
    fn keys_by_chance_differ_and_a_key_that_was_given_stays() {
        let submission = Submission::new("echo", "");
        let (first, second) = (submission.key_or_chance(), submission.key_or_chance());
        assert!(first != second && first.as_str().len() == 32, "{first:?} {second:?}");
        let key = IdempotencyKey::new("signup-42").unwrap();
        assert_eq!(submission.key(key.clone()).key_or_chance(), key);
    }
}
