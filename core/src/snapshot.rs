//! How things stand, on request: the core keeps its counters by value and hands out copies.

use crate::turn::TurnStats;
use overtime_engine::{LanePlan, Stats, TenantLoad};
use overtime_protocol::{Answer, Code, Problem};

/// Counters of the core's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Times that the process had no descriptor left for a connection that had come.
    pub accepts_postponed: u64,
    /// Requests whose head was read.
    pub requests: u64,
    /// Requests refused before the engine saw them: framing, limits, routes.
    pub refused: u64,
    /// Requests refused because of who sent them, by code.
    pub turned_away: TurnedAway,
    /// Connections closed because they were too slow or idle.
    pub timed_out: u64,
    /// Connections closed so that somebody else could come in.
    pub displaced: u64,
    /// How many connections there may be now.
    pub connections_max: u64,
    /// Reads from connections.
    pub reads: u64,
    /// Bytes of bodies that were copied or moved after they were read.
    pub bytes_copied: u64,
    /// Times that a body was left unread until there was memory for it.
    pub bodies_paused: u64,
    /// Bodies that wait for memory now.
    pub bodies_waiting: u64,
    /// Memory reserved by bodies under way now, in bytes.
    pub bytes_reserved: u64,
    /// The most bytes that one turn has read.
    pub turn_bytes_read_max: u64,
    /// The most requests whose heads one turn has read.
    pub turn_requests_max: u64,
    /// The most connections that were tried to be let in in one turn.
    pub turn_accepts_max: u64,
    /// The most connections that were closed, or told that their time is up, in one turn.
    pub turn_leaves_max: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Answers whose caller was gone.
    pub undelivered: u64,
    /// Notices to the operator for which there was no room.
    pub notices_dropped: u64,
    /// Reads refused because too many waited.
    pub reads_refused: u64,
    /// Callers that follow tasks now.
    pub followers: u64,
    /// Events that were handed to followers, counted for each of them.
    pub events_written: u64,
    /// Followers that were closed because they fell too far behind.
    pub followers_slow: u64,
}

/// Requests refused because of who sent them. Those of other codes are not told from each other.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnedAway([u64; TurnedAway::CODES.len()]);

impl TurnedAway {
    /// What is counted.
    const CODES: [Code; 6] = [
        Code::Unauthorized,
        Code::ForbiddenLane,
        Code::ForbiddenHost,
        Code::CrossOrigin,
        Code::RateLimited,
        Code::Concurrency,
    ];

    /// Counts an answer, if it is one of these refusals.
    pub(crate) fn note(&mut self, answer: &Answer) {
        if let Answer::Problem(problem) = answer {
            self.note_problem(problem);
        }
    }

    /// Counts a problem, if it is one of these refusals.
    pub(crate) fn note_problem(&mut self, problem: &Problem) {
        let place = Self::CODES.iter().position(|&code| code == problem.code);
        place.into_iter().for_each(|place| self.0[place] += 1);
    }

    /// How many, by code.
    pub fn counts(&self) -> impl Iterator<Item = (Code, u64)> {
        Self::CODES.into_iter().zip(self.0)
    }
}

/// How things stand.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What the engine counted.
    pub engine: Stats,
    /// How many workers there are for whom.
    pub plan: LanePlan,
    /// What the core counted.
    pub core: Counters,
    /// The tenants with the most under way.
    pub tenants: Vec<TenantLoad>,
    /// What turns cost.
    pub turns: TurnStats,
    /// Connections open now.
    pub connections: usize,
    /// Whether the server is on its way out.
    pub draining: bool,
    /// Whether the journal has failed.
    pub journal_failed: bool,
}
