//! Parked tasks: they are found with all that is needed to run them again, and what they did before
//! they were resumed counts no more.

use crate::support::*;
use overtime_journal::{Options, Report};
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{
    Answer, Code, Document, Fault, Finding, KindName, Query, Question, TaskId, TaskState,
    Unfinished,
};
use std::fs;
use std::path::Path;

#[test]
fn a_resumed_task_is_found_though_its_acceptance_has_left_the_log() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(accepted(1, "in"));
    let last = running.durable(parked(1));
    running.wait_applied(last);
    let stopped = stop_applier(root.path());
    running.durable(resumed(1));
    match running.ask(Query::Document(task(1))) {
        Answer::Document(found) => {
            assert_eq!((found.state, found.attempts), (TaskState::Queued, 2));
        }
        other => panic!("{other:?}"),
    }
    drop(stopped);
    running.close();
}

#[test]
fn whoever_steers_waits_for_the_archive_and_nobody_else_does() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&Options { readers: 1, ..small(root.path()) });
    let stopped = stop_applier(root.path());
    running.durable(accepted(1, "in"));
    running.durable(parked(1));
    running.inquire(Question::Parked(task(1)));
    match running.ask(Query::Document(task(1))) {
        Answer::Document(found) => assert_eq!(found.state, TaskState::Parked),
        other => panic!("{other:?}"),
    }
    drop(stopped);
    assert!(matches!(running.report(), Report::Found(_, Finding::Parked(Ok(_)))));
    running.close();
}

/// Parks a task and has it run again; everything of it in one transaction of the archive, or what
/// is before the second record in one of its own.
fn resume(running: &Running, folder: &Path, number: u64, is_apart: bool) {
    let stopped = stop_applier(folder);
    running.durable(accepted(number, "in"));
    running.durable(started(number, 2, 2));
    let last = running.durable(parked(number));
    if is_apart {
        drop(stopped);
        running.wait_applied(last);
        running.durable(resumed(number));
    } else {
        running.durable(resumed(number));
        drop(stopped);
    }
}

fn check_resumed(found: &Unfinished) {
    assert_eq!((found.attempts, found.forgiven, found.crashes), (2, 2, 0), "{found:?}");
    assert_eq!((found.started, found.next_at, found.cancel_asked), (None, None, false));
    assert_eq!(found.fault.as_ref().unwrap().code, "invalid-email");
    assert_eq!(found.acceptance.payload.len(), 2);
}

#[test]
fn a_resumed_task_goes_on_and_what_it_did_before_is_forgiven() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    resume(&running, &alive, 1, true);
    resume(&running, &alive, 2, false);
    match running.ask(Query::Document(task(1))) {
        Answer::Document(found) => assert_eq!(found.state, TaskState::Queued),
        other => panic!("{other:?}"),
    }
    let stopped = stop_applier(&alive);
    resume_in_log(&running, 3);
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();
    for folder in [&alive, &killed] {
        let unfinished = unfinished_in(&small(folder));
        assert_eq!(unfinished.len(), 3);
        unfinished.iter().for_each(check_resumed);
    }
}

fn resume_in_log(running: &Running, number: u64) {
    for record in [accepted(number, "in"), started(number, 1, 1), parked(number)] {
        running.durable(record);
    }
    running.durable(resumed(number));
}

#[test]
fn attempts_count_anew_and_a_wish_to_cancel_ends_with_the_rest_that_it_led_to() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    let records = |number| {
        [
            accepted(number, "in"),
            started(number, 1, 0),
            cancel_asked(number),
            parked(number),
            resumed(number),
            started(number, 3, 1),
        ]
    };
    // One record a transaction, and all of them in one.
    for record in records(1) {
        let last = running.durable(record);
        running.wait_applied(last);
    }
    let stopped = stop_applier(&alive);
    for record in records(2) {
        running.durable(record);
    }
    running.durable(cancel_asked(2));
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();
    for (folder, crashed) in [(&alive, false), (&killed, true)] {
        let unfinished = unfinished_in(&small(folder));
        let [one, two] = &unfinished[..] else { panic!("{unfinished:?}") };
        for found in [one, two] {
            assert_eq!((found.attempts, found.forgiven, found.crashes), (3, 2, 1), "{found:?}");
            assert_eq!(found.started.is_some(), crashed);
        }
        assert_eq!((one.cancel_asked, two.cancel_asked), (false, true));
    }
}

