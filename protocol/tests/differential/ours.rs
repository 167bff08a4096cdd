//! What our deframer makes of some bytes.

use crate::told::{End, Message, Told};
use overtime_protocol::http::{Deframer, Head, Limits, Method, Phase, Step};
use overtime_protocol::{Opener, Payload};
use std::sync::OnceLock;

/// Reads all of `bytes` as one connection.
pub(crate) fn read(bytes: &[u8]) -> Told {
    let (mut deframer, limits) = (Deframer::new(), Limits::default());
    let (mut messages, mut rest) = (Vec::<Message>::new(), bytes);
    loop {
        let (used, step) = deframer.advance(rest, &limits);
        rest = &rest[used..];
        match step {
            Ok(Step::Head(head)) => messages.push(begun(&head)),
            Ok(Step::Body(payload)) => {
                let last = messages.last_mut().expect("a body comes behind its head");
                (last.body, last.is_whole) = (opened(&payload), true);
            }
            Ok(Step::More) => {
                let is_between = deframer.phase() == Phase::Idle;
                return Told { messages, end: if is_between { End::Whole } else { End::More } };
            }
            Err(problem) => {
                return Told { messages, end: End::Refused(problem.detail.into_owned()) };
            }
        }
    }
}

fn begun(head: &Head) -> Message {
    let method = match head.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Options => "OPTIONS",
        Method::Other => "",
    };
    Message {
        method: method.to_owned(),
        path: head.path().to_owned(),
        query: head.query().map(str::to_owned),
        body: Vec::new(),
        is_whole: false,
    }
}

fn opened(payload: &Payload) -> Vec<u8> {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    let opener = OPENER.get_or_init(|| Opener::mint().expect("minted once a process"));
    opener.open(payload).expect("in memory").concat()
}
