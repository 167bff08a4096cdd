//! Every bound of the core, in one place.

use overtime_protocol::http;
use std::time::Duration;

/// What is read from one connection in one turn, in bytes.
pub(crate) const READ_SLICE_BYTES: usize = 64 * 1024;
/// What is read from one native connection in one turn beside a payload, in bytes: some hundred
/// small frames.
pub(crate) const FRAMES_SLICE_BYTES: usize = 8 * 1024;
/// From a native connection no more is read while more than this waits to be sent to it.
pub(crate) const UNSENT_MAX_BYTES: usize = 1024 * 1024;
/// What is read in one turn, in bytes; the slice that passes it is still read. Only large bodies
/// come near it: whoever waits for an answer or a start must not wait for all of them.
pub(crate) const READ_TURN_BYTES: u64 = 1024 * 1024;
/// Requests taken in one turn; those of the slice that passes it are still taken. Only native
/// connections come near it, a slice of which may hold some hundred.
pub(crate) const REQUESTS_PER_TURN: u64 = 512;
/// What is written to one connection in one turn, in bytes.
pub(crate) const WRITE_SLICE_BYTES: usize = 256 * 1024;
/// Connections that the kernel holds until they are accepted, if it is allowed so many.
pub(crate) const ARRIVALS_MAX: i32 = 4_096;
/// Connections accepted in one turn. To let one in costs as much as to serve several calls, and whoever
/// comes has not asked for anything yet.
pub(crate) const ACCEPTS_PER_TURN: usize = 16;
/// Connections that are closed in one turn, or told that their time is up: that costs as much again.
pub(crate) const LEAVES_PER_TURN: usize = 16;
/// Whoever comes while no descriptor is left is tried again after this.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// At the limit of connections a newcomer takes the place of one that has been waited for longer than
/// this: whoever has just come or been answered may be about to say something.
pub(crate) const DISPLACEABLE_AFTER: Duration = Duration::from_millis(250);
/// Close to the limit nobody is waited for longer than this.
pub(crate) const HURRIED_PATIENCE: Duration = Duration::from_secs(1);
/// When whoever asks for a result while memory is used up may try again: by then answers that nobody
/// reads are given up.
pub(crate) const RESULT_RETRY: Duration = Duration::from_secs(2);
/// While memory is used up no more connections are let in than there are, but so many always: whoever
/// is to help must be able to come in.
pub(crate) const CONNECTIONS_ALWAYS: usize = 64;
/// Connections served in one turn.
pub(crate) const CONNECTIONS_PER_TURN: usize = 256;
/// So many tenants are told of when somebody asks how things stand.
pub(crate) const TENANTS_TOLD_MAX: usize = 50;
/// Messages taken from the mailbox in one turn.
pub(crate) const MAIL_PER_TURN: usize = 256;
/// Messages the mailbox holds before their senders wait.
pub(crate) const MAILBOX_MAX: usize = 4_096;
/// Things that come due in one turn.
pub(crate) const TICKS_PER_TURN: usize = 256;
/// Chains handed to workers in one turn. The first few workers are still awake from their last
/// job, and a turn is short: whoever is not woken now need not be woken at all if one of those
/// comes free before the next turn.
pub(crate) const STARTS_PER_TURN: usize = 8;
/// Orders for which the spool had no room are offered again after this: it does not say when it has
/// removed a file.
pub(crate) const SPOOL_RETRY: Duration = Duration::from_millis(10);
/// A refused body is read to its end, and the connection kept, if no more than this is left.
pub(crate) const DISCARD_MAX_BYTES: u64 = 64 * 1024;
/// A peer that takes no more of its answer is looked at again after this: by then the buffers on the way
/// have settled, and whatever moves later is its own doing. The poll tells of room only when it is much.
pub(crate) const SETTLED_AFTER: Duration = Duration::from_millis(100);
/// A closing connection is read and thrown away for this long, so that what it has sent does not
/// destroy the answer on its way (RFC 9112, section 9.6).
pub(crate) const LINGER_CLOSE: Duration = Duration::from_secs(2);
/// At the end, answers get this long to leave.
pub(crate) const LAST_FLUSH: Duration = Duration::from_secs(1);

/// Followers of events that are written to in one turn.
pub(crate) const FOLLOWER_WRITES_PER_TURN: usize = 32;
/// What is written to one follower at a time, in bytes, unless one event is longer.
pub(crate) const FOLLOWER_SLICE_BYTES: usize = 16 * 1024;
/// The pieces that leave in one vectored write.
pub(crate) const WRITE_PIECES_MAX: usize = 64;
/// Events of the past that are encoded for one follower at a time.
pub(crate) const PAST_EVENTS_PER_WRITE: usize = 16;
/// Pages of past events in memory, or on their way, at a time; other followers wait.
pub(crate) const PAGES_MAX: usize = 64;
/// What is kept of the events of one task: a follower that is further behind is closed, and may
/// come back for the rest.
pub(crate) const FEED_MAX_BYTES: usize = 64 * 1024;

/// A body of unknown length reserves memory in steps of this many bytes.
pub(crate) const BODY_STEP_BYTES: u64 = 1024 * 1024;
/// So many bodies may wait for memory; more are refused as `payload-memory`.
pub(crate) const BODIES_WAITING_MAX: usize = 256;
/// A body waits for memory no longer than this.
pub(crate) const BODY_WAIT_MAX: Duration = Duration::from_secs(60);
/// When the sender of a body that waited for so long may try again.
pub(crate) const BODY_WAIT_RETRY: Duration = Duration::from_secs(10);

const _: () = assert!(BODY_STEP_BYTES >= 2 * READ_SLICE_BYTES as u64);
const _: () = assert!(DISCARD_MAX_BYTES <= READ_SLICE_BYTES as u64);
const _: () = assert!(FRAMES_SLICE_BYTES <= READ_SLICE_BYTES);
const _: () = assert!(FOLLOWER_SLICE_BYTES < FEED_MAX_BYTES);
const _: () = assert!(MAIL_PER_TURN <= MAILBOX_MAX);

/// The bounds that an operator sets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What a request may measure.
    pub http: http::Limits,
    /// Open connections; at that many whoever comes takes the place of one that is least worth keeping.
    pub connections_max: usize,
    /// How long a caller waits who says nothing.
    pub wait_default: Duration,
    /// The longest wait.
    pub wait_max: Duration,
    /// From the first byte of a head to its last.
    pub head_timeout: Duration,
    /// Between an answer and the next request.
    pub idle_timeout: Duration,
    /// Between two reads of a body, and between two writes of an answer.
    pub body_progress_timeout: Duration,
    /// The bytes a second that a body, or the taking of an answer, must come to over any time longer
    /// than that; 0 for no such bound.
    pub rate_min: u64,
    /// A follower that has heard nothing for this long is told that the server is still there.
    pub heartbeat: Duration,
    /// How long the loop goes on looking for work, while some is in flight, before it sleeps.
    pub spin: Duration,
    /// The CPU time that a turn may take.
    pub turn_budget: Duration,
    /// Between the first signal and the refusal of new tasks.
    pub drain_notice: Duration,
    /// How long work may take to finish after that.
    pub drain_grace: Duration,
}
