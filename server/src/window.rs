//! What the console shows: the core's counters, asked for by mail, and the journal's.

use crate::memory::Memory;
use crate::notices::RateChanges;
use overtime_console::{Check, Family, Histogram, Sample, Window};
use overtime_core::{Cause, Mail, Mailbox, Snapshot, TURN_BUCKETS};
use overtime_journal::{SPAN_BUCKETS, Spans, Stats};
use overtime_protocol::MemoryPressure;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

mod admission;
mod lanes;
mod tenants;

/// A core that does not answer within this is not ready, whatever it is doing.
const PATIENCE: Duration = Duration::from_secs(1);

/// The window onto one server.
pub(crate) struct ServerWindow {
    mailbox: Mailbox,
    journal: Arc<Stats>,
    rate_changes: Arc<RateChanges>,
    memory: Arc<Memory>,
}

impl ServerWindow {
    pub(crate) fn new(
        mailbox: Mailbox,
        journal: Arc<Stats>,
        rate_changes: Arc<RateChanges>,
        memory: Arc<Memory>,
    ) -> Self {
        Self { mailbox, journal, rate_changes, memory }
    }

    fn snapshot(&self) -> Option<Box<Snapshot>> {
        let (reply, snapshots) = crossbeam_channel::bounded(1);
        self.mailbox.push(Mail::Inspect(reply));
        snapshots.recv_timeout(PATIENCE).ok()
    }
}

impl ServerWindow {
    /// It is said before it counts.
    fn memory_check(&self) -> Check {
        let ok = self.memory.pressure() != MemoryPressure::Full;
        Check { name: "memory", ok, detail: self.memory.sentence() }
    }
}

impl Window for ServerWindow {
    fn checks(&self) -> Vec<Check> {
        let snapshot = self.snapshot();
        let failed = self.journal.poisoned.load(Relaxed)
            || snapshot.as_ref().is_some_and(|snapshot| snapshot.journal_failed);
        let draining = snapshot.as_ref().is_some_and(|snapshot| snapshot.draining);
        vec![
            check("core", snapshot.is_some(), "the core does not answer"),
            check("journal", !failed, "the journal cannot write"),
            check("accepting", !draining, "the server is on its way out"),
            self.memory_check(),
        ]
    }

    fn metrics(&self) -> Vec<Family> {
        let mut families = journal_metrics(&self.journal);
        families.extend(space_metrics(&self.journal));
        families.push(self.rate_changes.metric());
        families.extend(self.memory.metrics());
        if let Some(snapshot) = self.snapshot() {
            families.extend(task_metrics(&snapshot));
            families.extend(lanes::metrics(&snapshot));
            families.extend(admission::metrics(&snapshot));
            families.extend(tenants::metrics(&snapshot));
            families.extend(core_metrics(&snapshot));
            families.extend(turn_metrics(&snapshot));
        }
        families
    }
}

fn check(name: &'static str, ok: bool, otherwise: &str) -> Check {
    let detail = if ok { String::new() } else { otherwise.to_owned() };
    Check { name, ok, detail }
}

fn counter(name: &'static str, help: &'static str, count: u64) -> Family {
    Family::counter(name, help, [Sample::new(count)])
}

fn gauge(name: &'static str, help: &'static str, value: u64) -> Family {
    Family::gauge(name, help, [Sample::new(value as f64)])
}

