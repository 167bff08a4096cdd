//! Made-up answers and lists: whatever is not right must be found, and what is honest must not.

use super::super::listing::Listed;
use super::*;
use crate::contacts::Form;

const SEED: u64 = 7;

/// A book with one order, which was not sent yet.
fn book(work: Work, is_keyed: bool) -> Book {
    let mut book = Book::new(SEED, 0, 1);
    book.enter(work, is_keyed, 0);
    book
}

fn task(number: u64) -> TaskId {
    TaskId::from_key(number).unwrap()
}

fn answer(status: u16, task: TaskId, body: &str) -> Answer {
    let (is_replayed, is_on_disk, submitted) = (false, true, None);
    let body = body.as_bytes().to_vec();
    Answer { status, task: Some(task), is_replayed, is_on_disk, submitted, body }
}

fn refusal(submitted: Submitted) -> Answer {
    Answer { submitted: Some(submitted), task: None, ..answer(503, task(1), "{}") }
}

fn accepted(number: u64) -> Answer {
    let task = task(number);
    answer(202, task, &format!("{{\"id\":\"{task}\",\"state\":\"queued\",\"attempts\":0}}"))
}

fn once(number: u64, version: u64) -> Answer {
    let email = Mark { seed: SEED, number: 1 }.email();
    let created = version == 1;
    let body = format!("{{\"email\":\"{email}\",\"version\":{version},\"created\":{created}}}");
    answer(200, task(number), &body)
}

fn listed(kind: &str, state: TaskState) -> Listed {
    Listed { kind: kind.to_owned(), state }
}

fn faults(book: &Book) -> Vec<Fault> {
    book.findings.iter().map(|finding| finding.fault).collect()
}

const UPSERT: &str = "contacts.upsert";

#[test]
fn an_honest_server_is_found_to_be_right() {
    let mut book = book(Work::Once, true);
    book.heard(0, &Ok(accepted(1)));
    book.held_against(0, Some(&listed(UPSERT, TaskState::Succeeded)));
    book.product(0, &once(1, 1));
    book.heard(0, &Ok(once(1, 1)));
    book.contacts_are(0, &[1]);
    assert_eq!(book.findings, []);
    assert_eq!((book.counts.sent, book.counts.accepted, book.counts.answered), (2, 1, 0));
}

#[test]
fn an_accepted_task_that_is_lost_is_found() {
    let mut book = book(Work::Once, true);
    book.heard(0, &Ok(accepted(1)));
    book.held_against(0, None);
    book.shown(0, &Ok(answer(404, task(1), "{}")));
    book.contacts_are(0, &[0]);
    assert_eq!(faults(&book), [Fault::Missing; 3]);
    assert_eq!(book.findings[0].task, Some(task(1).to_string()));
    assert_eq!(book.findings[0].key, Some("drill-7-1".to_owned()));
}

#[test]
fn an_accepted_task_that_does_not_end_is_found() {
    for state in [TaskState::Queued, TaskState::Retrying, TaskState::Parked] {
        let mut book = book(Work::Once, true);
        book.heard(0, &Ok(accepted(1)));
        book.held_against(0, Some(&listed(UPSERT, state)));
        assert_eq!(faults(&book), [Fault::Unfinished], "{state:?}");
    }
}

