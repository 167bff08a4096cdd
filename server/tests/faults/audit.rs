//! Holds a server against the ledger: what was acknowledged is there, once and unchanged; what was
//! not can be had by asking again; and nothing is there that nobody has sent.

use crate::ledger::{BULK_ITEMS, Fate, Ledger, Order, Work};
use crate::load;
use crate::server::{Server, wait_until};
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

/// Audits the orders from `first` on one by one, all others by what they left behind.
pub(crate) fn audit(server: &Server, ledger: &mut Ledger, first: usize) {
    wait_until("the server is ready", || server.is_ready());
    wait_until("all is taken up", || server.metric("overtime_recovering") == 0.0);
    let tasks = list(server).len();
    let most = ledger.tasks_max();
    assert!(tasks <= most, "{tasks} tasks of {most} that were not refused");
    for order in ledger.orders(first) {
        ask_again(server, ledger, &order);
    }
    check_list(server, ledger);
    check_contacts(server, ledger);
}

fn ask_again(server: &Server, ledger: &mut Ledger, order: &Order) {
    let answer = load::send(&server.data, order, "60s").expect("a running server answers");
    assert_eq!(answer.status, 200, "{order:?} was {answer:?}");
    let is_replayed = answer.field("Idempotency-Replayed") == Some("true");
    match ledger.fates[order.number] {
        Fate::Done(..) => assert!(is_replayed, "{order:?} has run again: {answer:?}"),
        // What was said not to have happened has not.
        Fate::Refused => assert!(!is_replayed, "{order:?} was refused and is there: {answer:?}"),
        Fate::Unknown | Fate::Accepted(_) => {}
    }
    match order.work {
        Work::Upsert => {}
        Work::Echo(_) => assert!(answer.body == order.body(), "{order:?} has another result"),
        Work::Bulk => assert_eq!(answer.json()["succeeded"], BULK_ITEMS, "{answer:?}"),
    }
    // This finds what was accepted twice.
    ledger.note(order, &answer);
}

/// Every task is one of ours, and done.
fn check_list(server: &Server, ledger: &Ledger) {
    let id = |fate: &Fate| match fate {
        Fate::Done(id, _) => (id.clone(), "succeeded".to_owned()),
        other => panic!("an order is still {other:?}"),
    };
    let expected: BTreeSet<_> = ledger.fates.iter().map(id).collect();
    assert_eq!(expected.len(), ledger.fates.len(), "two orders share an id");
    let mut found = BTreeSet::new();
    // A list may be a little behind when the machine is busy, and catches up.
    let missed = catch_up(|| {
        found = list(server);
        found == expected
    });
    let lost: Vec<_> = expected.difference(&found).collect();
    let invented: Vec<_> = found.difference(&expected).collect();
    assert!(!missed, "lost {lost:?}, invented {invented:?}");
}

/// Looks again and again; whether it was in vain.
fn catch_up(mut is_so: impl FnMut() -> bool) -> bool {
    const LOOKS: u32 = 100;
    (0..LOOKS).all(|_| {
        let is_behind = !is_so();
        if is_behind {
            thread::sleep(Duration::from_millis(100));
        }
        is_behind
    })
}

/// Every task that there is, with its state.
pub(crate) fn list(server: &Server) -> BTreeSet<(String, String)> {
    let (mut found, mut path) = (BTreeSet::new(), "/v1/tasks?limit=1000".to_owned());
    loop {
        let page = server.get(&path).json();
        for task in page["tasks"].as_array().expect("a page has tasks") {
            let text = |member: &str| task[member].as_str().expect("a text").to_owned();
            assert!(found.insert((text("id"), text("state"))), "{task} is listed twice");
        }
        let Some(next) = page["next"].as_str() else { return found };
        path = format!("/v1/tasks?limit=1000&after={next}");
    }
}

/// Every contact was written as often as it was asked for.
fn check_contacts(server: &Server, ledger: &Ledger) {
    for (email, version) in ledger.versions() {
        // Of a bulk body the first and the last stand for all.
        let in_bulk = email.starts_with("bulk");
        let last = format!("-{}@", BULK_ITEMS - 1);
        if in_bulk && !email.contains("-0@") && !email.contains(&last) {
            continue;
        }
        let contact = server.get(&format!("/v1/contacts/{email}"));
        assert_eq!(contact.json()["version"], version, "{email}: {contact:?}");
    }
}
