//! A live task: what survives a crash in one struct, the bookkeeping around it.

use crate::event::Wants;
use crate::queue::{Place, Standing};
use crate::slim::Slim;
use crate::timers::TimerKey;
use overtime_protocol::record::{Acceptance, Advance, Record};
use overtime_protocol::{
    CallNumber, ChainNumber, Claim, Document, Durability, Fault, Form, Job, KindId, KindName, Lane,
    Monotonic, Now, Payload, ReplyTo, TaskId, TaskState, TenantId, UnixMillis,
};
use std::sync::Arc;
use std::time::Duration;

/// What the journal can give back after a crash.
#[derive(Debug)]
pub(crate) struct Durable {
    pub(crate) id: TaskId,
    pub(crate) tenant: TenantId,
    pub(crate) lane: Lane,
    pub(crate) form: Form,
    pub(crate) urgency: u8,
    /// Attempts started so far.
    pub(crate) attempts: u32,
    /// How many of them do not count: those before a person last had it run again, or before one
    /// that came further than they did.
    pub(crate) forgiven: u32,
    /// Crashes on its account.
    pub(crate) crashes: u8,
    pub(crate) created_at: UnixMillis,
    pub(crate) due_at: Slim<UnixMillis>,
    pub(crate) started_at: Slim<UnixMillis>,
    pub(crate) fault: Option<Box<Fault>>,
    /// Where its latest chunk ended, and how far that is.
    pub(crate) advance: Option<Box<Advance>>,
    pub(crate) content_type: Option<Arc<str>>,
    /// Few have one.
    pub(crate) traceparent: Option<Box<Arc<str>>>,
    /// The idempotency key that it holds.
    pub(crate) claim: Option<Box<Claim>>,
}

/// A live task.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) durable: Durable,
    pub(crate) kind: KindId,
    pub(crate) payload: Payload,
    /// Its payload has a file of its own.
    pub(crate) spooled: bool,
    /// Its worker has the payload's bytes, which are not held here meanwhile: they go back to the
    /// memory on the worker's thread, for that takes long.
    is_lent: bool,
    pub(crate) created: Monotonic,
    pub(crate) run: Run,
    /// Runs in this process, those that conflicted or were recalled included.
    pub(crate) runs: u32,
    /// When the latest of them began.
    pub(crate) run_since: Monotonic,
    /// The lane in which it stood before that, and since when; not if it followed in the line of a
    /// hot key.
    stood_in: Lane,
    stood_since: Slim<Monotonic>,
    /// The chain that its latest run was handed out in.
    pub(crate) chain: ChainNumber,
    /// Where in it.
    pub(crate) chain_place: u8,
    /// The call to its upstream that its latest run is.
    pub(crate) call: Slim<CallNumber>,
    pub(crate) cancel: CancelState,
    /// A person had it run again, which is on its way to the disk.
    pub(crate) resuming: bool,
    /// A chunk that is on its way to the disk.
    pub(crate) chunk: Option<Box<PendingChunk>>,
    pub(crate) acceptance: AcceptanceState,
    pub(crate) start_mark: StartMarkState,
    /// The lane in which it is marked ahead of its start.
    pub(crate) marked_in: Option<Lane>,
    /// The key over which its latest attempt conflicted.
    pub(crate) hot_key: Slim<u64>,
    pub(crate) waiters: Vec<Waiter>,
    /// Whether it counts among those of its tenant that are under way.
    pub(crate) under_way: bool,
    /// Its caller wants an answer, and no 202 in place of it if too many wait.
    pub(crate) strict: bool,
    /// Its callers' waits were cut: it is background work until somebody waits for it again and
    /// there is room.
    pub(crate) cut: bool,
}

/// A chunk until its fate is known.
#[derive(Debug)]
pub(crate) struct PendingChunk {
    pub(crate) record: Arc<Record>,
    pub(crate) chain: ChainNumber,
}

/// Where the work stands.
#[derive(Debug)]
pub(crate) enum Run {
    /// May not start before a record of it is durable.
    Waiting,
    /// May not start before a time.
    Delayed { until: UnixMillis, timer: TimerKey },
    /// Waits for the other suspects to have had their turn.
    Suspect,
    /// In its lane, where it stands like that.
    Queued { since: Monotonic, standing: Standing, place: Place },
    /// Waits for memory for its payload, which is in a file.
    Unloaded,
    /// Waits until its upstream may be called.
    AtGate { spot: crate::lines::Spot },
    /// Waits for the chain of its hot key.
    Chained,
    /// A worker has it.
    Running,
    /// Came back; what became of it is on its way to the disk.
    Ended(Box<Ended>),
    /// Its acceptance met a full disk while a worker has it: nobody was told that it was accepted,
    /// and nothing it does will count.
    Abandoned,
}