#[test]
fn a_doubled_effect_is_found() {
    let mut book = book(Work::Once, true);
    book.heard(0, &Ok(once(1, 1)));
    book.contacts_are(0, &[2]);
    assert_eq!(faults(&book), [Fault::Doubled]);
    let mut change = self::book(Work::Change { account: 0, value: 5 }, true);
    change.heard(0, &Ok(answer(200, task(1), r#"{"email":"e","version":1}"#)));
    change.account_is(0, 1, 5);
    assert_eq!(change.findings, []);
    change.account_is(0, 2, 5);
    assert_eq!(faults(&change), [Fault::Doubled]);
}

#[test]
fn a_key_that_has_two_tasks_is_found() {
    let mut book = book(Work::Once, true);
    book.heard(0, &Ok(once(1, 1)));
    book.heard(0, &Ok(once(2, 1)));
    assert_eq!(faults(&book), [Fault::Doubled]);
}

#[test]
fn a_replay_that_says_something_else_is_found() {
    let mut book = book(Work::Flaky { fail_times: 1 }, true);
    book.heard(0, &Ok(answer(200, task(1), r#"{"attempt":2}"#)));
    book.heard(0, &Ok(answer(200, task(1), r#"{"attempt":3}"#)));
    assert_eq!(faults(&book), [Fault::Changed]);
}

#[test]
fn a_wrong_result_is_found_wherever_it_is_told() {
    let mut book = book(Work::Once, true);
    book.heard(0, &Ok(once(1, 2)));
    book.product(0, &answer(200, task(1), "{}"));
    book.held_against(0, Some(&listed("echo", TaskState::Failed)));
    assert_eq!(faults(&book), [Fault::Wrong; 4]);
}

#[test]
fn what_was_refused_must_not_have_happened() {
    let mut book = book(Work::Once, false);
    book.heard(0, &Ok(refusal(Submitted::No)));
    book.contacts_are(0, &[0]);
    assert_eq!(book.findings, []);
    book.contacts_are(0, &[1]);
    assert_eq!(faults(&book), [Fault::Invented]);
}

#[test]
fn what_was_not_answered_happened_once_and_as_a_whole_or_not_at_all() {
    for doubt in [Err(Lost::Unanswered), Ok(refusal(Submitted::Unknown))] {
        let mut book = book(Work::Bulk { form: Form::Csv, items: 2, wrong: false }, false);
        book.heard(0, &doubt);
        book.contacts_are(0, &[0, 0]);
        book.contacts_are(0, &[1, 1]);
        assert_eq!((&book.findings[..], book.counts.unknown), (&[][..], 1));
        book.contacts_are(0, &[1, 0]);
        book.contacts_are(0, &[2, 1]);
        assert_eq!(faults(&book), [Fault::Missing, Fault::Doubled]);
    }
}

#[test]
fn what_was_submitted_though_its_answer_is_a_problem_happened() {
    let mut book = book(Work::Change { account: 0, value: 5 }, true);
    book.heard(0, &Ok(Answer { task: Some(task(1)), ..refusal(Submitted::Yes) }));
    book.account_is(0, 1, 5);
    assert_eq!(book.findings, []);
    let mut lost = self::book(Work::Change { account: 0, value: 5 }, true);
    lost.heard(0, &Ok(Answer { task: Some(task(1)), ..refusal(Submitted::Yes) }));
    lost.account_is(0, 0, 0);
    assert_eq!(faults(&lost), [Fault::Missing]);
}

#[test]
fn a_key_clears_up_what_was_not_answered() {
    let mut book = book(Work::Once, true);
    book.heard(0, &Err(Lost::Unanswered));
    assert!(book.orders[0].is_in_doubt());
    // That the server takes nothing now says nothing about the first time.
    book.heard(0, &Ok(refusal(Submitted::No)));
    assert!(book.orders[0].is_in_doubt());
    book.heard(0, &Ok(once(1, 1)));
    assert_eq!((book.counts.unknown, book.counts.cleared_up), (1, 1));
    book.held_against(0, None);
    assert_eq!(faults(&book), [Fault::Missing]);
}

#[test]
fn what_was_told_to_be_cancelled_stays_so() {
    let cancelled = || answer(200, task(1), r#"{"state":"cancelled"}"#);
    let mut book = book(Work::Later, true);
    book.heard(0, &Ok(accepted(1)));
    book.heard_of_cancel(0, &Ok(cancelled()));
    book.held_against(0, Some(&listed("echo", TaskState::Cancelled)));
    book.heard(0, &Ok(answer(409, task(1), r#"{"code":"cancelled"}"#)));
    assert_eq!(book.findings, []);
    book.held_against(0, Some(&listed("echo", TaskState::Queued)));
    book.held_against(0, Some(&listed("echo", TaskState::Succeeded)));
    assert_eq!(faults(&book), [Fault::Changed; 2]);
}

#[test]
fn what_runs_before_it_is_due_is_found() {
    for is_asked in [false, true] {
        let mut book = book(Work::Later, true);
        book.heard(0, &Ok(accepted(1)));
        if is_asked {
            book.heard_of_cancel(0, &Ok(answer(202, task(1), r#"{"state":"running"}"#)));
        }
        book.held_against(0, Some(&listed("echo", TaskState::Succeeded)));
        assert_eq!(faults(&book), [Fault::Wrong], "{is_asked}");
    }
}

#[test]
fn a_cancellation_in_doubt_may_have_come_too_late_and_none_is_invented() {
    let steps = Work::Steps { steps: 2, fail_at: None, ms: 0 };
    for state in [TaskState::Cancelled, TaskState::Succeeded] {
        let mut asked = book(steps, true);
        asked.heard(0, &Ok(accepted(1)));
        asked.heard_of_cancel(0, &Err(Lost::Unanswered));
        asked.held_against(0, Some(&listed("steps", state)));
        assert_eq!(asked.findings, [], "{state:?}");
    }
    let mut untouched = book(steps, true);
    untouched.heard(0, &Ok(accepted(1)));
    untouched.held_against(0, Some(&listed("steps", TaskState::Cancelled)));
    assert_eq!(faults(&untouched), [Fault::Wrong]);
}

#[test]
fn an_answer_that_no_server_should_give_is_found() {
    for status in [400, 404, 409, 500] {
        let mut book = book(Work::Once, true);
        book.heard(0, &Ok(answer(status, task(1), "{}")));
        assert_eq!(faults(&book), [Fault::Wrong], "{status}");
    }
}
