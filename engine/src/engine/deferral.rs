//! Deferrals: requests about tasks that a former process may have left behind wait until all of those
//! are known, and no longer than their callers. It takes no task up.

use super::recover::{Deferred, Recovery};
use super::{Engine, Mode};
use crate::event::{Effect, Steer};
use crate::limits::DEFERRED_HOLD;
use crate::timers::Due;
use overtime_protocol::{Code, Monotonic, Now, Problem, Query, ReplyTo};

impl Engine {
    /// A caller waits no longer for the tasks of the former process to be known.
    pub(super) fn end_deferral(&mut self, reply_to: ReplyTo, out: &mut Vec<Effect>) {
        self.give_up_deferred_steer(reply_to, out);
        let Recovery::UnderWay(deferred) = &mut self.recovery else { return };
        let Some(Deferred { submission, holder, .. }) = deferred.remove(&reply_to) else { return };
        self.drop_payload(submission.tenant, submission.payload.len());
        // The journal knows that it goes on.
        out.push(self.read((reply_to, Some(submission.tenant)), Query::Result(holder)));
    }

    /// Nobody waits any more.
    pub(super) fn end_deferrals(&mut self, out: &mut Vec<Effect>) {
        let mut waiting = self.revivals.deferred();
        if let Recovery::UnderWay(deferred) = &self.recovery {
            waiting.extend(deferred.iter().map(|(&reply_to, one)| (reply_to, one.timer)));
        }
        for (reply_to, timer) in waiting {
            self.timers.cancel(timer);
            self.end_deferral(reply_to, out);
        }
    }

    pub(super) fn defer_steer(&mut self, steer: Steer, now: Monotonic, out: &mut Vec<Effect>) {
        let reply_to = steer.reply_to;
        if self.revivals.deferred.len() < self.limits.inquiries_max && self.mode != Mode::Leaving {
            let timer = self.timers.set(now + DEFERRED_HOLD, Due::Deferred(reply_to));
            self.revivals.deferred.insert(reply_to, (steer, timer));
            return;
        }
        self.refuse_deferred_steer(reply_to, out);
    }

    fn refuse_deferred_steer(&mut self, to: ReplyTo, out: &mut Vec<Effect>) {
        let detail = "the tasks of a former process are still being taken up; nothing was done";
        let wait = self.seed.stretch(self.pace.until_drained(1));
        let answer = Problem::new(Code::Reads, detail).after(wait).into();
        out.push(Effect::Reply { to, answer });
    }

    /// Whoever steers waits no longer.
    pub(super) fn give_up_deferred_steer(&mut self, to: ReplyTo, out: &mut Vec<Effect>) {
        if self.revivals.deferred.remove(&to).is_some() {
            self.refuse_deferred_steer(to, out);
        }
    }

    /// All unfinished tasks are known.
    pub(super) fn steer_deferred(&mut self, now: Now, out: &mut Vec<Effect>) {
        for (steer, timer) in std::mem::take(&mut self.revivals.deferred).into_values() {
            self.timers.cancel(timer);
            self.steer(steer, now, out);
        }
    }

    /// The journal has failed: they never will be.
    pub(super) fn give_up_deferred_steers(&mut self, problem: &Problem, out: &mut Vec<Effect>) {
        for (to, (_, timer)) in std::mem::take(&mut self.revivals.deferred) {
            self.timers.cancel(timer);
            out.push(Effect::Reply { to, answer: problem.clone().into() });
        }
    }
}
