//! What the engine wants done: answers, chains, appends, reads and files.

use super::Core;
use crate::appends::Outlook;
use crate::reads::Way;
use crossbeam_channel::TrySendError;
use overtime_engine::Effect;
use overtime_protocol::{Answer, Lookup, Monotonic};

impl Core {
    pub(super) fn apply(&mut self, now: Monotonic) {
        let mut effects = std::mem::take(&mut self.effects);
        effects.drain(..).for_each(|effect| self.apply_one(effect, now));
        self.effects = effects;
        self.appends.send(self.outlook(), now);
        self.send_spool_orders();
        // Of these few are on their way, so they leave room to the others, and not the other way round.
        self.send_reads();
        self.send_inquiries();
    }

    /// Whether completions are about to come.
    pub(super) fn outlook(&self) -> Outlook {
        if self.engine.expects_soon() { Outlook::MoreSoon } else { Outlook::Quiet }
    }

    pub(super) fn apply_one(&mut self, effect: Effect, now: Monotonic) {
        match effect {
            Effect::Reply { to, answer } => self.clients.answer(to, answer),
            Effect::Notice(change) => {
                if self.notices.try_send(*change).is_err() {
                    self.clients.counters.notices_dropped += 1;
                }
            }
            Effect::Explain { to, mut explanation, chain } => {
                explanation.worker = chain.and_then(|chain| self.workers.name_of(chain));
                self.clients.answer(to, (*explanation).into());
            }
            Effect::Dispatch(chain) => self.workers.hand_out(chain),
            Effect::Hire => self.workers.hire(),
            Effect::Retire(count) => self.workers.retire(count),
            Effect::Recall(chain) => {
                self.recalled.push((chain, self.workers.recall(chain)));
                self.more = true;
            }
            Effect::Cancel { chain, place } => self.workers.cancel(chain, place),
            Effect::Rule { chain, ruling } => self.workers.rule(chain, ruling),
            Effect::Grant { chain, grant } => self.workers.grant(chain, grant),
            Effect::Spool(order) => self.spool_waiting.push_back(order),
            Effect::Append(append) => self.appends.push(append, now),
            Effect::Read(read) => {
                if let Err((to, problem)) = self.reads.push(read) {
                    self.clients.counters.reads_refused += 1;
                    self.clients.answer(to, Answer::Problem(problem));
                }
            }
            Effect::Publish { task, event } => self.clients.publish(task, &event),
            Effect::Inquire(inquiry) => self.inquiries_waiting.push_back(inquiry),
        }
    }

    pub(super) fn send_spool_orders(&mut self) {
        while let Some(order) = self.spool_waiting.pop_front() {
            if let Err(TrySendError::Full(order)) = self.spool.try_send(order) {
                self.spool_waiting.push_front(order);
                return;
            }
        }
    }

    /// The engine bounds its inquiries, so those for which there is no room can wait.
    pub(super) fn send_inquiries(&mut self) {
        while let Some(inquiry) = self.inquiries_waiting.pop_front() {
            let sent = self.lookups.send(Lookup::Inquiry(inquiry));
            if let Err(TrySendError::Full(Lookup::Inquiry(inquiry))) = sent {
                self.inquiries_waiting.push_front(inquiry);
                return;
            }
        }
    }

    /// What is on its way is answered, which wakes the loop, so the others can wait.
    pub(super) fn send_reads(&mut self) {
        for way in [Way::Short, Way::Long] {
            while let Some(read) = self.reads.next(way) {
                let sent = self.lookups.send(Lookup::Read(read));
                if let Err(TrySendError::Full(Lookup::Read(read))) = sent {
                    self.reads.put_back(read);
                    break;
                }
            }
        }
    }

    /// Followers that read the past are few at a time, so those for which there is no room can wait.
    pub(super) fn send_event_reads(&mut self) {
        while let Some(read) = self.clients.next_event_read() {
            let sent = self.lookups.send(Lookup::Read(read));
            if let Err(TrySendError::Full(Lookup::Read(read))) = sent {
                self.clients.put_back(&read);
                return;
            }
        }
    }
}
