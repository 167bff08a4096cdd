//! The ledger of errors: every fault of every attempt is counted once, whatever happens meanwhile.

use crate::support::*;
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{
    Answer, Code, Document, Fault, KindName, LedgerFilter, Query, TaskState, UnixMillis,
};

fn filter(kind: Option<&str>, limit: u32) -> LedgerFilter {
    LedgerFilter { kind: kind.and_then(KindName::new), limit, after: None }
}

fn ask(running: &Running, filter: &LedgerFilter) -> String {
    match running.ask(Query::Ledger(Box::new(filter.clone()))) {
        Answer::Value { content_type: "application/json", body } => {
            String::from_utf8(body.to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

/// Each entry as `kind class code count parked`, and what the next page comes behind.
fn page(running: &Running, filter: &LedgerFilter) -> (Vec<String>, Option<String>) {
    let text = ask(running, filter);
    let (entries, next) = text.split_once("],\"next\":").expect("that is its form");
    let brief = |entry: &str| {
        let of = |name: &str| {
            let (_, rest) = entry.split_once(&format!("\"{name}\":")).expect("it is there");
            rest.split([',', '}']).next().expect("a value").trim_matches('"').to_owned()
        };
        ["kind", "class", "code", "count", "parked"].map(of).join(" ")
    };
    let found = entries.split("{\"fingerprint\":").skip(1).map(brief).collect();
    let next = next.trim_end_matches('}').trim_matches('"');
    (found, (next != "null").then(|| next.to_owned()))
}

fn all(running: &Running) -> Vec<String> {
    page(running, &filter(None, 1_000)).0
}

fn retrying_with(number: u64, attempt: u32, fault: Fault) -> Record {
    let change = Change::Retrying { next_at: UnixMillis(77_000), fault };
    Record { attempt, change: Some(change), at: UnixMillis(number), ..plain(number) }
}

fn ended_with(number: u64, state: TaskState, fault: Fault) -> Record {
    let document = Document { fault: Some(fault), ..*document(number, state) };
    let change = match state {
        TaskState::Parked => Change::Parked(Box::new(document)),
        _ => Change::Finished(Box::new(document), None),
    };
    Record { change: Some(change), ..plain(number) }
}

fn busy(seconds: u64) -> Fault {
    Fault::ephemeral("busy", format!("come back in {seconds} s"))
}

/// Two tasks that are retried, one of which is parked and the other ends, and one with bad input.
fn records() -> Vec<Record> {
    vec![
        accepted(1, "in"),
        retrying_with(1, 1, busy(1)),
        accepted(2, "in"),
        retrying_with(2, 1, busy(2)),
        retrying_with(1, 2, busy(3)),
        ended_with(1, TaskState::Parked, busy(4)),
        ended_with(2, TaskState::Succeeded, busy(2)),
        ended_with(3, TaskState::Failed, Fault::input("invalid-email", "no @")),
    ]
}

const EXPECTED: [&str; 2] = ["echo ephemeral busy 4 1", "echo persistent invalid-email 1 0"];

#[test]
fn every_fault_is_counted_once_whatever_is_applied_together() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    for is_apart in [true, false] {
        let folder = root.path().join(is_apart.to_string());
        let running = Running::open(&small(&folder));
        let stopped = (!is_apart).then(|| stop_applier(&folder));
        for record in records() {
            let last = running.durable(record);
            if is_apart {
                running.wait_applied(last);
            }
        }
        drop(stopped);
        assert_eq!(all(&running), EXPECTED);
        running.close();
    }
    // A crash with half of them in the archive and all of them in the log.
    let running = Running::open(&small(&alive));
    let mut one = records();
    let other = one.split_off(4);
    let last = one.into_iter().map(|record| running.durable(record)).last();
    running.wait_applied(last.unwrap());
    let stopped = stop_applier(&alive);
    for record in other {
        running.durable(record);
    }
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();
    for folder in [&alive, &killed] {
        let again = Running::open(&small(folder));
        assert_eq!(all(&again), EXPECTED);
        again.close();
    }
}

#[test]
fn an_entry_tells_when_it_was_and_whom_it_concerned() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    for (number, seconds) in [(1_000, 7), (2_000, 9)] {
        running.durable(accepted(number, "in"));
        running.durable(retrying_with(number, 1, busy(seconds)));
    }
    let expected = format!(
        concat!(
            r#"{{"errors":[{{"fingerprint":"{:016x}","kind":"echo","class":"ephemeral","#,
            r#""code":"busy","detail":"come back in 9 s","count":2,"#,
            r#""first_at":"1970-01-01T00:00:01.000Z","last_at":"1970-01-01T00:00:02.000Z","#,
            r#""last_task":"{}","parked":0}}],"next":null}}"#
        ),
        busy(1).print(),
        task(2_000)
    );
    assert_eq!(ask(&running, &filter(None, 1)), expected);
    running.close();
}

#[test]
fn the_ledger_comes_in_pages_and_by_kind() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    for record in records() {
        running.durable(record);
    }
    let (first, next) = page(&running, &filter(None, 1));
    assert_eq!(first, EXPECTED[..1]);
    let (second, end) = page(&running, &LedgerFilter { after: next, ..filter(None, 1) });
    assert_eq!((second[0].as_str(), second.len(), end), (EXPECTED[1], 1, None));
    assert_eq!(page(&running, &filter(Some("echo"), 9)).0, EXPECTED);
    assert_eq!(page(&running, &filter(Some("sleep"), 9)).0, [] as [&str; 0]);
    for after in ["", "echo", "echo:mild:0000000000000000", "echo:persistent:1"] {
        let query = LedgerFilter { after: Some(after.to_owned()), ..filter(None, 9) };
        let answer = running.ask(Query::Ledger(Box::new(query)));
        assert_eq!(problem(answer).code, Code::MalformedParameter, "{after}");
    }
    running.close();
}

#[test]
fn an_error_that_needs_a_person_is_told_when_it_is_new() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(accepted(9, "in"));
    for number in 1..=3 {
        let fault = Fault::input("invalid-email", format!("item {number}:\nno @"));
        running.durable(ended_with(number, TaskState::Failed, fault));
        running.durable(retrying_with(9, 1, busy(number)));
        assert_eq!(all(&running).len(), 2);
    }
    running.close_and_hear(|notes| {
        let [note] = notes else { panic!("{notes:?}") };
        let start = "a new error of echo: invalid-email: \"item 1:\\nno @\" (error ";
        assert!(note.starts_with(start), "{note}");
    });
}

#[test]
fn a_ledger_that_grows_too_long_forgets_what_is_oldest() {
    const ERRORS: u64 = 11_200;
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let word = |number: u64| {
        let letter = |place| char::from(b'g' + (number / 10_u64.pow(place) % 10) as u8);
        (0..5).map(letter).collect::<String>()
    };
    let failed = |number| {
        let fault = Fault::input("invalid-input", word(number));
        let mut record = ended_with(number, TaskState::Failed, fault);
        if let Some(Change::Finished(document, _)) = &mut record.change {
            document.finished_at = Some(UnixMillis(number));
        }
        record
    };
    running.append_all((1..=ERRORS).map(failed));
    let (mut found, mut query, mut text) = (0, filter(None, 1_000), String::new());
    loop {
        text.push_str(&ask(&running, &query));
        let (entries, next) = page(&running, &query);
        found += entries.len();
        query.after = next;
        if query.after.is_none() {
            break;
        }
    }
    assert!((10_000..=11_000).contains(&found), "{found}");
    assert!(!text.contains(&word(1)) && text.contains(&word(ERRORS)));
    running.close();
}
