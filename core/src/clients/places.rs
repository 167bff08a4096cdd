//! Places: who is let in. As connections or memory come near their limit everybody is given less
//! time; at the limit a newcomer takes the place of whoever is least worth keeping, so that a crowd
//! that only holds its connections keeps nobody out. Whoever is owed an answer is never closed for
//! that. It looks at the first of each row, and never at all connections.

use super::{Clients, answering};
use crate::connection::{Connection, Speech, Stage};
use crate::limits::{CONNECTIONS_ALWAYS, DISPLACEABLE_AFTER};
use crate::output::Output;
use crate::pace::Pace;
use crate::patience::{Awaited, Haste};
use crate::payload_budget::Share;
use crate::timeouts::NEVER;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use overtime_protocol::http::Deframer;
use overtime_protocol::{Code, MemoryPressure, Monotonic, Problem};
use std::io::Write;
use std::time::Duration;

/// Those that a newcomer may take the place of, whoever is least worth keeping first.
/// A follower comes back for what it has missed.
const DISPLACEABLE: [Awaited; 7] = [
    Awaited::Gone,
    Awaited::End,
    Awaited::Word,
    Awaited::Request,
    Awaited::Head,
    Awaited::Body,
    Awaited::Follower,
];

/// How many connections there may be.
#[derive(Debug)]
pub(super) struct Places {
    configured: usize,
    /// As many as there were when the memory was used up.
    while_full: Option<usize>,
    memory: MemoryPressure,
}

impl Places {
    pub(super) fn new(configured: usize) -> Self {
        Self { configured, while_full: None, memory: MemoryPressure::Fine }
    }

    pub(super) fn max(&self) -> usize {
        self.while_full.map_or(self.configured, |max| max.min(self.configured))
    }

    /// From three quarters of the connections on patience is shorter, and near the last very short.
    fn haste(&self, taken: usize) -> Haste {
        let max = self.max();
        let by_count = if taken >= max - max / 16 {
            Haste::Great
        } else if taken >= max - max / 4 {
            Haste::Some
        } else {
            Haste::None
        };
        let by_memory = match self.memory {
            MemoryPressure::Fine => Haste::None,
            MemoryPressure::Alarm => Haste::Some,
            MemoryPressure::Full => Haste::Great,
        };
        by_count.max(by_memory)
    }
}

impl Clients {
    /// How close the memory is to its end, from now on.
    pub(crate) fn set_memory_pressure(&mut self, pressure: MemoryPressure) {
        self.places.memory = pressure;
        self.places.while_full = match pressure {
            MemoryPressure::Full => Some(self.connections.len().max(CONNECTIONS_ALWAYS)),
            MemoryPressure::Fine | MemoryPressure::Alarm => None,
        };
        if pressure != MemoryPressure::Fine {
            self.reading.give_back();
        }
        self.mind_the_places();
    }

    /// Whether nothing is to be read into memory that can be had later.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.places.memory == MemoryPressure::Full
    }

    /// The number of connections has changed, or of those that there may be. The place of whoever is
    /// about to leave is as good as free: to count it would have all others go too, until it is.
    pub(super) fn mind_the_places(&mut self) {
        let leaving = self.patience.leaving() + self.answering.partings;
        let staying = self.connections.len().saturating_sub(leaving);
        self.patience.set_haste(self.places.haste(staying));
    }

    /// How long a caller may be held who wants to be held for so long. As places run out that is a
    /// second: those who hold theirs for an answer cannot be displaced.
    pub(crate) fn hold(&self, wait: Duration) -> Duration {
        self.patience.hold_max().map_or(wait, |max| wait.min(max))
    }

    /// Whether somebody who comes now can be let in.
    pub(crate) fn has_place(&self, now: Monotonic) -> bool {
        self.connections.len() < self.places.max() || self.displaceable(now).is_some()
    }

    /// When the next one can be displaced, if nobody can be now.
    pub(crate) fn next_place_at(&self) -> Option<Monotonic> {
        let at = |awaited| {
            let (index, since) = self.patience.longest(awaited)?;
            self.may_go(index).then_some(since + DISPLACEABLE_AFTER)
        };
        DISPLACEABLE.into_iter().filter_map(at).min()
    }

    pub(crate) fn admit(&mut self, mut stream: TcpStream, registry: &Registry, now: Monotonic) {
        if self.connections.len() >= self.places.max()
            && let Some((index, awaited)) = self.displaceable(now)
        {
            self.displace(index, awaited);
        }
        let entry = self.connections.vacant_entry();
        let index = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        // Whoever cannot be registered or set up is gone already.
        if registry.register(&mut stream, Token(index), interest).is_err() {
            return;
        }
        let _ = stream.set_nodelay(true);
        self.counters.accepted += 1;
        entry.insert(Connection {
            stream,
            speech: Speech::Unknown,
            deframer: Deframer::new(),
            stage: Stage::Reading,
            behind: Vec::new(),
            output: Output::default(),
            request: 0,
            share: Share::default(),
            deadline: self.timeouts.add(index, NEVER),
            pace: Pace { due: NEVER },
            readable: false,
            read_closed: false,
            listed: false,
        });
        self.patience.begin(index, Awaited::Word, now);
        self.mind_the_places();
    }

    fn displaceable(&self, now: Monotonic) -> Option<(usize, Awaited)> {
        DISPLACEABLE.into_iter().find_map(|awaited| {
            let (index, since) = self.patience.longest(awaited)?;
            // Nothing that it may still send is for us.
            let is_over = matches!(awaited, Awaited::Gone | Awaited::End);
            let may_go = is_over || since + DISPLACEABLE_AFTER <= now && self.may_go(index);
            may_go.then_some((index, awaited))
        })
    }

    /// Whether nothing of the connection lies unread and nobody on it is owed an answer.
    fn may_go(&self, index: usize) -> bool {
        let connection = &self.connections[index];
        let is_owed = match &connection.speech {
            Speech::Native(session) => !session.owes_nothing(),
            Speech::Unknown | Speech::Http => false,
        };
        !connection.listed && !is_owed
    }

    /// There is no time to wait until it has heard why: what its socket takes at once is all.
    fn displace(&mut self, index: usize, awaited: Awaited) {
        self.counters.displaced += 1;
        if matches!(awaited, Awaited::Head | Awaited::Body) {
            let detail = "others took all connections before the request was whole";
            let problem = Problem::new(Code::RequestTimeout, detail);
            let last = self.last_words(index, problem);
            let _ = self.connections[index].stream.write(&last);
        }
        self.close(index);
    }

    fn last_words(&mut self, index: usize, problem: Problem) -> Vec<u8> {
        match &mut self.connections[index].speech {
            Speech::Native(session) => {
                session.leave(&problem);
                std::mem::take(&mut session.outbox)
            }
            Speech::Unknown | Speech::Http => answering::closing(problem, self.answering.date()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_shortens_as_places_or_memory_run_out() {
        let mut places = Places::new(100);
        let hastes = |places: &Places| [0, 74, 75, 93, 94, 100].map(|taken| places.haste(taken));
        use Haste::{Great, None, Some};
        assert_eq!(hastes(&places), [None, None, Some, Some, Great, Great]);
        places.memory = MemoryPressure::Alarm;
        assert_eq!(hastes(&places), [Some, Some, Some, Some, Great, Great]);
        places.memory = MemoryPressure::Full;
        assert_eq!(hastes(&places), [Great; 6]);
    }
}