fn task_metrics(snapshot: &Snapshot) -> Vec<Family> {
    let engine = &snapshot.engine;
    let ended = [
        ("succeeded", engine.succeeded),
        ("failed", engine.failed),
        ("cancelled", engine.cancelled),
        ("parked", engine.parked),
    ];
    let ended = ended.map(|(state, count)| Sample::new(count).label("state", state));
    vec![
        counter("overtime_tasks_submitted", "Tasks taken in", engine.submitted),
        counter("overtime_tasks_recovered", "Tasks that a former process left", engine.recovered),
        counter("overtime_tasks_refused", "Tasks refused by a bound", engine.refused),
        Family::counter("overtime_tasks_ended", "Tasks that ended, or rest", ended),
        counter("overtime_tasks_fell_over", "Answers of 202 as the wait ended", engine.fell_over),
        counter("overtime_tasks_resumed", "Parked tasks that ran again", engine.resumed),
        counter("overtime_attempts_retried", "Attempts that ended ephemerally", engine.retried),
        counter("overtime_attempts_conflicted", "Attempts run again over a key", engine.conflicts),
        counter("overtime_chunks", "Chunks of bulk work on disk", engine.chunks),
        counter("overtime_attempts_yielded", "Attempts that made room", engine.yielded),
        gauge("overtime_payloads_spooling", "Payloads on their way to files", engine.spooling),
        gauge(
            "overtime_recovering",
            "Whether tasks of a former process are being taken in",
            u64::from(engine.recovering),
        ),
        counter("overtime_incidents_opened", "Incidents that began", engine.incidents_opened),
        gauge("overtime_incidents_open", "Incidents that are not over", engine.incidents_open),
        gauge("overtime_tasks_live", "Tasks that have not ended", engine.tasks),
        gauge("overtime_waiters", "Callers that wait", engine.waiters),
        gauge("overtime_payload_bytes", "Payload bytes in memory", engine.payload_bytes),
        gauge("overtime_appends", "Records on their way to the disk", engine.appends),
    ]
}

fn core_metrics(snapshot: &Snapshot) -> Vec<Family> {
    let core = &snapshot.core;
    let connections = snapshot.connections as u64;
    vec![
        gauge("overtime_connections", "Open connections", connections),
        gauge("overtime_connections_max", "Connections there may be", core.connections_max),
        counter("overtime_connections_accepted", "Connections accepted", core.accepted),
        counter(
            "overtime_accepts_postponed",
            "Accepts without a descriptor",
            core.accepts_postponed,
        ),
        counter("overtime_connections_timed_out", "Connections too slow or idle", core.timed_out),
        counter(
            "overtime_connections_displaced",
            "Connections whose place a newcomer took",
            core.displaced,
        ),
        counter("overtime_requests", "Requests whose head was read", core.requests),
        counter("overtime_requests_refused", "Requests refused on their head", core.refused),
        counter("overtime_reads_refused", "Reads refused as too many waited", core.reads_refused),
        counter(
            "overtime_notices_dropped",
            "Notices for which there was no room",
            core.notices_dropped,
        ),
        gauge("overtime_followers", "Callers that follow tasks", core.followers),
        counter("overtime_events_written", "Events handed to followers", core.events_written),
        counter("overtime_followers_slow", "Followers that fell behind", core.followers_slow),
        counter("overtime_answers_undelivered", "Answers without a caller", core.undelivered),
        counter("overtime_reads", "Reads from connections", core.reads),
        counter("overtime_copied_bytes", "Body bytes copied once read", core.bytes_copied),
        counter("overtime_bodies_paused", "Bodies left unread for a while", core.bodies_paused),
        gauge("overtime_bodies_waiting", "Bodies that wait for memory", core.bodies_waiting),
        gauge("overtime_reserved_bytes", "Memory of bodies under way", core.bytes_reserved),
        counter("overtime_read_bytes", "Bytes read", core.bytes_read),
        gauge("overtime_turn_read_bytes_max", "Most read in one turn", core.turn_bytes_read_max),
        gauge("overtime_turn_requests_max", "Most requests in one turn", core.turn_requests_max),
        gauge("overtime_turn_accepts_max", "Most let in in one turn", core.turn_accepts_max),
        gauge("overtime_turn_leaves_max", "Most let out in one turn", core.turn_leaves_max),
        counter("overtime_written_bytes", "Bytes written", core.bytes_written),
    ]
}

