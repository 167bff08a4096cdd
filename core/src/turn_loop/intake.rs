//! What comes into the engine: orders of clients and mail of other threads.

use super::Core;
use crate::clients::Ordered;
use crate::exchange::Order;
use crate::limits::{MAIL_PER_TURN, RESULT_RETRY};
use crate::mailbox::Mail;
use overtime_engine::{Ask, Effect, Event, Steer, Submission, Wants};
use overtime_protocol::{Answer, Code, Now, Problem, Query, Read};
use std::time::Duration;

impl Core {
    pub(super) fn take_order(&mut self, ordered: Ordered, now: Now) {
        let Ordered { reply_to, order, caller, payload } = ordered;
        let (tenant, scope) = (caller.tenant, caller.sight());
        let event = match order {
            Order::Submit { kind, form, options, wait, key, head, lane: _ } => {
                Event::Submitted(Submission {
                    reply_to,
                    tenant,
                    kind,
                    form,
                    wait: if options.strict { wait } else { self.clients.hold(wait) },
                    urgency: options.urgency,
                    delay: options.delay,
                    key,
                    strict: options.strict,
                    payload,
                    content_type: head.content_type,
                    traceparent: head.traceparent,
                })
            }
            Order::Document { task, wait } => {
                let wait = self.clients.hold(wait);
                Event::Asked(Ask { reply_to, scope, task, wants: Wants::Document, wait })
            }
            Order::Result { .. } if self.clients.is_out_of_memory() => {
                let detail = "the memory is used up, and a result may be long";
                let problem = Problem::new(Code::Memory, detail).after(RESULT_RETRY);
                self.effects.push(Effect::Reply { to: reply_to, answer: problem.into() });
                return;
            }
            Order::Result { task } => {
                let wait = Duration::ZERO;
                Event::Asked(Ask { reply_to, scope, task, wants: Wants::Result, wait })
            }
            Order::Errors { task } => {
                let query = Query::Errors { task, live: self.engine.knows(task, scope) };
                self.effects.push(Effect::Read(Read { reply_to, scope: caller.scope, query }));
                return;
            }
            Order::Events { task, after } => {
                if !self.clients.follow(reply_to, caller, (task, after)) {
                    return;
                }
                Event::Followed(task)
            }
            Order::Explain { task } => Event::AskedWhy { reply_to, scope, task },
            Order::Upstreams(order) => Event::UpstreamsAsked { reply_to, order },
            Order::Repair(order) => Event::RepairAsked { reply_to, order },
            Order::ShowRepair { print } => Event::RepairShown { reply_to, print },
            Order::Steer { task, wish } => Event::Steered(Steer { reply_to, scope, task, wish }),
            Order::Read(mut query) => {
                if let Query::List(filter) = &mut query {
                    self.engine.narrow(filter);
                }
                self.effects.push(Effect::Read(Read { reply_to, scope: caller.scope, query }));
                return;
            }
            Order::Refuse(problem) => {
                self.effects.push(Effect::Reply { to: reply_to, answer: Answer::Problem(problem) });
                return;
            }
        };
        self.engine.handle(event, now, &mut self.effects);
    }

    /// Returns whether there was any.
    pub(super) fn mail(&mut self, now: Now) -> bool {
        let mut any = false;
        for (chain, from) in std::mem::take(&mut self.recalled) {
            let event = Event::Recalled { chain, from };
            self.engine.handle(event, now, &mut self.effects);
            any = true;
        }
        for task in self.clients.take_unfollowed() {
            self.engine.handle(Event::Unfollowed(task), now, &mut self.effects);
            any = true;
        }
        for _ in 0..MAIL_PER_TURN {
            let Some(mail) = self.inbox.take() else { break };
            any = true;
            let is_long = matches!(mail, Mail::Recovered { .. });
            self.open_mail(mail, now);
            if is_long {
                // A turn's worth by itself.
                break;
            }
        }
        any
    }

    pub(super) fn open_mail(&mut self, mail: Mail, now: Now) {
        let event = match mail {
            Mail::Completed { worker, completion, chain_ended } => {
                let freed = if chain_ended { self.workers.free(worker) } else { None };
                Event::Completed { completion, freed }
            }
            Mail::Advanced { worker, chunk } => {
                let Some(chain) = self.workers.chain_of(worker) else { return };
                Event::Advanced { chunk, chain }
            }
            Mail::Called { worker, task, run, report } => {
                let Some(chain) = self.workers.chain_of(worker) else { return };
                Event::CallsReported { task, run, chain, report }
            }
            Mail::Recovered { unfinished, clean, permit: _ } => {
                Event::Recovered { unfinished, clean }
            }
            Mail::Hired { worker, channel } => {
                self.workers.admit(worker, channel);
                Event::Hired
            }
            Mail::NotHired { worker } => {
                self.workers.cross_out(worker);
                Event::NotHired
            }
            Mail::Strained(strained) => Event::Strained(strained),
            Mail::RecoveryEnded => Event::RecoveryEnded,
            Mail::Found(ticket, finding) => Event::Found { ticket, finding },
            Mail::Space { is_low, over } => Event::Space { is_low, over },
            Mail::Spooled(task, outcome) => Event::Spooled { task, outcome },
            Mail::Judged(verdicts) => {
                for verdict in verdicts {
                    self.engine.handle(Event::Judged(verdict), now, &mut self.effects);
                }
                return;
            }
            Mail::Answered(reply_to, Answer::Sighted(sighted)) => {
                self.reads.answered(reply_to);
                Event::Sighted { reply_to, sighted }
            }
            Mail::Answered(to, answer) => {
                self.reads.answered(to);
                self.effects.push(Effect::Reply { to, answer });
                return;
            }
            Mail::MemoryPressure(pressure) => {
                self.clients.set_memory_pressure(pressure);
                Event::MemoryPressure(pressure)
            }
            Mail::JournalFailed(reason) => {
                self.begin_end(reason, now.monotonic);
                Event::JournalFailed
            }
            Mail::Keys(keys) => {
                self.set_keys(keys);
                return;
            }
            Mail::Stop => {
                self.begin_drain(now.monotonic);
                return;
            }
            Mail::Inspect(reply) => {
                let _ = reply.try_send(Box::new(self.snapshot()));
                return;
            }
        };
        self.engine.handle(event, now, &mut self.effects);
    }
}
