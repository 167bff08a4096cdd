//! What the core asks of the journal, and what the journal says back.

use crate::id::TaskId;
use crate::idempotency::Claim;
use crate::payload::Payload;
use crate::record::{Acceptance, Record, StartMark};
use crate::task::Progress;
use crate::time::UnixMillis;
use crate::{Epoch, Fault};
use bytes::Bytes;
use std::sync::Arc;

/// A record to append. The journal checks its reads first, appends it, syncs, and then says what
/// became of it in a [`Verdict`] that carries the same ticket.
#[derive(Clone, Debug)]
pub struct Append {
    /// Chosen by the engine, meaningless to the journal.
    pub ticket: Ticket,
    /// The record, shared with the engine, which may have to offer it again.
    pub record: Arc<Record>,
    /// Whether somebody waits for what becomes of it. If nobody does it need not be sent at once:
    /// others that come soon can share its sync.
    pub is_awaited: bool,
}

/// Names one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What became of one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub ticket: Ticket,
    /// What.
    pub fate: Fate,
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is written and synced.
    Durable {
        /// Its log sequence number.
        lsn: u64,
    },
    /// A key it had read was written since; nothing was appended.
    Conflict {
        /// A hash of that key, the same for every conflict over it.
        key_hash: u64,
    },
    /// The disk is full; nothing was appended.
    DiskFull,
    /// It is longer than a record may be, and will be so the next time; nothing was appended.
    TooLarge,
}

/// What the spool is to do: it keeps payloads too large to stand in front of other commits.
#[derive(Clone, Debug)]
pub enum SpoolOrder {
    /// Keep the payload of a task, whose bytes must be in memory. It is answered with a
    /// [`Spooled`]; only after [`Spooled::Written`] may a record say that the payload is there.
    Write {
        /// The task.
        task: TaskId,
        /// Its payload.
        payload: Payload,
    },
    /// Let go of the payload of a task, once its end is durable or it was refused. Not answered.
    Remove(TaskId),
}

/// What became of a payload that was to be spooled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spooled {
    /// It is on disk.
    Written,
    /// The disk is full; nothing was kept.
    DiskFull,
    /// It could not be written; nothing was kept. It says why, in a sentence.
    Failed(String),
}

/// Whom an answer is for: chosen by the core, passed through by everybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyTo(pub u64);

/// What was found in the journal at the start, beside the tasks that are not finished.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recovered {
    /// How often this folder was started, this time included.
    pub epoch: Epoch,
    /// The highest task id that the journal knows.
    pub highest: Option<TaskId>,
    /// Whether the former process closed the journal in order: then no crash is to be explained.
    pub clean: bool,
}

/// A task that a former process accepted and did not finish.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// Its id.
    pub task: TaskId,
    /// Its acceptance; the payload is stored or spooled.
    pub acceptance: Acceptance,
    /// How many attempts were started, as far as the journal knows.
    pub attempts: u32,
    /// The mark of an attempt of which no end is known: the crash may have been its doing.
    pub started: Option<StartMark>,
    /// The crashes on its account before that.
    pub crashes: u8,
    /// When its next attempt is due.
    pub next_at: Option<UnixMillis>,
    /// Why its latest attempt did not succeed.
    pub fault: Option<Fault>,
    /// Where its latest chunk ended; the next attempt goes on from there.
    pub cursor: Option<Bytes>,
    /// How far it had come then.
    pub progress: Option<Progress>,
    /// Whether its payload was spooled and is not there any more.
    pub payload_lost: bool,
    /// The idempotency key that it holds.
    pub claim: Option<Claim>,
    /// How many of its attempts do not count: those that it had when a person last had it run again,
    /// and those before the one that last came further than all before it.
    pub forgiven: u32,
    /// Whether a caller asked for its end while an attempt ran: it does not run again.
    pub cancel_asked: bool,
}
