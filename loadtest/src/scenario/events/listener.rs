//! One who follows a task: what it has seen, and where it goes on after it was away. It knows no
//! socket.

use crate::document::{Progress, read};
use crate::event_stream::EventStream;
use serde::Deserialize;

/// A follower.
#[derive(Debug, Default)]
pub(super) struct Listener {
    stream: EventStream,
    /// The places of all events seen, in the order in which they came.
    seen: Vec<u64>,
    has_final: bool,
    /// It hangs up once, when it has heard that so much is done.
    hangs_up_at: Option<u64>,
    hung_up: bool,
}

/// What comes next for a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It listens.
    Listen,
    /// It hangs up, and comes back.
    HangUp,
    /// It has heard all.
    Leave,
}

/// What an event tells, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
struct News {
    state: Option<String>,
    progress: Option<Progress>,
}

impl News {
    fn is_final(&self) -> bool {
        matches!(self.state.as_deref(), Some("succeeded" | "failed" | "cancelled"))
    }

    fn has_done(&self, items: u64) -> bool {
        self.progress.is_some_and(|progress| progress.done >= items)
    }
}

impl Listener {
    /// One that hangs up once, when so much is done, or never.
    pub(super) fn new(hangs_up_at: Option<u64>) -> Self {
        Self { hangs_up_at, ..Self::default() }
    }

    /// The last event that it has seen, from which a new connection goes on.
    pub(super) fn last(&self) -> Option<u64> {
        self.seen.last().copied()
    }

    pub(super) fn seen(&self) -> &[u64] {
        &self.seen
    }

    /// Whether the final event came, and nothing behind it.
    pub(super) fn has_final(&self) -> bool {
        self.has_final
    }

    /// Whether it has hung up before the end.
    pub(super) fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// A new connection starts with a new stream.
    pub(super) fn reconnect(&mut self) {
        self.stream = EventStream::default();
    }

    /// Takes what has come.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> anyhow::Result<Then> {
        let Self { stream, seen, has_final, hangs_up_at, hung_up } = self;
        let mut hangs_up = false;
        stream.take(bytes, |event| {
            seen.push(event.id);
            let news = read::<News>(event.data.as_bytes()).unwrap_or_default();
            *has_final = news.is_final();
            hangs_up = hangs_up_at.take_if(|items| news.has_done(*items)).is_some();
            !hangs_up
        })?;
        if hangs_up {
            *hung_up = true;
            return Ok(Then::HangUp);
        }
        Ok(if stream.is_over() { Then::Leave } else { Then::Listen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(events: &[(u64, &str)]) -> Vec<u8> {
        let mut wire = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                         Transfer-Encoding: chunked\r\n\r\n"
            .to_vec();
        for (id, data) in events {
            let part = format!("id: {id}\ndata: {data}\n\n");
            wire.extend_from_slice(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes());
        }
        wire
    }

    const PROGRESS: &str = "{\"progress\":{\"done\":10}}";
    const MORE: &str = "{\"progress\":{\"done\":20}}";
    const END: &str = "{\"state\":\"succeeded\"}";

    #[test]
    fn a_listener_that_stays_hears_all_and_leaves() {
        let mut listener = Listener::new(None);
        assert_eq!(listener.hear(&wire(&[(1, PROGRESS), (2, END)])).unwrap(), Then::Listen);
        assert_eq!(listener.hear(b"0\r\n\r\n").unwrap(), Then::Leave);
        assert_eq!((listener.seen(), listener.has_final()), (&[1, 2][..], true));
    }

    #[test]
    fn a_listener_that_hangs_up_goes_on_behind_what_it_has_seen() {
        let mut listener = Listener::new(Some(20));
        let all = wire(&[(1, PROGRESS), (2, MORE), (3, MORE)]);
        assert_eq!(listener.hear(&all).unwrap(), Then::HangUp);
        assert_eq!((listener.last(), listener.has_hung_up()), (Some(2), true));
        listener.reconnect();
        assert_eq!(listener.hear(&wire(&[(3, MORE), (4, END)])).unwrap(), Then::Listen);
        assert_eq!((listener.seen(), listener.has_final()), (&[1, 2, 3, 4][..], true));
    }
}
