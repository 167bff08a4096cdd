//! Lists of tasks: each is shown as its own document shows it, and what is live is known here.

use super::harness::{Stage, setup};
use crate::engine::Engine;
use crate::event::{Effect, Event};
use crate::limits::Limits;
use overtime_protocol::{
    Entry, Query, ReplyTo, Scope, Sheet, Sighted, TaskFilter, TaskId, TaskState,
};

/// The page that becomes of these tasks, all of which are queued on disk.
fn page(stage: &mut Stage, filter: TaskFilter, tasks: &[TaskId]) -> Sheet {
    let tasks = tasks.iter().map(|&task| (task, TaskState::Queued)).collect();
    let sighted = Box::new(Sighted { scope: Scope::Own("acme".into()), filter, tasks, next: None });
    stage.event(Event::Sighted { reply_to: ReplyTo(9), sighted });
    match stage.out.pop() {
        Some(Effect::Read(read)) if read.reply_to == ReplyTo(9) => {
            assert_eq!(read.scope, Scope::Own("acme".into()));
            let Query::Sheet(sheet) = read.query else { panic!("{:?}", read.query) };
            *sheet
        }
        other => panic!("{other:?}"),
    }
}

/// One that calls, one that waits for a place and one of another kind; and one that is not known here.
fn stage() -> (Stage, [TaskId; 4]) {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    let submitted = ["submit a pay", "submit b pay", "submit c pay", "submit d upsert delay=60s"];
    stage.tell(&submitted);
    stage.tell(&["durable"]);
    let tasks = ["c", "d", "a"].map(|name| stage.id(name));
    let unknown = TaskId::from_key(5).unwrap();
    (stage, [tasks[0], tasks[1], tasks[2], unknown])
}

fn in_state(state: TaskState) -> TaskFilter {
    TaskFilter { state: Some(state), ..TaskFilter::everything() }
}

fn ids(sheet: &Sheet) -> Vec<TaskId> {
    let id = |entry: &Entry| match entry {
        Entry::Live(document) => document.id,
        Entry::Kept(task) => *task,
    };
    sheet.entries.iter().map(id).collect()
}

#[test]
fn whoever_stands_in_the_line_of_a_shed_upstream_is_listed_as_held_and_not_as_queued() {
    let (mut stage, tasks) = stage();
    let [waits, delayed, calls, unknown] = tasks;
    for (state, expected) in [
        (TaskState::Queued, vec![waits, delayed, unknown]),
        (TaskState::Running, vec![calls]),
        (TaskState::Held, vec![]),
    ] {
        assert_eq!(ids(&page(&mut stage, in_state(state), &tasks)), expected, "{state:?}");
    }
    stage.tell(&["hold op bank"]);
    for (state, expected) in [
        (TaskState::Queued, vec![delayed, unknown]),
        (TaskState::Running, vec![calls]),
        (TaskState::Held, vec![waits]),
    ] {
        assert_eq!(ids(&page(&mut stage, in_state(state), &tasks)), expected, "{state:?}");
    }
    let all = page(&mut stage, TaskFilter::everything(), &tasks);
    assert_eq!(ids(&all), tasks);
    let Entry::Live(document) = &all.entries[0] else { panic!("{all:?}") };
    assert_eq!(document.state, TaskState::Held);
    assert_eq!(all.entries[3], Entry::Kept(unknown));
}

#[test]
fn only_kinds_whose_upstream_is_shed_are_looked_at_for_what_is_held() {
    let (mut stage, _) = stage();
    let among = |stage: &Stage, state| {
        let mut filter = in_state(state);
        stage.engine.narrow(&mut filter);
        filter.among.map(|kinds| kinds.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(among(&stage, TaskState::Held), Some(vec![]));
    stage.tell(&["hold op bank"]);
    assert!(among(&stage, TaskState::Held).unwrap().contains(&"pay".to_owned()));
    assert!(!among(&stage, TaskState::Held).unwrap().contains(&"upsert".to_owned()));
    assert_eq!(among(&stage, TaskState::Queued), None);
}
