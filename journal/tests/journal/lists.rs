//! Lists of tasks: everything durable is there, newest first, each task once, page by page.

use crate::support::*;
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{Answer, Entry, KindName, Query, Scope, TaskFilter, TaskId, TaskState};

fn everything() -> TaskFilter {
    TaskFilter { limit: 1_000, ..TaskFilter::everything() }
}

/// The ids on one page, and what the next one comes behind.
fn page(running: &Running, filter: &TaskFilter) -> (Vec<u64>, Option<TaskId>) {
    let body = match running.list(Scope::All, filter) {
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
    TaskFilter { state: Some(state), ..everything() }
}

fn of_kind(kind: &str) -> TaskFilter {
    TaskFilter { kind: KindName::new(kind), ..everything() }
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
        let (found, pages) = walk(running, TaskFilter { limit, ..everything() });
        assert_eq!((&found[..], pages), (&all[..], all.len().div_ceil(limit as usize)));
    }
    for number in [0, 1, 2, 4, 5, 6, 7] {
        let state = TaskState::from_number(number).unwrap();
        assert_eq!(walk(running, of_state(state)), (vec![100 + u64::from(number)], 1), "{state:?}");
    }
    assert_eq!(walk(running, of_state(TaskState::Held)).0, [] as [u64; 0]);
    let behind = TaskFilter { after: Some(task(103)), ..everything() };
    assert_eq!(walk(running, behind).0, [102, 101, 100]);
}

#[test]
fn a_list_shows_what_was_durable_when_it_was_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    assert_eq!(walk(&running, everything()), (vec![], 1));
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
    assert_eq!(walk(&running, everything()).0, [1]);
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
    let of_tenant = |name: &str| TaskFilter { tenant: Some(name.into()), ..everything() };
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

/// What a page may show; `None` if that was a page already.
fn sighted(running: &Running, filter: TaskFilter) -> Option<Vec<(u64, TaskState)>> {
    match running.ask(Query::List(Box::new(filter))) {
        Answer::Sighted(sighted) => {
            Some(sighted.tasks.into_iter().map(|(task, state)| (task.key(), state)).collect())
        }
        Answer::Value { .. } => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_what_is_not_over_the_state_is_for_others_to_say() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    fill(&running);
    let unfinished =
        [(102, TaskState::Retrying), (101, TaskState::Running), (100, TaskState::Queued)];
    for state in [TaskState::Queued, TaskState::Running, TaskState::Retrying, TaskState::Held] {
        let filter = TaskFilter { limit: 1, ..of_state(state) };
        assert_eq!(sighted(&running, filter).unwrap(), unfinished, "{state:?}");
    }
    for state in [TaskState::Parked, TaskState::Succeeded, TaskState::Failed, TaskState::Cancelled]
    {
        assert_eq!(sighted(&running, of_state(state)), None, "{state:?}");
    }
    let last = TaskFilter { limit: 2, ..everything() };
    let ended = [(107, TaskState::Cancelled), (106, TaskState::Failed)];
    assert_eq!(sighted(&running, last).unwrap(), ended);
    let among = |kinds: &[&str]| TaskFilter {
        among: Some(kinds.iter().filter_map(|name| KindName::new(name)).collect()),
        ..of_state(TaskState::Held)
    };
    assert_eq!(sighted(&running, among(&["sleep"])).unwrap(), []);
    assert_eq!(sighted(&running, among(&["sleep", "echo"])).unwrap(), unfinished);
    assert_eq!(sighted(&running, among(&[])), None, "nothing can be held");
    running.close();
}

#[test]
fn a_task_that_has_gone_on_since_it_was_found_is_not_shown_in_another_state() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    fill(&running);
    let Answer::Sighted(found) = running.ask(Query::List(Box::new(of_state(TaskState::Queued))))
    else {
        panic!("that is no list of live tasks");
    };
    let sheet = found.sheet(|_| None);
    assert_eq!(sheet.entries, [Entry::Kept(task(100))]);
    let last = running.durable(finished(100, TaskState::Succeeded, None));
    running.wait_applied(last);
    let Answer::Value { body, .. } = running.ask(Query::Sheet(Box::new(sheet))) else { panic!() };
    assert_eq!(&*body, br#"{"tasks":[],"next":null}"#);
    running.close();
}
