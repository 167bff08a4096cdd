//! Every bound of the engine, in one place.

use crate::admission::AdmissionRules;
use std::time::Duration;

/// How many jobs one chain over a hot key may hold.
pub(crate) const CHAIN_MAX: usize = 64;
/// A payload of at least this many bytes is kept in a file of its own, so that it does not stand in
/// front of other commits.
pub(crate) const SPOOL_MIN_BYTES: u64 = 64 * 1024;
/// Bulk work that has run for this long stops at its next chunk if others wait.
pub(crate) const BULK_SLICE: Duration = Duration::from_secs(1);
/// An attempt of the foreground that has run for this long gives its lane's place back.
pub(crate) const LONG_AFTER: Duration = Duration::from_secs(1);
/// One that nobody waits for any more does so from here on.
pub(crate) const DETACHED_LONG_AFTER: Duration = Duration::from_millis(100);
/// A spare worker that has had nothing to do for this long goes; it may take twice as long until
/// that is seen.
pub(crate) const SPARE_IDLE_MAX: Duration = Duration::from_secs(30);
/// If the system refuses a thread, none is asked for before this is over.
pub(crate) const HIRE_RETRY: Duration = Duration::from_secs(1);
/// While so many wait in a lane, a little of each task is read before it starts.
pub(crate) const WARM_MIN: u64 = 10_000;
/// A task that took the process down this often is parked.
pub(crate) const CRASHES_MAX: u8 = 3;
/// A deadline that arrives before the record is durable waits this much longer.
pub(crate) const UNDECIDED_HOLD: Duration = Duration::from_secs(2);
/// Whoever steers a task that a former process may have left behind waits no longer than this to
/// hear whether it did.
pub(crate) const DEFERRED_HOLD: Duration = Duration::from_secs(10);
/// An append that met a full disk is tried again after this.
pub(crate) const DISK_FULL_RETRY: Duration = Duration::from_secs(1);
/// When whoever was refused for want of room on the disk may try again.
pub(crate) const SPACE_RETRY: Duration = Duration::from_secs(10);
/// So many repairs are known, those that are over included.
pub(crate) const REPAIRS_MAX: usize = 64;
/// So many tasks of a repair are asked for at once.
pub(crate) const REPAIR_PAGE: u32 = 256;
/// So many tasks of a repair wait for the journal at a time.
pub(crate) const STEERING_MAX: u64 = 128;
/// Whether the lane of single calls is overloaded is judged this often, while anybody waits there.
pub(crate) const ADMISSION_INTERVAL: Duration = Duration::from_millis(100);
/// If whoever comes last would start later than this, the lane is overloaded without more ado: those who
/// have to go are told before they have waited.
pub(crate) const AHEAD_MAX: Duration = Duration::from_millis(250);
/// Turns of the core's loop over this are too long, if one in a hundred is.
pub(crate) const TURN_MAX: Duration = Duration::from_millis(10);
/// Nobody is told 202 after an interval in which records for which callers wait took so long on
/// average.
pub(crate) const JOURNAL_WAIT_MAX: Duration = Duration::from_millis(50);
/// While the journal has said nothing for this long nobody is put off: a stall of the disk is then
/// that of the few who are on their way, and not of all who come meanwhile.
pub(crate) const JOURNAL_STILL_MAX: Duration = Duration::from_millis(10);
/// What is left of the room after each interval in which the turns took too long.
pub(crate) const ROOM_SHRINKAGE: f64 = 0.5;
/// The part of the room that comes back with each other interval.
pub(crate) const ROOM_GROWTH: f64 = 0.05;
/// Waits are cut only while background work will be through within this: what comes later is better
/// asked for again than promised.
pub(crate) const PUT_OFF_MAX: Duration = Duration::from_mins(10);
/// So many waits are cut in any case.
pub(crate) const PUT_OFF_MIN: u64 = 1024;
/// No more than this part of the tasks there may be waits in the background because waits were cut.
pub(crate) const PUT_OFF_SHARE: u64 = 8;
/// This part of the workers for single calls is left alone by background work.
pub(crate) const SPARE_SHARE: usize = 4;
/// So many waits are cut in one turn for want of room: as many as may come in with one.
pub(crate) const CUTS_PER_TURN: usize = 1024;
/// Whoever helps the background looks at so many tasks of each of so many tenants.
pub(crate) const HELP_LOOKS: usize = 8;
/// So many tasks are looked at in one turn for payloads that may leave the memory.
pub(crate) const RELEASES_PER_TURN: usize = 1024;
/// When whoever was refused for want of memory may try again.
pub(crate) const MEMORY_RETRY: Duration = Duration::from_secs(2);
/// Whoever is told when background work will be through is told no more than this.
pub(crate) const BACKGROUND_RETRY_MAX: Duration = Duration::from_hours(1);
/// When whoever was refused because an upstream is shed may try again, at the earliest.
pub(crate) const SHED_RETRY: Duration = Duration::from_secs(5);
/// When a line is looked at again that one has left of whom nothing may come.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A bulk body does not start if its upstream is to be left alone for at least so long.
pub(crate) const BODY_WAITS_FROM: Duration = Duration::from_secs(2);
/// How an upstream is is kept so long after it was called first.
pub(crate) const KEEP_CALLS_EVERY: Duration = Duration::from_secs(60);
/// A repair that is faster than this comes to several tasks at a time.
pub(crate) const REPAIR_STEP: Duration = Duration::from_millis(10);
/// When whoever could not have a repair may try again.
pub(crate) const REPAIR_RETRY: Duration = Duration::from_secs(1);
/// So far a dry run counts.
pub(crate) const DRY_RUN_MAX: u32 = 10_000;
/// What happens to tenants is noted so long after the first of it.
pub(crate) const NOTE_EVERY: Duration = Duration::from_secs(10);
/// So many tenants stand in one note; others wait for the next.
pub(crate) const HURTS_PER_NOTE: usize = 1_000;
/// The numbers of an incident are looked at this often.
pub(crate) const LOOK_AT_INCIDENTS_EVERY: Duration = Duration::from_secs(10);
/// An incident of a former process is over after so many looks without a sign of it.
pub(crate) const LOOKS_IN_VAIN_MAX: u32 = 3;
/// So many incidents are open at a time.
pub(crate) const INCIDENTS_MAX: usize = 1_000;
/// So many moments of an incident are kept: the first, and the latest.
pub(crate) const MOMENTS_MAX: usize = 50;
/// No text of an incident is longer.
pub(crate) const INCIDENT_TEXT_MAX_BYTES: usize = 500;
/// What has been seen in so many intervals more than not lasts.
pub(crate) const LASTING_MIN: u32 = 20;
/// However long it lasts, it is over when it has not been seen in so many.
pub(crate) const LASTING_MAX: u32 = 50;
/// One that was longer counts as so many.
pub(crate) const LASTING_STEP_MAX: u32 = 10;
/// No stored due time lies further ahead than this, whatever the clock did in between.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// `Retry-After` is never shorter or longer than these.
pub(crate) const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
/// See [`RETRY_AFTER_MIN`].
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

