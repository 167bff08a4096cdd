//! A journal that keeps what happens to tasks in memory, on one thread, in order.

use crossbeam_channel::{Receiver, select};
use overtime_core::{Mail, Mailbox};
use overtime_protocol::{
    Answer, Append, Code, EventPage, Fate, Lookup, Problem, Query, Read, TaskEvent, TaskId, Verdict,
};
use std::collections::HashMap;
use std::thread;

/// Few, so that a history has many pages.
const PAGE_EVENTS: usize = 50;

/// The durable events of all tasks.
#[derive(Default)]
struct Journal {
    lsn: u64,
    events: HashMap<TaskId, Vec<TaskEvent>>,
}

/// One message of `held` lets one look into the ledger end.
pub(super) fn start(
    (appended, asked): (Receiver<Append>, Receiver<Lookup>),
    mailbox: Mailbox,
    held: Receiver<()>,
) {
    let mut journal = Journal::default();
    thread::spawn(move || {
        loop {
            select! {
                recv(appended) -> append => {
                    let Ok(append) = append else { return };
                    mailbox.push(Mail::Judged(vec![journal.append(&append)]));
                }
                recv(asked) -> lookup => {
                    let Ok(lookup) = lookup else { return };
                    let Lookup::Read(read) = lookup else { panic!("the engine inquires nothing") };
                    if let Query::Ledger(_) = read.query {
                        let Ok(()) = held.recv() else { return };
                    }
                    mailbox.push(Mail::Answered(read.reply_to, journal.answer(&read)));
                }
            }
        }
    });
}

impl Journal {
    fn append(&mut self, append: &Append) -> Verdict {
        // Not every record is an event, and other tasks have records too.
        self.lsn += 3;
        let lsn = self.lsn;
        if let Some(event) = TaskEvent::of(lsn, &append.record) {
            self.events.entry(append.record.task).or_default().push(event);
        }
        Verdict { ticket: append.ticket, fate: Fate::Durable { lsn } }
    }

    fn answer(&self, read: &Read) -> Answer {
        let known = match read.query {
            Query::Events { task, after } => self.events.get(&task).map(|all| (task, after, all)),
            _ => None,
        };
        let Some((task, after, all)) = known else {
            return Problem::new(Code::UnknownTask, "no task has this id").into();
        };
        let mut left = all.iter().filter(|event| event.sequence > after).cloned();
        let events: Vec<TaskEvent> = left.by_ref().take(PAGE_EVENTS).collect();
        Answer::Events(Box::new(EventPage { task, events, more: left.next().is_some() }))
    }
}
