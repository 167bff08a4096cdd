//! Questions about one task: live ones are answered here, all others by the journal.

use super::{Engine, Mode};
use crate::event::{Ask, Effect, Wants};
use crate::queue::Standing;
use crate::table::Slot;
use crate::task::{Run, StartMarkState};
use overtime_protocol::{Answer, Code, Monotonic, Now, Problem, Query};

impl Engine {
    pub(super) fn ask(&mut self, ask: Ask, now: Now, out: &mut Vec<Effect>) {
        let to = ask.reply_to;
        let Some(slot) = self.find_shown(ask.task, ask.scope) else {
            let query = match ask.wants {
                Wants::Result => Query::Result(ask.task),
                Wants::Document | Wants::Cancellation | Wants::Resumption => {
                    Query::Document(ask.task)
                }
            };
            out.push(self.read((to, ask.scope), query));
            return;
        };
        match ask.wants {
            Wants::Result => {
                let answer = self.still_running(slot, now);
                out.push(Effect::Reply { to, answer });
            }
            // Nothing changes any more that could be shown, or nobody is left to wait for it.
            _ if ask.wait.is_zero() || matches!(self.mode, Mode::Failed | Mode::Leaving) => {
                out.push(Effect::Reply { to, answer: self.document_answer(slot) });
            }
            Wants::Document | Wants::Cancellation | Wants::Resumption => {
                self.wait_for_document(slot, ask, now, out);
            }
        }
    }

    fn wait_for_document(&mut self, slot: Slot, ask: Ask, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        if task.waiters.len() >= self.limits.waiters_max {
            let problem = Problem::new(Code::Waiters, "too many callers wait for this task");
            let wait = self.seed.stretch(self.pace.until_drained(1));
            let answer = Answer::from(problem.after(wait));
            out.push(Effect::Reply { to: ask.reply_to, answer });
            return;
        }
        self.add_waiter(slot, (ask.reply_to, Wants::Document), ask.wait, now.monotonic);
        self.promote(slot, now.monotonic);
    }

    /// Somebody waits for it now: it goes before those that nobody waits for.
    pub(super) fn promote(&mut self, slot: Slot, now: Monotonic) {
        self.restore(slot, now);
        let Some(task) = self.table.get_mut(slot) else { return };
        let (lane, bytes) = (task.charged_lane(), task.charged_bytes());
        let is_first = task.waiters.len() == 1;
        let waits_for_mark = matches!(task.run, Run::Waiting)
            && task.start_mark == StartMarkState::Required { isolated: false };
        if waits_for_mark && is_first && task.durable.urgency <= 3 {
            // It stands there patiently too, and is passed over when it comes to that.
            self.marks[lane].push(task.durable.tenant, slot, Standing::Foremost);
            return;
        }
        let Run::Queued { standing, place, since } = &mut task.run else { return };
        if *standing == Standing::Patient && task.durable.urgency <= 3 {
            let queue = &mut self.queues[lane];
            queue.remove(task.durable.tenant, slot, Standing::Patient, *place);
            *standing = Standing::Foremost;
            *place = queue.push(task.durable.tenant, slot, bytes, Standing::Foremost);
            // What nobody waited for had time.
            *since = now;
            let spot = task.spot(Standing::Foremost);
            self.began_to_stand(spot, now);
        }
    }
}
