//! Lists of tasks: everything durable is there, newest first, each task once, page by page.

use crate::support::*;
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{Answer, KindName, Query, TaskFilter, TaskId, TaskState};

const EVERYTHING: TaskFilter =
    TaskFilter { state: None, kind: None, tenant: None, limit: 1_000, after: None };

/// The ids on one page, and what the next one comes behind.
fn page(running: &Running, filter: &TaskFilter) -> (Vec<u64>, Option<TaskId>) {
    let body = match running.ask(Query::List(Box::new(filter.clone()))) {
        Answer::Value { content_type: "application/json", body } => body,
        other => panic!("{other:?}"),
    };
    let text = std::str::from_utf8(&body).unwrap();
    let (tasks, next) = text.split_once("],\"next\":").expect("that is its form");
    let tasks = tasks.strip_prefix("{\"tasks\":[").expect("that is its form");
    let ids = tasks.split("{\"id\":\"").skip(1).map(|task| id(&task[..26]).key()).collect();
    let next = next.strip_suffix('}').unwrap().trim_matches('"');
    (ids, (next != "null").then(|| id(next)))
}

fn id(text: &str) -> TaskId {
    text.parse().expect("a task id")
}

/// Everything that a filter finds, page by page, and how many pages that takes.
fn walk(running: &Running, filter: TaskFilter) -> (Vec<u64>, usize) {
    let (mut found, mut filter, mut pages) = (Vec::new(), filter, 0);
    loop {
        let (ids, next) = page(running, &filter);
        assert!(ids.len() <= filter.limit as usize);
        assert!(next.is_none_or(|next| filter.after.is_none_or(|after| next < after)));
        pages += 1;
        found.extend(ids);
        let Some(next) = next else { return (found, pages) };
        filter.after = Some(next);
    }
}

fn of_state(state: TaskState) -> TaskFilter {
    TaskFilter { state: Some(state), ..EVERYTHING }
}

fn of_kind(kind: &str) -> TaskFilter {
    TaskFilter { kind: KindName::new(kind), ..EVERYTHING }
}

/// The end of a task of another kind, of another tenant.
fn finished_elsewhere(number: u64) -> Record {
    let mut document = document(number, TaskState::Succeeded);
    (document.kind, document.tenant) = (KindName::new("sleep").unwrap(), "other".into());
    Record { change: Some(Change::Finished(document, None)), ..plain(number) }
}

/// One task in each state but held, by its state's number.
fn fill(running: &Running) {
    running.durable(accepted(100, "in"));
    running.durable(accepted(101, "in"));
    running.durable(started(101, 1, 0));
    running.durable(accepted(102, "in"));
    running.durable(retrying(102, 1));
    running.durable(accepted(104, "in"));
    running.durable(parked(104));
    running.durable(finished(105, TaskState::Succeeded, Some("made")));
    running.durable(finished(106, TaskState::Failed, None));
    running.durable(finished(107, TaskState::Cancelled, None));
}

fn check_filters(running: &Running) {
    let all = [107, 106, 105, 104, 102, 101, 100];
    for limit in [1, 2, 3, 7, 8] {
        let (found, pages) = walk(running, TaskFilter { limit, ..EVERYTHING });
        assert_eq!((&found[..], pages), (&all[..], all.len().div_ceil(limit as usize)));
    }
    for number in [0, 1, 2, 4, 5, 6, 7] {
        let state = TaskState::from_number(number).unwrap();
        assert_eq!(walk(running, of_state(state)), (vec![100 + u64::from(number)], 1), "{state:?}");
    }
    assert_eq!(walk(running, of_state(TaskState::Held)).0, [] as [u64; 0]);
    let behind = TaskFilter { after: Some(task(103)), ..EVERYTHING };
    assert_eq!(walk(running, behind).0, [102, 101, 100]);
}

#[test]
fn a_list_shows_what_was_durable_when_it_was_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    assert_eq!(walk(&running, EVERYTHING), (vec![], 1));
    fill(&running);
    check_filters(&running);
    running.durable(resumed(104));
    assert_eq!(walk(&running, of_state(TaskState::Parked)).0, [] as [u64; 0]);
    assert_eq!(walk(&running, of_state(TaskState::Queued)).0, [104, 100]);
    running.close();
}

#[test]
fn a_list_shows_what_there_is_when_the_archive_does_not_move_on() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&impatient(root.path()));
    let last = running.durable(accepted(1, "in"));
    running.wait_applied(last);
    let stopped = stop_applier(root.path());
    running.durable(accepted(2, "in"));
    assert_eq!(walk(&running, EVERYTHING).0, [1]);
    drop(stopped);
    running.close();
}

#[test]
fn filters_go_together() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    fill(&running);
    running.durable(finished_elsewhere(108));
    assert_eq!(walk(&running, of_kind("sleep")).0, [108]);
    assert_eq!(walk(&running, of_kind("nothing")).0, [] as [u64; 0]);
    let of_tenant = |name: &str| TaskFilter { tenant: Some(name.into()), ..EVERYTHING };
    assert_eq!(walk(&running, of_tenant("other")).0, [108]);
    assert_eq!(walk(&running, of_tenant("acme")).0.len(), 7);
    let state = Some(TaskState::Succeeded);
    assert_eq!(walk(&running, TaskFilter { state, ..of_kind("sleep") }).0, [108]);
    assert_eq!(walk(&running, TaskFilter { state, ..of_kind("echo") }).0, [105]);
    let tenant = Some("acme".into());
    assert_eq!(walk(&running, TaskFilter { tenant, ..of_kind("sleep") }).0, [] as [u64; 0]);
    running.close();
}

#[test]
fn a_page_on_which_nothing_is_found_says_where_to_go_on() {
    const TASKS: u64 = 10_500;
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(finished_elsewhere(1));
    let others = (2..=TASKS).map(|number| finished(number, TaskState::Succeeded, None));
    running.append_all(others);
    let (found, pages) = walk(&running, of_kind("sleep"));
    assert_eq!(found, [1]);
    assert!(pages > 1, "more than a page's rows lie before it");
    let (found, _) = walk(&running, of_kind("echo"));
    assert!(found.into_iter().eq((2..=TASKS).rev()));
    running.close();
}