/// How an attempt ended, until that is durable.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) record: Arc<Record>,
    pub(crate) queue: Duration,
    pub(crate) exec: Duration,
    pub(crate) at: Monotonic,
    /// The state that is shown until then.
    pub(crate) shown: TaskState,
}

/// Whether a caller has asked for the end of the attempt that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelState {
    No,
    /// That is on its way to the disk; the worker knows it already.
    Asking,
    Asked,
}

/// Whether a crash would forget the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptanceState {
    Volatile,
    /// Its payload is on its way to a file of its own, which comes first.
    Spooling,
    Appending,
    Durable,
}

/// Whether the journal knows that the current attempt was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartMarkState {
    /// Not needed unless the attempt outlives the linger.
    None,
    /// Must be durable before the attempt starts. The suspect runs alone among its kind.
    Required { isolated: bool },
    /// On its way, or there.
    Written { isolated: bool },
}

impl StartMarkState {
    /// Whether the attempt runs alone among the suspects.
    pub(crate) fn is_isolated(self) -> bool {
        matches!(self, Self::Required { isolated: true } | Self::Written { isolated: true })
    }
}

/// One caller that is owed an answer.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) reply_to: ReplyTo,
    pub(crate) wants: Wants,
    pub(crate) timer: TimerKey,
    /// Its wait is over: it is told as soon as the record is durable.
    pub(crate) overdue: bool,
}

impl Task {
    /// A task that nobody was told to be accepted, and that has not run.
    pub(crate) fn new(
        durable: Durable,
        kind: KindId,
        payload: Payload,
        created: Monotonic,
    ) -> Self {
        Self {
            stood_in: durable.lane,
            durable,
            kind,
            payload,
            spooled: false,
            is_lent: false,
            created,
            run: Run::Waiting,
            runs: 0,
            run_since: created,
            stood_since: Slim::NONE,
            chain: ChainNumber::default(),
            chain_place: 0,
            call: Slim::NONE,
            cancel: CancelState::No,
            resuming: false,
            chunk: None,
            acceptance: AcceptanceState::Volatile,
            start_mark: StartMarkState::None,
            marked_in: None,
            hot_key: Slim::NONE,
            waiters: Vec::new(),
            under_way: false,
            strict: false,
            cut: false,
        }
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.acceptance == AcceptanceState::Durable
    }

    /// Whether this is the run that its worker has now.
    pub(crate) fn is_at(&self, attempt: u32, run: u32) -> bool {
        self.durable.attempts == attempt && self.runs == run
    }

