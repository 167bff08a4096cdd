//! Submissions as frames. A load is written once, in the words of HTTP; here its requests are put
//! into frames with the same kind, content type and body. It knows submissions and nothing else.

use crate::head::header;
use anyhow::{Context, bail};
use memchr::memmem;
use overtime_protocol::native::{Request, Submit, write};

/// Where a preamble holds the request's id.
const ID_AT: usize = 4;

/// Turns requests into frames. As long as the heads are the same, that costs two copies.
#[derive(Debug, Default)]
pub struct Frames {
    head: Vec<u8>,
    body_bytes: usize,
    /// The frame up to its payload.
    start: Vec<u8>,
}

impl Frames {
    /// Appends the frame of an HTTP `request`, as the request `id`, which is not 0.
    ///
    /// # Errors
    /// If it is no submission of one task.
    pub fn write(&mut self, request: &[u8], id: u32, out: &mut Vec<u8>) -> anyhow::Result<()> {
        let end = memmem::find(request, b"\r\n\r\n").context("the request has no head")? + 4;
        let (head, body) = request.split_at(end);
        if head != self.head || body.len() != self.body_bytes {
            self.start = start(head, body.len())?;
            (self.head, self.body_bytes) = (head.to_vec(), body.len());
        }
        let at = out.len() + ID_AT;
        out.extend_from_slice(&self.start);
        out[at..at + 4].copy_from_slice(&id.to_le_bytes());
        out.extend_from_slice(body);
        Ok(())
    }
}

fn start(head: &[u8], body_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let kind =
        line.strip_prefix(b"POST /v1/tasks/").and_then(|rest| rest.strip_suffix(b" HTTP/1.1"));
    let Some(kind) = kind.and_then(|kind| str::from_utf8(kind).ok()) else {
        bail!("only submissions have frames here");
    };
    let content_type = header(head, "content-type").map(Into::into);
    let submit = Request::Submit(Box::new(Submit { content_type, ..Submit::to(kind) }));
    let mut start = Vec::new();
    write(1, &submit, body_bytes as u64, &mut start)?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request;
    use overtime_protocol::native::{Deframer, Hello, Limits, Step};

    #[test]
    fn a_submission_is_the_same_in_a_frame() {
        let target = "127.0.0.1:7070".parse().unwrap();
        let mut bytes = Vec::new();
        write(0, &Request::Hello(Hello::from("test")), 0, &mut bytes).unwrap();
        let mut frames = Frames::default();
        for (id, body) in [(7, &b"one"[..]), (8, b"two"), (9, b"three")] {
            let request = request::post(target, "/v1/tasks/echo", "text/plain", body);
            frames.write(&request, id, &mut bytes).unwrap();
        }
        let (mut deframer, mut rest, mut seen) =
            (Deframer::<Request>::new(), &bytes[..], Vec::new());
        loop {
            let (used, step) = deframer.advance(rest, &Limits::default());
            rest = &rest[used..];
            match step.unwrap() {
                Step::Head(frame) => match frame.message {
                    Request::Submit(submit) => {
                        assert_eq!(
                            (&*submit.kind, submit.content_type.as_deref()),
                            ("echo", Some("text/plain"))
                        );
                        seen.push((frame.id, frame.payload_len.unwrap()));
                    }
                    other => assert!(matches!(other, Request::Hello(_))),
                },
                Step::Payload(_) => {}
                Step::More => break,
                Step::Refused(id, problem) => panic!("{id}: {problem:?}"),
            }
        }
        assert_eq!(seen, [(7, 3), (8, 3), (9, 5)]);
    }

    #[test]
    fn what_is_no_submission_has_no_frame() {
        let target = "127.0.0.1:7070".parse().unwrap();
        let mut frames = Frames::default();
        for request in [request::get(target, "/v1/tasks/x"), b"nonsense".to_vec()] {
            assert!(frames.write(&request, 1, &mut Vec::new()).is_err());
        }
    }
}
