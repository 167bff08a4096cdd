//! Submission: admit or refuse, and put the task on its way.

use super::admission::Terms;
use super::{Engine, Mode};
use crate::event::{Effect, Submission, Wants};
use crate::limits::{DELAY_MAX, MEMORY_RETRY, SPOOL_MIN_BYTES, UNDECIDED_HOLD};
use crate::queue::Standing;
use crate::table::Slot;
use crate::task::{AcceptanceState, CancelState, Durable, Run, StartMarkState, Task, Waiter};
use crate::timers::Due;
use overtime_protocol::{
    ChainNumber, Claim, Code, Durability, LANES, Lane, MemoryPressure, Monotonic, Now, Problem,
    Reach, ReplyTo, TenantId,
};
use std::time::Duration;

impl Engine {
    /// Whether a submission with a payload of `payload_bytes` would be admitted now: what can be
    /// refused on the head alone is.
    ///
    /// # Errors
    /// What the caller is to be told.
    pub fn screen(
        &mut self,
        tenant: TenantId,
        _lane: Lane,
        payload_bytes: u64,
        now: Now,
    ) -> Result<(), Problem> {
        let screened = self.screen_new((tenant, payload_bytes), now);
        if screened.is_err() {
            self.note_refused(tenant);
        }
        screened
    }

    /// Refuses a submission of a tenant for whose payload there is no memory, nor a place to wait for
    /// some: that is nobody's share, so it is told like everybody.
    pub fn refuse_payload(&mut self, tenant: TenantId) -> Option<Problem> {
        let refused = self.screen_accepted(u64::MAX).err()?;
        self.note_refused(tenant);
        Some(refused)
    }

    fn screen_new(&mut self, (tenant, bytes): (TenantId, u64), now: Now) -> Result<(), Problem> {
        if self.mode == Mode::Open
            && let Some(problem) = self.over_share(tenant, bytes, now.monotonic)
        {
            self.stats.refused += 1;
            return Err(problem);
        }
        self.screen_accepted(bytes)?;
        self.space_refusal().map_or(Ok(()), Err)
    }

    /// The same for work that was accepted before: the disk has room for that.
    pub(super) fn screen_accepted(&mut self, payload_bytes: u64) -> Result<(), Problem> {
        let refusal = self.refusal(payload_bytes);
        self.stats.refused += u64::from(refusal.is_some());
        refusal.map_or(Ok(()), Err)
    }

    fn refusal(&mut self, payload_bytes: u64) -> Option<Problem> {
        let limits = &self.limits;
        let payload_memory = self.stats.payload_bytes.saturating_add(payload_bytes);
        let (code, detail) = if self.mode == Mode::Failed {
            (Code::JournalFailed, "the journal cannot write; nothing is accepted")
        } else if self.mode != Mode::Open {
            (Code::Draining, "the server is shutting down and takes no new task")
        } else if self.table.len() >= limits.tasks_max {
            (Code::Backlog, "the table of live tasks is full")
        } else if payload_memory > limits.payload_memory_max_bytes {
            (Code::PayloadMemory, "the memory for payloads is used up")
        } else if self.inflight.len() >= limits.appends_max {
            (Code::JournalLag, "the journal is behind with what it has to write")
        } else if self.relief.pressure() == MemoryPressure::Full {
            let detail = "the process uses all the memory that it may";
            self.count_refusal(Code::Memory);
            return Some(Problem::new(Code::Memory, detail).after(self.seed.stretch(MEMORY_RETRY)));
        } else {
            return None;
        };
        self.count_refusal(code);
        let queued = LANES.into_iter().map(|lane| self.stats.queued[lane]).sum();
        let wait = self.seed.stretch(self.pace.until_drained(queued));
        Some(Problem::new(code, detail).after(wait))
    }

    fn count_refusal(&mut self, code: Code) {
        let refusals = &mut self.stats.refusals;
        let count = match code {
            Code::Backlog => &mut refusals.backlog,
            Code::PayloadMemory => &mut refusals.payload_memory,
            Code::JournalLag => &mut refusals.journal,
            Code::Memory => &mut refusals.memory,
            _ => &mut refusals.closed,
        };
        *count += 1;
    }

    pub(super) fn submit(&mut self, submission: Submission, now: Now, out: &mut Vec<Effect>) {
        match submission.key {
            // A key that is known makes no new work, so there is nothing to refuse yet.
            Some(key) if self.mode != Mode::Failed => {
                self.look_up_key(submission, key, now.monotonic, out);
            }
            _ => self.admit(submission, None, now, out),
        }
    }

