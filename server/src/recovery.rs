//! Recovery: hands the core what a former process left unfinished, part by part, while it answers
//! already. It decides nothing about a task.

use crate::lines::Lines;
use anyhow::Context;
use crossbeam_channel::bounded;
use overtime_core::{Mail, Mailbox, Permit};
use overtime_journal::Backlog;
use overtime_protocol::{Kind, KindName, Unfinished};
use std::collections::HashSet;
use std::thread;

/// How many tasks the core takes up in one turn.
const PART: usize = 256;

/// How many parts are read ahead of the core.
const PARTS_AHEAD: usize = 4;

/// What was found.
#[derive(Default)]
struct Count {
    going_on: u64,
    unhandled: u64,
}

/// Starts the thread that reads the backlog. It tells a person what it found when it is through.
pub(crate) fn start(
    backlog: Backlog,
    clean: bool,
    kinds: &[Kind],
    mailbox: Mailbox,
    lines: Lines,
) -> anyhow::Result<()> {
    let handled = kinds.iter().map(|kind| kind.name.clone()).collect();
    let work = move || match hand_over(backlog, clean, &handled, &mailbox) {
        Ok(count) => {
            mailbox.push(Mail::RecoveryEnded);
            count.tell(&lines);
        }
        Err(reason) => mailbox.push(Mail::JournalFailed(reason)),
    };
    let thread = thread::Builder::new().name("recovery".to_owned());
    thread.spawn(work).context("the system refuses a thread")?;
    Ok(())
}

fn hand_over(
    mut backlog: Backlog,
    clean: bool,
    handled: &HashSet<KindName>,
    mailbox: &Mailbox,
) -> Result<Count, String> {
    let mut count = Count::default();
    let (back, permits) = bounded(PARTS_AHEAD);
    (0..PARTS_AHEAD).for_each(|_| drop(Permit(back.clone())));
    loop {
        let failed = |error| format!("unfinished tasks cannot be read: {error}");
        let unfinished = backlog.next(PART).map_err(failed)?;
        if unfinished.is_empty() {
            return Ok(count);
        }
        count.add(&unfinished, handled);
        permits.recv().expect("a sender is kept here");
        mailbox.push(Mail::Recovered { unfinished, clean, permit: Permit(back.clone()) });
    }
}

impl Count {
    fn add(&mut self, part: &[Unfinished], handled: &HashSet<KindName>) {
        let going_on = part.iter().filter(|task| handled.contains(&task.acceptance.kind)).count();
        self.going_on += going_on as u64;
        self.unhandled += (part.len() - going_on) as u64;
    }

    fn tell(&self, lines: &Lines) {
        let Self { going_on, unhandled } = self;
        if *going_on > 0 {
            lines.say(format_args!("{going_on} unfinished tasks go on"));
        }
        if *unhandled > 0 {
            let what = "unfinished tasks rest: no handler has their kind";
            lines.say(format_args!("{unhandled} {what}"));
        }
    }
}
