//! One request to do something, in the words that both protocols share.

use overtime_protocol::Form;
use overtime_protocol::native::{Request, Submit};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// What is to be done, and how long the caller waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Submission {
    pub(super) kind: &'static str,
    pub(super) form: Form,
    pub(super) wait_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) content_type: &'static str,
    pub(super) key: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Submission {
    /// As the bytes of an HTTP request.
    pub(super) fn to_http(&self, address: SocketAddr) -> Vec<u8> {
        let Self { kind, wait_ms, delay_ms, content_type, .. } = self;
        let place = match self.form {
            Form::Single => "tasks",
            Form::Bulk => "bulk",
        };
        let mut head = format!("POST /v1/{place}/{kind}?wait={wait_ms}ms");
        let said = "a text takes all that is written";
        if *delay_ms > 0 {
            write!(head, "&delay={delay_ms}ms").expect(said);
        }
        write!(head, " HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\n")
            .expect(said);
        if let Some(key) = &self.key {
            write!(head, "Idempotency-Key: \"{key}\"\r\n").expect(said);
        }
        write!(head, "Content-Length: {}\r\n\r\n", self.body.len()).expect(said);
        [head.as_bytes(), &self.body].concat()
    }

    /// As the message of a frame, whose payload is the body.
    pub(super) fn to_native(&self) -> Request {
        Request::Submit(Box::new(Submit {
            form: self.form,
            wait_ms: Some(self.wait_ms),
            delay_ms: self.delay_ms,
            content_type: Some(self.content_type.into()),
            idempotency_key: self.key.as_deref().map(Into::into),
            ..Submit::to(self.kind)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_say_the_same() {
        let submission = Submission {
            kind: "echo",
            form: Form::Bulk,
            wait_ms: 5,
            delay_ms: 70,
            content_type: "text/csv",
            key: Some("k-1".to_owned()),
            body: b"body".to_vec(),
        };
        let http = submission.to_http("127.0.0.1:7070".parse().unwrap());
        let text = String::from_utf8(http).unwrap();
        assert_eq!(
            text,
            "POST /v1/bulk/echo?wait=5ms&delay=70ms HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n\
             Content-Type: text/csv\r\nIdempotency-Key: \"k-1\"\r\nContent-Length: 4\r\n\r\nbody"
        );
        let Request::Submit(submit) = submission.to_native() else { panic!("another message") };
        assert_eq!((&*submit.kind, submit.form, submit.wait_ms), ("echo", Form::Bulk, Some(5)));
        assert_eq!((submit.delay_ms, submit.content_type.as_deref()), (70, Some("text/csv")));
        assert_eq!(submit.idempotency_key.as_deref(), Some("k-1"));
    }
}