    /// Admits or refuses new work.
    pub(super) fn admit(
        &mut self,
        mut submission: Submission,
        claim: Option<Claim>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let to = submission.reply_to;
        let lane = self.kinds[usize::from(submission.kind.0)].lane_of(submission.form);
        let screened = self.screen(submission.tenant, lane, submission.payload.len(), now);
        let screened = screened.and_then(|()| match self.share_refusal(submission.kind) {
            Some(problem) => {
                self.note_refused(submission.tenant);
                Err(problem)
            }
            None => Ok(()),
        });
        if let Err(problem) = screened {
            out.push(Effect::Reply { to, answer: problem.into() });
            return;
        }
        let terms = self.terms(&submission, now);
        if let Terms::Refused(problem) = terms {
            out.push(Effect::Reply { to, answer: problem.into() });
            return;
        }
        let shed = self.shed_upstream(submission.kind);
        if shed.is_some() && !submission.wait.is_zero() {
            self.note_shed(&submission);
        }
        if let Some(upstream) = shed.filter(|_| submission.strict && !submission.wait.is_zero()) {
            let problem = self.upstream_refusal(upstream, now);
            out.push(Effect::Reply { to, answer: problem.into() });
            return;
        }
        if matches!(terms, Terms::Cut) || shed.is_some() {
            submission.wait = Duration::ZERO;
        }
        self.stats.submitted += 1;
        self.spend_token(submission.tenant, now.monotonic);
        let kind = &self.kinds[usize::from(submission.kind.0)];
        let spools = submission.payload.len() >= SPOOL_MIN_BYTES;
        let starts_unrecorded = kind.reach == Reach::Journal
            && kind.lane_of(submission.form) != Lane::Bulk
            && !spools
            && !submission.wait.is_zero()
            && submission.delay.is_zero();
        // What a key stands for must not be forgotten.
        let lingers = kind.durability == Durability::Disk || claim.is_some();
        let wait = submission.wait;
        let slot = self.take_in(submission, claim, now);
        if let (Terms::Cut, Some(task)) = (terms, self.table.get_mut(slot)) {
            task.cut = true;
        }
        if let Some(Claim { key, .. }) = claim {
            self.keys.hold(key, slot);
        }
        self.add_waiter(slot, (to, Wants::Result), wait, now.monotonic);
        if spools {
            self.spool(slot, out);
            return;
        }
        if !starts_unrecorded {
            self.append_acceptance(slot, now.unix, out);
            return;
        }
        if lingers {
            self.lingers.set(now.monotonic, slot);
        }
        self.enqueue(slot, now.monotonic);
    }

    pub(super) fn take_in(
        &mut self,
        submission: Submission,
        claim: Option<Claim>,
        now: Now,
    ) -> Slot {
        let delay = submission.delay.min(DELAY_MAX);
        let durable = Durable {
            id: self.mint.mint(now.unix),
            tenant: submission.tenant,
            lane: self.kinds[usize::from(submission.kind.0)].lane_of(submission.form),
            form: submission.form,
            urgency: submission.urgency,
            attempts: 0,
            forgiven: 0,
            crashes: 0,
            created_at: now.unix,
            due_at: (!delay.is_zero()).then(|| now.unix + delay),
            started_at: None,
            fault: None,
            advance: None,
            content_type: submission.content_type,
            traceparent: submission.traceparent,
            claim: claim.map(Box::new),
        };
        self.hold_payload(submission.tenant, submission.payload.len());
        self.table.insert(Task {
            durable,
            kind: submission.kind,
            payload: submission.payload,
            spooled: false,
            lent: 0,
            created: now.monotonic,
            run: Run::Waiting,
            runs: 0,
            run_since: now.monotonic,
            stood: None,
            chain: ChainNumber::default(),
            chain_place: 0,
            call: None,
            cancel: CancelState::No,
            resuming: false,
            chunk: None,
            acceptance: AcceptanceState::Volatile,
            start_mark: StartMarkState::None,
            marked_in: None,
            hot_key: None,
            waiters: Vec::new(),
            under_way: false,
            strict: submission.strict,
            cut: false,
        })
    }

    /// Adds a caller that waits for `wait`. One that does not wait at all is overdue from the
    /// start: it is told as soon as the record is durable.
    pub(super) fn add_waiter(
        &mut self,
        slot: Slot,
        (reply_to, wants): (ReplyTo, Wants),
        wait: Duration,
        now: Monotonic,
    ) {
        let overdue = wait.is_zero();
        let span = if overdue { UNDECIDED_HOLD } else { wait };
        let timer = self.timers.set(now + span, Due::Reply(slot, reply_to));
        let Some(task) = self.table.get_mut(slot) else { return };
        task.waiters.push(Waiter { reply_to, wants, timer, overdue });
        self.stats.waiters += 1;
        self.note_under_way(slot);
    }

    /// Puts the task into the lane it is charged to; one that has to be marked first waits for that
    /// before.
    pub(super) fn enqueue(&mut self, slot: Slot, now: Monotonic) {
        let has_room = self.has_room_to_stand();
        let Some(task) = self.table.get_mut(slot) else { return };
        // Somebody waits again for what was cut.
        task.cut &= !(has_room && task.is_waited_for());
        let lane = task.charged_lane();
        let urgent = task.durable.urgency <= 3;
        let foremost = urgent && task.is_waited_for();
        let standing = if foremost { Standing::Foremost } else { Standing::Patient };
        if let StartMarkState::Required { isolated } = task.start_mark {
            task.run = Run::Waiting;
            match isolated {
                // Everybody under suspicion waits for it.
                true => self.marks[lane].push_first(slot),
                false => self.marks[lane].push(task.durable.tenant, slot, standing),
            }
            return;
        }
        if let Some(upstream) = self.has_to_wait_at_gate(slot, now) {
            self.await_upstream(slot, upstream);
            return;
        }
        let Some(task) = self.table.get_mut(slot) else { return };
        let bytes = task.charged_bytes();
        let place = self.queues[lane].push(task.durable.tenant, slot, bytes, standing);
        task.run = Run::Queued { since: now, standing, place };
        let spot = task.spot(standing);
        self.lined_up(spot, now);
    }

    /// Puts a task in front of its lane, in which it has stood since then.
    pub(super) fn enqueue_first(&mut self, slot: Slot, since: Monotonic) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let lane = task.charged_lane();
        let place = self.queues[lane].push_first(task.durable.tenant, slot);
        task.run = Run::Queued { since, standing: Standing::Foremost, place };
        let spot = task.spot(Standing::Foremost);
        let now = self.latest;
        self.lined_up(spot, now);
    }
}
