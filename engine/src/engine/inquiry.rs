//! Inquiries: what the engine has to know of the journal before it can decide.

use super::Engine;
use super::dry_run::DryRun;
use super::keys::Keyed;
use crate::event::Effect;
use crate::repairs::RepairId;
#[cfg(any(test, feature = "audit"))]
use overtime_protocol::TenantId;
use overtime_protocol::{Code, Finding, Inquiry, Now, Problem, Question, TaskId, Ticket};

/// What is decided once something was found.
#[derive(Debug)]
pub(crate) enum Pending {
    /// What becomes of a request with an idempotency key.
    Key(Box<Keyed>),
    /// What becomes of a parked task.
    Parked(TaskId),
    /// What a repair comes to next.
    Page(RepairId),
    /// What a repair would come to.
    DryRun(Box<DryRun>),
}

impl Pending {
    /// Whose request waits for it.
    #[cfg(any(test, feature = "audit"))]
    pub(super) fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Key(keyed) => Some(keyed.submission.tenant),
            Self::Parked(_) | Self::Page(_) | Self::DryRun(_) => None,
        }
    }

    /// The payload bytes that are in memory because of it.
    #[cfg(any(test, feature = "audit"))]
    pub(super) fn payload_bytes(&self) -> u64 {
        match self {
            Self::Key(keyed) => keyed.submission.payload.len(),
            Self::Parked(_) | Self::Page(_) | Self::DryRun(_) => 0,
        }
    }
}

impl Engine {
    /// Asks the journal; what waits for it is decided when it has answered.
    pub(super) fn inquire(&mut self, question: Question, then: Pending, out: &mut Vec<Effect>) {
        let ticket = Ticket(self.inquiries.insert(then) as u64);
        out.push(Effect::Inquire(Inquiry { ticket, question }));
    }

    pub(super) fn found(
        &mut self,
        ticket: Ticket,
        finding: Finding,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(then) = self.inquiries.try_remove(ticket.0 as usize) else {
            self.stats.stale += 1;
            return;
        };
        match (then, finding) {
            (Pending::Key(keyed), Finding::Key { fingerprint, holder }) => {
                self.key_found(*keyed, fingerprint, holder, now, out);
            }
            (Pending::Parked(task), Finding::Parked(found)) => {
                self.parked_found(task, found, now, out);
            }
            (Pending::Page(id), finding) => self.page_found(id, finding),
            (Pending::DryRun(run), Finding::ParkedBy(tasks)) => self.counted(*run, &tasks, out),
            (Pending::DryRun(run), other) => {
                let answer = Problem::new(Code::Internal, told(other)).into();
                out.push(Effect::Reply { to: run.reply_to, answer });
            }
            (Pending::Parked(task), other) => {
                let problem = Problem::new(Code::Internal, told(other));
                self.parked_not_found_out(task, &problem, out);
            }
            (Pending::Key(keyed), other) => {
                let detail = told(other);
                let answer = self.key_not_found_out(&keyed, detail);
                out.push(Effect::Reply { to: keyed.submission.reply_to, answer });
            }
        }
    }

    /// The journal has failed: nothing more is found.
    pub(super) fn give_up_inquiries(&mut self, problem: &Problem, out: &mut Vec<Effect>) {
        debug_assert_eq!(problem.code, Code::JournalFailed);
        for then in std::mem::take(&mut self.inquiries) {
            match then.1 {
                Pending::Key(keyed) => {
                    self.end_asking(keyed.submission.tenant, keyed.submission.payload.len());
                    let answer = problem.clone().into();
                    out.push(Effect::Reply { to: keyed.submission.reply_to, answer });
                }
                Pending::Parked(task) => self.parked_not_found_out(task, problem, out),
                Pending::Page(_) => {}
                Pending::DryRun(run) => {
                    out.push(Effect::Reply { to: run.reply_to, answer: problem.clone().into() });
                }
            }
        }
    }
}

/// Why something was not found out.
fn told(finding: Finding) -> String {
    match finding {
        Finding::Failed(detail) => detail,
        _ => "the journal has answered something else".to_owned(),
    }
}
