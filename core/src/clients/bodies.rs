//! Bodies and the memory for them: which are read and which wait. It never reads one.

use super::{Announced, Clients, Screen};
use crate::connection::{Paused, Speech, Stage};
use crate::exchange::Routed;
use crate::limits::{BODY_STEP_BYTES, BODY_WAIT_MAX, READ_SLICE_BYTES};
use crate::patience::Awaited;
use crate::payload_budget::{Grant, Ruling, Share, Wants, over_part};
use overtime_protocol::http::{CONTINUE, Head, ReplyContext};
use overtime_protocol::{Code, Monotonic, Problem, TenantId};

/// The most that one turn reads of a body: a slice, and what the read that passes it brings along.
const TURN_BYTES: u64 = 2 * READ_SLICE_BYTES as u64;

/// Why a body may not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// Too many bodies wait.
    TooManyWait,
    /// Its tenant has its part of the memory.
    OverPart,
}

impl NoRoom {
    /// What the caller is told. The engine knows how long it will be until there is memory again.
    pub(super) fn problem(self, tenant: TenantId, screen: Screen<'_>) -> Problem {
        match self {
            Self::TooManyWait => {
                screen(Announced::without_memory(tenant)).err().unwrap_or_else(|| {
                    Problem::new(Code::PayloadMemory, "too many bodies wait for memory")
                })
            }
            Self::OverPart => over_part(),
        }
    }
}

impl Clients {
    /// Whether a body that waits could go on, now that the engine holds `engine_bytes`.
    pub(crate) fn can_go_on(&mut self, engine_bytes: u64) -> bool {
        self.budget.set_engine_bytes(engine_bytes);
        self.budget.has_next()
    }

    /// Lets bodies go on for which there is memory again.
    pub(crate) fn go_on(&mut self, engine_bytes: u64, now: Monotonic) {
        self.budget.set_engine_bytes(engine_bytes);
        while let Some(grant) = self.budget.next() {
            self.resume(grant, now);
        }
    }

    /// A payload of so many bytes is the engine's from now on, or gone.
    pub(crate) fn handed_over(&mut self, bytes: u64) {
        self.budget.hand_over(bytes);
    }

    /// The head asks for something and is over: its body comes next, if there is memory for it, or
    /// when there is.
    ///
    /// # Errors
    /// With the context of the answer, and why not: too many bodies wait, or too many of the tenant
    /// are under way.
    pub(super) fn expect_body(
        &mut self,
        index: usize,
        head: &Head,
        (routed, context): (Routed, ReplyContext),
        now: Monotonic,
    ) -> Result<(), (ReplyContext, NoRoom)> {
        let tenant = routed.caller.tenant;
        let (ruling, share) = self.reserve(index, tenant, head.declared_length());
        let connection = &mut self.connections[index];
        connection.share = share;
        match ruling {
            Ruling::Refused => return Err((context, NoRoom::TooManyWait)),
            Ruling::OverPart => return Err((context, NoRoom::OverPart)),
            Ruling::Granted => {
                connection.stage = Stage::Ordered(Box::new((routed, context)));
                self.begin_pace(index, Awaited::Body, now);
            }
            Ruling::Waits => {
                connection.stage = Stage::Ordered(Box::new((routed, context)));
                self.pause(index, head.expects_continue(), now);
            }
        }
        Ok(())
    }

    fn reserve(
        &mut self,
        index: usize,
        tenant: TenantId,
        declared: Option<u64>,
    ) -> (Ruling, Share) {
        let wants = match declared {
            Some(0) => return (Ruling::Granted, Share::default()),
            Some(bytes) => Wants::All(bytes),
            None => Wants::Step(BODY_STEP_BYTES.min(self.limits.http.body_max_bytes)),
        };
        self.budget.begin(index, tenant, wants)
    }

    /// Whether a body has memory for what one turn may read of it; if not, it waits from now on.
    pub(super) fn may_read(&mut self, index: usize, now: Monotonic) -> bool {
        let connection = &mut self.connections[index];
        let is_coming = matches!(connection.stage, Stage::Ordered(_));
        if !is_coming || connection.deframer.body_remaining().is_some() {
            return true;
        }
        let room = connection.share.bytes - connection.deframer.body_received();
        if room >= TURN_BYTES || connection.share.bytes == self.limits.http.body_max_bytes {
            return true;
        }
        match self.budget.grow(index, &mut connection.share, BODY_STEP_BYTES) {
            Ruling::Granted => true,
            Ruling::Waits | Ruling::Refused => {
                self.pause(index, false, now);
                false
            }
            Ruling::OverPart => {
                self.counters.refused += 1;
                self.answer_and_close(index, over_part().into());
                false
            }
        }
    }

    /// The time that a body waits here is not its sender's.
    fn pause(&mut self, index: usize, expects: bool, now: Monotonic) {
        self.counters.bodies_paused += 1;
        let connection = &mut self.connections[index];
        let Stage::Ordered(ordered) = std::mem::replace(&mut connection.stage, Stage::Reading)
        else {
            unreachable!("only a body that is coming can wait");
        };
        connection.stage = Stage::Paused(Box::new(Paused { ordered, expects }));
        self.wait_until(index, now + BODY_WAIT_MAX);
    }

    fn resume(&mut self, grant: Grant, now: Monotonic) {
        let Grant { connection: index, bytes } = grant;
        let connection = &mut self.connections[index];
        if let Speech::Native(_) = connection.speech {
            self.resume_native(grant, now);
            return;
        }
        let Stage::Paused(paused) = std::mem::replace(&mut connection.stage, Stage::Reading) else {
            unreachable!("whoever leaves takes its wish along");
        };
        connection.share.bytes += bytes;
        connection.stage = Stage::Ordered(paused.ordered);
        self.begin_pace(index, Awaited::Body, now);
        if paused.expects && self.connections[index].behind.is_empty() {
            self.send(index, CONTINUE);
        }
        self.list(index);
    }
}