    /// Whether somebody is still prepared to wait for the end of the work.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiters.iter().any(|waiter| !waiter.overdue)
    }

    /// What its turn in the lane is charged with beside itself: the bytes that it has a worker read. A
    /// turn of bulk is a slice, however long the body is.
    pub(crate) fn charged_bytes(&self) -> u64 {
        match self.durable.form {
            Form::Single => self.payload.len(),
            Form::Bulk => 0,
        }
    }

    /// Whether somebody waits for the result, or a worker has it: so much of a tenant's work has a
    /// bound.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.run, Run::Running | Run::Abandoned)
            || self.waiters.iter().any(|waiter| waiter.wants == Wants::Result)
    }

    /// Something of each line of memory on which it lies.
    pub(crate) fn glance(&self) -> u64 {
        let durable = &self.durable;
        let parts = [
            durable.id.key(),
            durable.created_at.0,
            u64::from(durable.attempts),
            durable.fault.is_some().into(),
            durable.claim.is_some().into(),
            durable.traceparent.is_some().into(),
            self.payload.len(),
            self.lent_bytes(),
            self.created.0,
            self.run_since.0,
            self.chain.0,
            self.hot_key.is_some().into(),
            self.waiters.len() as u64,
            matches!(self.run, Run::Waiting).into(),
        ];
        parts.into_iter().fold(0, std::ops::BitXor::bitxor)
    }

    /// Whether it is to end as cancelled as soon as nothing else has ended it.
    pub(crate) fn is_to_be_cancelled(&self) -> bool {
        let is_wanted = |waiter: &Waiter| waiter.wants == Wants::Cancellation;
        self.cancel != CancelState::No || self.waiters.iter().any(is_wanted)
    }

    /// The lane that this attempt is charged to: retries of single calls are background work, and so
    /// is one whose wait was cut.
    pub(crate) fn charged_lane(&self) -> Lane {
        if self.durable.form == Form::Bulk || (self.durable.attempts == 0 && !self.cut) {
            self.durable.lane
        } else {
            Lane::Background
        }
    }

    /// The state that callers see. An end is shown once it is durable, and then by the journal.
    pub(crate) fn state(&self) -> TaskState {
        match self.run {
            Run::Delayed { .. } if self.durable.attempts > 0 => TaskState::Retrying,
            // A crash would take it back that it runs again.
            Run::Waiting if self.resuming => TaskState::Parked,
            Run::Waiting
            | Run::Delayed { .. }
            | Run::Suspect
            | Run::Unloaded
            | Run::AtGate { .. }
            | Run::Queued { .. }
            | Run::Chained => TaskState::Queued,
            Run::Ended(ref ended) => ended.shown,
            Run::Running | Run::Abandoned => TaskState::Running,
        }
    }

    pub(crate) fn document(&self, kind: KindName, tenant: Arc<str>) -> Document {
        let next_attempt_at = match self.run {
            Run::Delayed { until, .. } => Some(until),
            _ => None,
        };
        let durability = match self.acceptance {
            AcceptanceState::Durable => Durability::Disk,
            AcceptanceState::Volatile | AcceptanceState::Spooling | AcceptanceState::Appending => {
                Durability::Memory
            }
        };
        Document {
            id: self.durable.id,
            kind,
            lane: self.durable.lane,
            state: self.state(),
            attempts: self.durable.attempts,
            created_at: self.durable.created_at,
            started_at: self.durable.started_at.get(),
            finished_at: None,
            next_attempt_at,
            progress: self.durable.advance.as_ref().map(|advance| advance.progress),
            fault: self.durable.fault.as_deref().cloned(),
            tenant,
            durability,
        }
    }

    pub(crate) fn acceptance_record(&self, kind: KindName, tenant: Arc<str>) -> Acceptance {
        let payload = match self.spooled {
            true => Payload::spooled(self.payload.len()),
            false => self.payload.clone(),
        };
        Acceptance {
            kind,
            lane: self.durable.lane,
            tenant,
            created_at: self.durable.created_at,
            due_at: self.durable.due_at.get(),
            urgency: self.durable.urgency,
            content_type: self.durable.content_type.clone(),
            traceparent: self.durable.traceparent.as_deref().cloned(),
            form: self.durable.form,
            payload,
        }
    }

    /// The payload bytes that are in memory because of it.
    pub(crate) fn bytes_in_memory(&self) -> u64 {
        let own = if self.payload.is_stored() { 0 } else { self.payload.len() };
        own + self.lent_bytes()
    }

    /// Those of them that its worker has.
    pub(crate) fn lent_bytes(&self) -> u64 {
        if self.is_lent { self.payload.len() } else { 0 }
    }

    /// The worker has let go of them; returns how many they were.
    pub(crate) fn end_loan(&mut self) -> u64 {
        let bytes = self.lent_bytes();
        self.is_lent = false;
        bytes
    }

    /// It has left the lane, in which it stood since then.
    pub(crate) fn has_stood(&mut self, lane: Lane, since: Monotonic) {
        (self.stood_in, self.stood_since) = (lane, Slim::some(since));
    }

    /// Where it stood and since when, which is not asked again.
    pub(crate) fn take_stood(&mut self) -> Option<(Lane, Monotonic)> {
        self.stood_since.take().map(|since| (self.stood_in, since))
    }

    /// How long it stood in its lane before its run began.
    pub(crate) fn stood_for(&self, now: Monotonic) -> Duration {
        self.stood_since.get().map_or(Duration::ZERO, |since| now.since(since))
    }

    /// The payload for the next run: a large one is given away, for it can be read again.
    fn lend_payload(&mut self) -> Payload {
        if !(self.spooled && self.is_accepted()) {
            return self.payload.clone();
        }
        self.is_lent = true;
        let placeholder = Payload::spooled(self.payload.len());
        std::mem::replace(&mut self.payload, placeholder)
    }

    /// The next attempt, counted.
    pub(crate) fn start(&mut self, now: Now) -> Job {
        self.durable.attempts += 1;
        self.runs += 1;
        self.run_since = now.monotonic;
        self.durable.started_at = Slim::some(now.unix);
        self.run = Run::Running;
        Job {
            task: self.durable.id,
            attempt: self.durable.attempts,
            run: self.runs,
            kind: self.kind,
            created_at: self.durable.created_at,
            payload: self.lend_payload(),
            form: self.durable.form,
            cursor: self.durable.advance.as_ref().map(|advance| advance.cursor.clone()),
            content_type: self.durable.content_type.clone(),
            traceparent: self.durable.traceparent.as_deref().cloned(),
            call_limit: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million of them may be live: what is added here is paid for a million times.
    #[test]
    fn a_task_takes_a_bounded_room() {
        assert!(size_of::<Task>() <= 264, "{} bytes", size_of::<Task>());
    }
}
