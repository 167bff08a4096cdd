//! What can be refused before anything is read of new work but its head: there is no room for it, or its
//! tenant has its share. What is done with work that is taken in is not decided here.

use super::{Engine, Mode};
use crate::limits::MEMORY_RETRY;
use overtime_protocol::{Code, LANES, Lane, MemoryPressure, Now, Problem, TenantId};

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
}