fn turn_metrics(snapshot: &Snapshot) -> Vec<Family> {
    let turns = &snapshot.turns;
    let buckets = TURN_BUCKETS.iter().zip(turns.buckets);
    let buckets = buckets.map(|(&us, count)| (us as f64 / 1e6, count));
    let above = turns.buckets[TURN_BUCKETS.len()];
    let histogram = Histogram::new(turns.cpu_ns as f64 / 1e9, buckets, above);
    let causes = Cause::ALL
        .map(|cause| Sample::new(turns.over_budget[cause as usize]).label("cause", cause.name()));
    let help = "CPU time of a turn of the core's loop";
    vec![
        Family::histogram("overtime_turn_cpu_seconds", help, [Sample::new(histogram)]),
        Family::counter("overtime_turns_over_budget", "Turns over their budget", causes),
        counter("overtime_turns_preempted", "Turns that waited for a processor", turns.preempted),
    ]
}

fn journal_metrics(stats: &Stats) -> Vec<Family> {
    let load = |counter: &AtomicU64| counter.load(Relaxed);
    let (durable, applied) = (load(&stats.durable_lsn), load(&stats.applied_lsn));
    let lag = durable.saturating_sub(applied);
    vec![
        counter("overtime_journal_commits", "Batches committed", load(&stats.commits)),
        counter("overtime_journal_records", "Records committed", load(&stats.records)),
        counter("overtime_journal_bytes", "Bytes committed", load(&stats.bytes)),
        counter("overtime_journal_applied", "Records in the archive", load(&stats.applied)),
        counter("overtime_journal_disk_full", "Records refused: disk", load(&stats.disk_full)),
        counter("overtime_damaged_reads", "Reads of damage", load(&stats.damaged_reads)),
        spans("overtime_journal_commit_seconds", "One write and sync", &stats.sync),
        spans("overtime_journal_apply_seconds", "One applied transaction", &stats.apply),
        spans("overtime_journal_checkpoint_seconds", "One checkpoint", &stats.checkpoint),
        gauge("overtime_journal_log_bytes", "Log files on disk", load(&stats.log_bytes)),
        gauge("overtime_journal_lag_records", "Records not yet in the archive", lag),
        gauge("overtime_disk_free_bytes", "Free on the data disk", load(&stats.disk_free)),
    ]
}

fn space_metrics(stats: &Stats) -> Vec<Family> {
    let load = |counter: &AtomicU64| counter.load(Relaxed);
    let (mut tasks, mut bytes) = (Vec::new(), Vec::new());
    for (kind, usage) in stats.usage() {
        tasks.push(Sample::new(usage.rows as f64).label("kind", kind.to_string()));
        bytes.push(Sample::new(usage.bytes as f64).label("kind", kind.to_string()));
    }
    let full_in = load(&stats.disk_full_in_seconds);
    let forecast = (full_in > 0).then(|| Sample::new(full_in as f64));
    vec![
        gauge("overtime_disk_used_bytes", "Taken on the data disk", load(&stats.disk_used)),
        gauge("overtime_spool_bytes", "Large payloads on disk", load(&stats.spool_bytes)),
        counter("overtime_tasks_removed", "Finished tasks removed", load(&stats.removed)),
        Family::gauge("overtime_kept_tasks", "Tasks in the archive", tasks),
        Family::gauge("overtime_kept_bytes", "What those tasks take", bytes),
        Family::gauge("overtime_disk_full_in_seconds", "Until the disk is full", forecast),
    ]
}

fn spans(name: &'static str, help: &'static str, spans: &Spans) -> Family {
    // From 16 µs to 17 s; what is shorter falls into the first bucket.
    const FIRST: usize = 14;
    let counts = spans.buckets();
    let shorter: u64 = counts[..FIRST].iter().sum();
    let last = SPAN_BUCKETS - 5;
    let count = |n| if n == FIRST { shorter + counts[n] } else { counts[n] };
    let buckets = (FIRST..last).map(|n| ((1_u64 << n) as f64 / 1e9, count(n)));
    let above = counts[last..].iter().sum();
    let histogram = Histogram::new(spans.total().as_secs_f64(), buckets, above);
    Family::histogram(name, help, [Sample::new(histogram)])
}