fn ask_parked(running: &Running, number: u64) -> Result<Unfinished, (Code, String)> {
    match running.find_out(Question::Parked(task(number))) {
        Finding::Parked(Ok(parked)) => Ok(*parked),
        Finding::Parked(Err(answer)) => {
            let problem = problem(answer.answer);
            Err((problem.code, problem.detail.into_owned()))
        }
        other => panic!("{other:?}"),
    }
}

fn refusal(code: Code, state: &str) -> (Code, String) {
    (code, format!("the task is {state}, not parked"))
}

#[test]
fn a_parked_task_is_found_as_soon_as_that_is_durable() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(accepted(1, "in"));
    running.durable(parked(1));
    let found = ask_parked(&running, 1).unwrap();
    assert_eq!((found.task, found.attempts, found.payload_lost), (task(1), 2, false));
    assert_eq!(found.acceptance.payload.len(), 2);
    assert_eq!(found.fault.unwrap().code, "invalid-email");
    running.durable(resumed(1));
    assert_eq!(ask_parked(&running, 1).unwrap_err(), refusal(Code::NotParked, "queued"));
    let last = running.durable(finished(1, TaskState::Succeeded, None));
    running.wait_applied(last);
    assert_eq!(ask_parked(&running, 1).unwrap_err(), refusal(Code::NotParked, "succeeded"));
    assert_eq!(ask_parked(&running, 2).unwrap_err().0, Code::UnknownTask);
    running.close();
}

#[test]
fn an_archive_that_does_not_move_on_has_a_person_ask_again() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&impatient(root.path()));
    let stopped = stop_applier(root.path());
    running.durable(parked(1));
    assert_eq!(ask_parked(&running, 1).unwrap_err().0, Code::JournalLag);
    drop(stopped);
    running.close();
}

#[test]
fn a_parked_task_whose_file_is_gone_says_so() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.spool(1, vec!["large".into()]);
    running.durable(accepted_bulk(1, 5));
    running.durable(advanced(1, 1, 7));
    running.durable(parked(1));
    let found = ask_parked(&running, 1).unwrap();
    assert_eq!((found.payload_lost, found.cursor.unwrap()), (false, "behind item 7".into()));
    fs::remove_file(root.path().join("spool").join(task(1).to_string())).unwrap();
    assert!(ask_parked(&running, 1).unwrap().payload_lost);
    running.close();
}

fn parked_with(number: u64, kind: &str, fault: Fault) -> Record {
    let kind = KindName::new(kind).unwrap();
    let mut record = accepted(number, "in");
    record.acceptance.as_mut().expect("it accepts").kind = kind.clone();
    let whole = *document(number, TaskState::Parked);
    let document = Document { kind, fault: Some(fault), ..whole };
    Record { change: Some(Change::Parked(Box::new(document))), ..record }
}

#[test]
fn parked_tasks_are_found_by_the_print_of_their_fault_page_by_page() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let fault = |detail: String| Fault::ephemeral("busy", detail);
    for number in 1..=5 {
        running.durable(parked_with(number, "echo", fault(format!("after {number} s"))));
    }
    running.durable(parked_with(6, "sleep", fault("after 1 s".to_owned())));
    running.durable(parked_with(7, "echo", fault("after lunch".to_owned())));
    running.durable(resumed(2));
    running.durable(finished(3, TaskState::Cancelled, None));
    let ask = |kind: &str, detail: &str, after: Option<TaskId>| {
        let (kind, print) = (KindName::new(kind).unwrap(), fault(detail.to_owned()).print());
        match running.find_out(Question::ParkedBy { kind, print, after, limit: 2 }) {
            Finding::ParkedBy(found) => found.iter().map(|id| id.key()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask("echo", "after 9 s", None), [1, 4]);
    assert_eq!(ask("echo", "after 9 s", Some(task(4))), [5]);
    assert_eq!(ask("echo", "after 9 s", Some(task(5))), [] as [u64; 0]);
    assert_eq!(ask("sleep", "after 9 s", None), [6]);
    assert_eq!(ask("echo", "after lunch", None), [7]);
    running.close();
}
