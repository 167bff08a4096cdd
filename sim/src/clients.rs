//! The simulated clients: what they ask for. Whom is answered what is the oracle's to judge.

use crate::kinds::{Work, keys, kinds};
use crate::life::Life;
use crate::oracle::{Oracle, Request};
use crate::time::Time;
use overtime_engine::{Ask, Event, Seed, Steer, Submission, Wants, Wish};
use overtime_protocol::repair::{Remedy, RepairOrder};
use overtime_protocol::{
    Code, Form, KeyHash, KindId, Query, ReplyTo, Scope, TaskFilter, TaskId, TaskState, TenantId,
};
use std::time::Duration;

mod strangers;

/// How many idempotency keys there are.
const KEYS: u64 = 8;

/// All clients; they share one count of requests.
#[derive(Default)]
pub(crate) struct Clients {
    asked: u64,
}

/// A client's turn.
pub(crate) struct Turn<'a> {
    pub(crate) life: &'a mut Life,
    pub(crate) oracle: &'a mut Oracle,
    pub(crate) time: &'a Time,
    pub(crate) chance: &'a mut Seed,
}

impl Turn<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        self.chance.below(bound)
    }

    fn millis(&mut self, choices: &[u64]) -> Duration {
        Duration::from_millis(choices[self.below(choices.len() as u64) as usize])
    }

    fn known(&mut self) -> Option<TaskId> {
        let number = self.chance.next_u64();
        self.oracle.pick(number)
    }

    /// Whose task it is, if its work is known: everybody else sees nothing of it.
    fn owner(&self, task: TaskId) -> Option<TenantId> {
        self.oracle.work(task).map(|work| work.tenant())
    }

    fn event(&mut self, event: Event) {
        self.life.event(event, self.time);
    }
}

impl Clients {
    fn caller(&mut self, turn: &mut Turn<'_>, request: Request) -> ReplyTo {
        self.asked += 1;
        let to = ReplyTo(self.asked);
        turn.oracle.asks(to, request, turn.time.now());
        to
    }

    /// Somebody wants work done. The number of the step names it, so that to leave another step out
    /// does not make it other work.
    pub(crate) fn submit(&mut self, step: u64, turn: &mut Turn<'_>) {
        let key = (turn.below(3) == 0).then(|| turn.below(KEYS));
        let token = key.unwrap_or(step + KEYS);
        let (kind, form) = match key {
            // The same key comes with the same request.
            Some(key) => (key % kinds().len() as u64, key % 5),
            None => (turn.below(kinds().len() as u64), turn.below(5)),
        };
        let form = if form == 0 { Form::Bulk } else { Form::Single };
        let work = Work::new(token, KindId(kind as u16), form);
        let len = match key {
            Some(key) => key * 100,
            None => [10, 100, 1_100, 4_000, 9_000][turn.below(5) as usize],
        };
        let (wait, urgency) = (turn.millis(&[0, 1, 20, 3_000]), turn.below(8) as u8);
        let delay = turn.millis(&[0, 0, 0, 500]);
        let reply_to = self.caller(turn, Request::Submit(work, delay));
        let submission = Submission {
            reply_to,
            tenant: work.tenant(),
            kind: work.kind,
            form,
            wait,
            urgency,
            delay,
            payload: work.payload(len as usize),
            content_type: None,
            traceparent: None,
            key: key.map(|key| KeyHash([key as u8; 16])),
            strict: turn.below(8) == 0,
        };
        turn.event(Event::Submitted(submission));
    }

    /// Somebody asks about a task.
    pub(crate) fn ask(&mut self, turn: &mut Turn<'_>) {
        let Some(task) = turn.known() else { return };
        let reply_to = self.caller(turn, Request::About(task));
        let scope = turn.owner(task);
        let event = match turn.below(8) {
            0 => Event::AskedWhy { reply_to, scope, task },
            1 => {
                turn.life.read(reply_to, Scope::All, Query::Events { task, after: 0 });
                return;
            }
            number => {
                let wants = if number < 5 { Wants::Document } else { Wants::Result };
                let wait = turn.millis(&[0, 50]);
                Event::Asked(Ask { reply_to, scope, task, wants, wait })
            }
        };
        turn.event(event);
        self.pry(turn, task);
    }

    /// Somebody reads what is not about one task.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        if turn.below(2) == 0 {
            let number = turn.below(keys().count() as u64);
            let to = self.caller(turn, Request::State(number));
            let key = keys().nth(number as usize).expect("one of the keys");
            turn.life.read(to, Scope::All, Query::State { key, absent: Code::NotFound });
            return;
        }
        let states = [TaskState::Parked, TaskState::Failed, TaskState::Queued, TaskState::Running];
        let state = states.get(turn.below(6) as usize).copied();
        let to = self.caller(turn, Request::Other);
        let filter = TaskFilter { state, limit: 20, ..TaskFilter::everything() };
        turn.life.read(to, Scope::All, Query::List(Box::new(filter)));
    }

    /// Somebody wants something done with a task, or with many.
    pub(crate) fn steer(&mut self, turn: &mut Turn<'_>) {
        let Some(task) = turn.known() else { return };
        if turn.below(6) == 0 {
            return self.repair(turn);
        }
        let wish = if turn.below(2) == 0 { Wish::Cancel } else { Wish::Retry };
        let request = match wish {
            Wish::Cancel => {
                turn.oracle.wishes_end(task);
                Request::Cancel(task)
            }
            Wish::Retry => Request::Retry(task),
        };
        let reply_to = self.caller(turn, request);
        let scope = turn.owner(task);
        turn.event(Event::Steered(Steer { reply_to, scope, task, wish }));
        self.pry(turn, task);
    }

    fn repair(&mut self, turn: &mut Turn<'_>) {
        let reply_to = self.caller(turn, Request::Other);
        let fault = overtime_protocol::Fault::input("bug", "no");
        let remedy = if turn.below(2) == 0 { Remedy::Retry } else { Remedy::Discard };
        if remedy == Remedy::Discard {
            turn.oracle.wishes_discard();
        }
        let order = Box::new(RepairOrder {
            print: fault.print(),
            remedy,
            kind: Some(kinds()[turn.below(kinds().len() as u64) as usize].name.clone()),
            dry_run: turn.below(4) == 0,
            rate: 100,
            stop_at: None,
        });
        turn.event(Event::RepairAsked { reply_to, order });
    }
}
