//! One body each: what was sent, and what its sender knows of it.

use crate::bulk::body::PATH;
use crate::bulk::client::{Answer, BulkClient};
use crate::contacts::{Contacts, Form};
use crate::request::post;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request, and which of the round's contacts it has.
#[derive(Debug)]
pub(super) struct Body {
    request: Vec<u8>,
    places: Range<usize>,
}

/// What a sender knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was answered 200.
    Done,
    /// It was answered 202, with this id.
    Accepted(String),
    /// It was not answered: it takes effect as a whole or not at all.
    Unknown,
    /// It was refused.
    Refused,
}

/// A body that was sent.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) places: Range<usize>,
    pub(super) fate: Fate,
}

/// All contacts in bodies of about `bytes` bytes. Every other one is not waited for.
pub(super) fn bodies(target: SocketAddr, contacts: &Contacts, bytes: usize) -> Vec<Body> {
    let mut next = 0;
    let cut = contacts.bodies(Form::Ndjson, bytes).enumerate();
    cut.map(|(number, (body, items))| {
        let places = next..next + items;
        next = places.end;
        let path = if number % 2 == 0 { PATH.to_owned() } else { format!("{PATH}?wait=0s") };
        Body { request: post(target, &path, Form::Ndjson.content_type(), &body), places }
    })
    .collect()
}

/// Sends body after body until it is over.
pub(super) fn deliver(
    target: SocketAddr,
    next: &Mutex<impl Iterator<Item = Body>>,
    is_over: &AtomicBool,
) -> Vec<Delivery> {
    let mut client = BulkClient::new(target);
    let mut deliveries = Vec::new();
    while !is_over.load(Ordering::Relaxed)
        && let Some(body) = next.lock().expect("no stream panics while it takes").next()
    {
        let fate = fate_of(client.post(&body.request));
        deliveries.push(Delivery { places: body.places, fate });
    }
    deliveries
}

fn fate_of(answer: anyhow::Result<Answer>) -> Fate {
    match answer {
        Ok(Answer::Done(_)) => Fate::Done,
        Ok(Answer::Accepted(id)) => Fate::Accepted(id),
        // A 503 may be said by a server that does not know whether its last write came to disk.
        Ok(Answer::Refused { status: 503, .. }) | Err(_) => Fate::Unknown,
        Ok(Answer::Refused { .. }) => Fate::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::BulkResult;
    use std::time::Duration;

    #[test]
    fn each_answer_has_its_fate() {
        let result = BulkResult { items: 1, succeeded: 1, failed: 0 };
        let refused = |status| {
            fate_of(Ok(Answer::Refused { status, retry_after: Some(Duration::from_secs(1)) }))
        };
        assert_eq!(fate_of(Ok(Answer::Done(result))), Fate::Done);
        assert_eq!(fate_of(Ok(Answer::Accepted("T".into()))), Fate::Accepted("T".into()));
        assert_eq!(fate_of(Err(anyhow::anyhow!("cut"))), Fate::Unknown);
        assert_eq!((refused(503), refused(429)), (Fate::Unknown, Fate::Refused));
    }

    #[test]
    fn every_contact_is_in_one_body_and_every_other_body_is_not_waited_for() {
        let bodies = bodies("127.0.0.1:1".parse().unwrap(), &Contacts::fresh(300, 1), 5_000);
        assert!(bodies.len() > 3);
        let mut next = 0;
        for (number, body) in bodies.iter().enumerate() {
            assert_eq!(body.places.start, next);
            next = body.places.end;
            let line = String::from_utf8_lossy(&body.request[..60]).into_owned();
            assert_eq!(line.contains("?wait=0s"), number % 2 == 1, "{line}");
        }
        assert_eq!(next, 300);
    }
}