const _: () = assert!(CHAIN_MAX <= u8::MAX as usize);
const _: () = assert!(RETRY_AFTER_MIN.as_secs() <= RETRY_AFTER_MAX.as_secs());

/// The bounds that an operator sets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Live tasks; above it new ones are refused as `backlog`.
    pub tasks_max: usize,
    /// Payload bytes in memory; above it new ones are refused as `payload-memory`.
    pub payload_memory_max_bytes: u64,
    /// Appends on their way to the disk; above it new tasks are refused as `journal`.
    pub appends_max: usize,
    /// Requests and decisions that wait to hear from the journal; above it more are refused as
    /// `reads`.
    pub inquiries_max: usize,
    /// How long an idempotency key is kept after its task has ended.
    pub key_keep: Duration,
    /// Callers that wait for one task; above it more are refused as `waiters`.
    pub waiters_max: usize,
    /// An attempt that ends within this is accepted and finished in one record.
    pub linger: Duration,
    /// When callers wait no longer because too many do.
    pub admission: AdmissionRules,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tasks_max: 2_000_000,
            payload_memory_max_bytes: 256 * 1024 * 1024,
            appends_max: 65_536,
            inquiries_max: 65_536,
            key_keep: Duration::from_hours(24),
            waiters_max: 1_024,
            linger: Duration::from_millis(1),
            admission: AdmissionRules::default(),
        }
    }
}
