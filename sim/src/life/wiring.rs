//! What the threads of a server tell each other, as the core passes it on: the journal's reports to
//! the engine, the engine's effects to everybody. It decides nothing.

use super::{LOOKUPS_MAX, Life, opener};
use crate::oracle::Oracle;
use crate::time::Time;
use crate::workers::{Desk, Workers};
use overtime_engine::{Effect, Event};
use overtime_journal::Report;
use overtime_protocol::{Answer, Code, Fate, Finding, Inquiry, Lookup, Problem, Verdict};

impl Life {
    /// Delivers what the journal has said.
    pub(crate) fn deliver(&mut self, oracle: &mut Oracle, time: &Time) {
        loop {
            let Some(report) = self.mail.lock().pop_front() else { return };
            self.deliver_one(report, oracle, time);
        }
    }

    fn deliver_one(&mut self, report: Report, oracle: &mut Oracle, time: &Time) {
        let event = match report {
            Report::Verdicts(verdicts) => {
                for verdict in verdicts {
                    self.trace.add(format_args!("  judged {verdict:?}"));
                    oracle.judged(verdict);
                    self.event(Event::Judged(verdict), time);
                }
                return;
            }
            Report::Answer(reply_to, Answer::Sighted(sighted)) => {
                Event::Sighted { reply_to, sighted }
            }
            Report::Answer(to, answer) => {
                self.out.push(Effect::Reply { to, answer });
                return;
            }
            Report::Found(ticket, finding) => {
                if let Finding::Failed(why) = &finding {
                    self.trace.add(format_args!("  a lookup failed: {why}"));
                }
                Event::Found { ticket, finding }
            }
            Report::Spooled(task, outcome) => Event::Spooled { task, outcome },
            Report::Noted(line) => return self.trace.add(format_args!("  noted {line}")),
            Report::Space(space) => Event::Space { is_low: space.is_low, over: space.over },
            Report::Strained(strained) => Event::Strained(strained),
            Report::Failed(why) => {
                // What was said before it is told before it.
                self.pass_on(oracle, time);
                self.trace.add(format_args!("  the journal failed: {why}"));
                self.has_failed = true;
                oracle.fails();
                oracle.counts.failures += 1;
                Event::JournalFailed
            }
        };
        self.event(event, time);
    }

    /// What is due is done, what may start starts, and what the engine wants is passed on.
    pub(crate) fn turn(&mut self, oracle: &mut Oracle, time: &Time) {
        for (chain, from) in std::mem::take(&mut self.recalled) {
            self.event(Event::Recalled { chain, from }, time);
        }
        for nth in std::mem::take(&mut self.hiring) {
            // Now and then the system has no thread to give.
            self.event(if nth % 4 == 0 { Event::NotHired } else { Event::Hired }, time);
        }
        self.engine.tick(1000, time.now(), &mut self.out);
        self.engine.audit();
        self.engine.dispatch(4, time.now(), &mut self.out);
        self.engine.audit();
        self.engine.audit_floors();
        self.pass_on(oracle, time);
        self.workers.check(&self.plan, &self.engine.stats());
    }

    fn pass_on(&mut self, oracle: &mut Oracle, time: &Time) {
        for effect in std::mem::take(&mut self.out) {
            self.apply(effect, oracle, time);
        }
    }

    fn apply(&mut self, effect: Effect, oracle: &mut Oracle, time: &Time) {
        match effect {
            Effect::Reply { to, answer } => {
                self.trace.add(format_args!("  reply {} {}", to.0, summary(&answer)));
                oracle.answer(to, &answer);
            }
            Effect::Explain { to, explanation, .. } => {
                self.trace.add(format_args!("  explain {}", to.0));
                oracle.explain(to, explanation.id);
            }
            Effect::Notice(_) | Effect::Publish { .. } => {}
            Effect::Read(read) if self.lookups.len() < LOOKUPS_MAX => {
                self.lookups.push_back(Lookup::Read(read));
            }
            Effect::Read(read) => {
                let problem = Problem::new(Code::Reads, "too many reads wait for the journal");
                oracle.answer(read.reply_to, &problem.into());
            }
            Effect::Inquire(Inquiry { ticket, question }) => {
                self.lookups.push_back(Lookup::Inquiry(Inquiry { ticket, question }));
            }
            Effect::Append(append) => {
                self.trace
                    .add(format_args!("  append {}: {}", append.ticket.0, append.record.task));
                oracle.appends(&append);
                if self.judges_early {
                    let verdict = Verdict { ticket: append.ticket, fate: Fate::Durable { lsn: 1 } };
                    self.mail.lock().push_back(Report::Verdicts(vec![verdict]));
                }
                self.journal.append(append);
            }
            Effect::Spool(order) => self.orders.push_back(order),
            Effect::Cancel { chain, place } => self.workers.cancel(chain, place),
            Effect::Rule { chain, ruling } => self.workers.rule(chain, ruling),
            Effect::Grant { .. } => unreachable!("no kind calls an upstream"),
            Effect::Hire => {
                self.hires += 1;
                self.hiring.push(self.hires);
            }
            Effect::Retire(_) => {}
            Effect::Recall(chain) => self.recalled.push((chain, self.workers.recall(chain))),
            Effect::Dispatch(chain) => {
                let opener = opener();
                let now = time.now();
                let desk = Desk { store: &self.store, opener: &opener, now: now.monotonic };
                for job in &chain.jobs {
                    self.trace.add(format_args!("  start {}#{}", job.task, job.run));
                    // One that cannot be read now is looked at by its worker.
                    if let Ok(work) = Workers::read(job, &desk) {
                        oracle.starts(job.task, work, now);
                    }
                }
                self.workers.take(chain);
            }
        }
    }
}

/// An answer in a word or two.
fn summary(answer: &Answer) -> String {
    match answer {
        Answer::Result { task, account, .. } => format!("200 {task} {:?}", account.durability),
        Answer::Accepted { document, .. } => format!("202 {} {:?}", document.id, document.state),
        Answer::Document(document) => format!("document {} {:?}", document.id, document.state),
        Answer::Value { body, .. } => format!("{} bytes", body.len()),
        Answer::Events(page) => format!("{} events", page.events.len()),
        Answer::Sighted(sighted) => format!("{} sighted", sighted.tasks.len()),
        Answer::Repairing { .. } => "repairing".to_owned(),
        Answer::Problem(problem) => {
            format!("{} {:?} {}", problem.slug(), problem.submitted, problem.detail)
        }
    }
}
