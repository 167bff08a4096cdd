//! Callers that send orders until there are enough or the server is gone.

use crate::client::{Answer, ask};
use crate::ledger::{Ledger, Mix, Order, Work};
use crate::server::Server;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

/// How many callers there are at a time.
const CALLERS: usize = 4;

/// What the callers have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How often each status, or code of a problem, was answered.
    pub(crate) answers: BTreeMap<String, u64>,
    /// How many got no answer.
    pub(crate) cut_off: u64,
    /// Whether the server has said that its journal failed.
    journal_failed: bool,
}

/// Has `count` orders sent, and notes what becomes of them.
pub(crate) fn run(server: &Server, ledger: &Mutex<Ledger>, (mix, count): (Mix, usize)) -> Seen {
    let seen = Mutex::new(Seen::default());
    let last = ledger.lock().unwrap().fates.len() + count;
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| call(&server.data, ledger, &seen, (mix, last)));
        }
    });
    seen.into_inner().unwrap()
}

fn call(address: &str, ledger: &Mutex<Ledger>, seen: &Mutex<Seen>, (mix, last): (Mix, usize)) {
    loop {
        let order = {
            let mut ledger = ledger.lock().unwrap();
            if ledger.fates.len() >= last {
                return;
            }
            ledger.open(mix)
        };
        let was_failed = seen.lock().unwrap().journal_failed;
        let wait = if order.work == Work::Upsert { "30s" } else { "0s" };
        let Ok(answer) = send(address, &order, wait) else {
            seen.lock().unwrap().cut_off += 1;
            return;
        };
        ledger.lock().unwrap().note(&order, &answer);
        let taken = matches!(answer.status, 200 | 202);
        assert!(!(was_failed && taken), "{order:?} was taken after the journal had failed");
        seen.lock().unwrap().add(&answer);
        if order.number.is_multiple_of(16) {
            // It has the archive take in what is durable.
            drop(ask(address, "GET /v1/tasks?limit=3", &[], ""));
        }
    }
}

/// Sends an order once.
pub(crate) fn send(address: &str, order: &Order, wait: &str) -> std::io::Result<Answer> {
    let fields = [order.content_type(), &order.key()];
    ask(address, &order.line(wait), &fields, &order.body())
}

impl Seen {
    fn add(&mut self, answer: &Answer) {
        let code = answer.member("code");
        self.journal_failed |= code == "journal-failed";
        let what = if code.is_empty() { answer.status.to_string() } else { code };
        *self.answers.entry(what).or_default() += 1;
    }

    /// The codes of the problems that were answered, and statuses other than 200 and 202. That a disk
    /// took more than two seconds is a matter of the machine.
    pub(crate) fn refusals(&self) -> Vec<&str> {
        let answers = self.answers.keys().map(String::as_str);
        answers.filter(|answer| !["200", "202", "undecided"].contains(answer)).collect()
    }
}
