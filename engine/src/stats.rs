//! What the engine counts.

use crate::starts::Starts;
use overtime_protocol::PerLane;

/// Counters since the start, and gauges of this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tasks taken in, recovered ones not included.
    pub submitted: u64,
    /// Tasks that a former process left unfinished.
    pub recovered: u64,
    /// Recovered tasks left alone because no handler has their kind.
    pub unhandled: u64,
    /// Submissions refused by a bound.
    pub refused: u64,
    /// The same, by what was used up.
    pub refusals: Refusals,
    /// Callers told 202 at once because their wait would have been over before the start.
    pub cut_as_hopeless: u64,
    /// Callers told 202 at once, or refused, because too many waited.
    pub cut_for_room: u64,
    /// Waits that were cut when too many waited.
    pub trimmed: u64,
    /// Attempts handed out, by lane.
    pub dispatched: PerLane<u64>,
    /// Nanoseconds that attempts waited in their lane before they were handed out, in all.
    pub waited_ns: PerLane<u64>,
    /// How long attempts took from their lane to their handler, by lane.
    pub starts: PerLane<Starts>,
    /// Spare workers that came.
    pub hired: u64,
    /// Spare workers that the system refused.
    pub not_hired: u64,
    /// Spare workers that went, as nobody needed them.
    pub retired: u64,
    /// Tasks that ended as they should.
    pub succeeded: u64,
    /// Tasks whose input was wrong.
    pub failed: u64,
    /// Tasks that a caller took back.
    pub cancelled: u64,
    /// Parked tasks that a person had run again.
    pub resumed: u64,
    /// Tasks that now rest.
    pub parked: u64,
    /// Attempts that ended ephemerally.
    pub retried: u64,
    /// Attempts that were run again because a key they had read was written meanwhile.
    pub conflicts: u64,
    /// Chunks that are on disk.
    pub chunks: u64,
    /// Attempts that stopped at their cursor to let others go first.
    pub yielded: u64,
    /// Payloads on their way to files of their own now.
    pub spooling: u64,
    /// Repetitions that came while their task was live, and wait for it.
    pub attached: u64,
    /// Repetitions that were answered as their task had ended.
    pub replayed: u64,
    /// Answers of 202 because the wait ended first.
    pub fell_over: u64,
    /// Completions and verdicts that named an attempt that is no more.
    pub stale: u64,
    /// Tasks waiting in a lane now.
    pub queued: PerLane<u64>,
    /// Workers busy for a lane now.
    pub running: PerLane<u64>,
    /// Spare workers now.
    pub spares: u64,
    /// Workers busy now for which a spare stands in: no lane counts them.
    pub charged: u64,
    /// Workers that are held for long now and for which nobody stands in.
    pub long: u64,
    /// Whether tasks of a former process are being taken in now: they are not live yet.
    pub recovering: bool,
    /// Incidents that were opened.
    pub incidents_opened: u64,
    /// Incidents that are open now.
    pub incidents_open: u64,
    /// Live tasks now.
    pub tasks: u64,
    /// Callers waiting now.
    pub waiters: u64,
    /// Payload bytes in memory now.
    pub payload_bytes: u64,
    /// Appends on their way to the disk now.
    pub appends: u64,
    /// How crowded the lane of single calls is now.
    pub admission: AdmissionGauges,
}

/// Submissions refused, by what was used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// The time in which callers who insist on it can be answered.
    pub overloaded: u64,
    /// The process's memory.
    pub memory: u64,
    /// Places for tasks.
    pub backlog: u64,
    /// The memory for payloads.
    pub payload_memory: u64,
    /// Places on the way to the journal.
    pub journal: u64,
    /// The disk.
    pub disk: u64,
    /// The server's time: it is on its way out, or its journal cannot write.
    pub closed: u64,
}

/// How crowded the lane of single calls is, and how long tasks were in each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdmissionGauges {
    /// Whether callers wait longer than they should.
    pub is_overloaded: bool,
    /// How many may wait while that is so.
    pub room: u64,
    /// How many wait.
    pub standing: u64,
    /// Tasks that wait as background work because their callers' waits were cut.
    pub put_off: u64,
    /// The mean time in each lane over the latest interval, in nanoseconds.
    pub wait_mean_ns: PerLane<u64>,
    /// The shortest; zero if the lane was empty at some time.
    pub wait_min_ns: PerLane<u64>,
}

impl Stats {
    /// Whether any worker is busy.
    pub fn is_working(&self) -> bool {
        self.charged > 0 || self.running.0.iter().any(|&running| running > 0)
    }
}
