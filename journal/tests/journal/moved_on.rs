//! Folders whose log has moved on, so that it goes on with tasks whose acceptance only the archive had.

use crate::support::*;
use crate::verify::{archive, flip};
use overtime_journal::{Loss, OpenError, accept_loss, open, verify};
use overtime_protocol::TaskState;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What is in the payload of the first tasks and nowhere else.
const NEEDLE: &str = "the payload of one of the first";

/// The tasks that the log goes on with.
const FIRST: std::ops::RangeInclusive<u64> = 1..=6;

/// More than the log has room for.
const MANY: u64 = 300;

/// Accepts some tasks, has the log move on until nothing of them is in it, and goes on with them.
fn fill(folder: &Path) {
    let running = Running::open(&small(folder));
    for number in FIRST {
        running.durable(accepted(number, NEEDLE.repeat(10)));
    }
    for number in 100..100 + MANY {
        running.durable(accepted(number, vec![b'x'; 4_000]));
    }
    running.durable(parked(1));
    running.durable(parked(2));
    running.durable(resumed(2));
    running.durable(retrying(3, 1));
    running.durable(started(4, 1, 0));
    running.durable(finished(5, TaskState::Succeeded, Some("made")));
    running.durable(advanced(6, 1, 10));
    running.close();
}

/// Has the loss accepted: from then on nothing stops a server, whether or not one has started.
fn accept(folder: &Path) -> Loss {
    let loss = accept_loss(&small(folder), &|_| {}).unwrap().expect("it is damaged");
    let health = verify(folder, &|_| {}).unwrap();
    assert!(!health.is_stopped(), "{:?}", health.flaws);
    assert_eq!(accept_loss(&small(folder), &|_| {}).unwrap(), None);
    loss
}

/// The tasks of a folder, by number, after a start that has taken up what is unfinished.
fn tasks(folder: &Path) -> BTreeSet<u64> {
    let unfinished = unfinished_in(&small(folder)).len();
    let health = verify(folder, &|_| {}).unwrap();
    assert!(health.is_healthy(), "{:?}", health.flaws);
    let archive = archive(folder);
    let mut statement = archive.prepare("SELECT id FROM tasks").unwrap();
    let ids = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    let ids: BTreeSet<u64> = ids.map(|id| id.unwrap().cast_unsigned()).collect();
    let parked = health.tasks.get(&TaskState::Parked).copied().unwrap_or(0) as usize;
    let ended = health.tasks.get(&TaskState::Succeeded).copied().unwrap_or(0) as usize;
    assert_eq!(unfinished + parked + ended, ids.len());
    ids
}

#[test]
fn without_its_archive_a_folder_keeps_what_the_log_has_whoever_tried_to_start_before() {
    let root = tempfile::tempdir().unwrap();
    let (whole, folder) = (root.path().join("whole"), root.path().join("folder"));
    fill(&whole);
    fs::remove_file(whole.join("archive.db")).unwrap();
    let mut kept = BTreeSet::new();
    for has_tried in [false, true] {
        copy_folder(&whole, &folder);
        if has_tried {
            let refused = open(&small(&folder), opener()).err();
            assert!(matches!(refused, Some(OpenError::ArchiveDamaged { .. })), "{refused:?}");
            assert!(!folder.join("archive.db").exists(), "a start that is refused makes none");
        }
        accept(&folder);
        kept.insert(tasks(&folder));
        fs::remove_dir_all(&folder).unwrap();
    }
    assert_eq!(kept.len(), 1, "{kept:?}");
    let kept = kept.first().unwrap();
    assert!(kept.contains(&(99 + MANY)) && !kept.contains(&100), "{kept:?}");
    let first: Vec<_> = kept.iter().filter(|number| FIRST.contains(number)).collect();
    assert_eq!(first, [&5], "only what has ended is something without its acceptance");
}

#[test]
fn a_task_whose_row_is_lost_is_named_and_not_taken_up_though_the_log_goes_on_with_it() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    let file = root.path().join("archive.db");
    let bytes = fs::read(&file).unwrap();
    let is_needle = |bytes: &[u8]| bytes == NEEDLE.as_bytes();
    let at = bytes.windows(NEEDLE.len()).position(is_needle).unwrap();
    flip(&file, at);
    let loss = accept(root.path());
    let list = fs::read_to_string(loss.folder.join("lost.ndjson")).unwrap();
    let is_named = |number: u64| {
        let name = format!("{{\"what\":\"task\",\"task\":\"{}\"", task(number));
        list.lines().any(|line| line.starts_with(&name))
    };
    let there = tasks(root.path());
    for number in FIRST {
        assert_ne!(there.contains(&number), is_named(number), "{number}: {list}");
    }
    assert!(there.contains(&5) && is_named(1), "{list}");
}

#[test]
fn an_archive_that_was_not_finished_by_the_first_start_is_no_damage() {
    let root = tempfile::tempdir().unwrap();
    Running::open(&small(root.path())).close();
    assert!(fs::read_dir(root.path().join("log")).unwrap().count() > 0);
    fs::write(root.path().join("archive.db"), "").unwrap();
    let health = verify(root.path(), &|_| {}).unwrap();
    assert!(health.is_healthy(), "{:?}", health.flaws);
    assert_eq!(accept_loss(&small(root.path()), &|_| {}).unwrap(), None);
    Running::open(&small(root.path())).close();
}

#[test]
fn a_log_that_only_a_survey_can_read_is_built_anew_with_the_archive() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    let segments = verify(root.path(), &|_| {}).unwrap().log.segments;
    let newest = root.path().join("log").join(&segments.last().unwrap().file);
    fs::remove_file(root.path().join("archive.db")).unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    bytes[..4096].fill(0x55);
    fs::write(&newest, bytes).unwrap();
    accept(root.path());
    let there = tasks(root.path());
    assert!(there.contains(&5) && there.contains(&(99 + MANY)), "{there:?}");
}

#[test]
fn no_server_can_have_a_folder_whose_loss_is_being_accepted() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    fs::remove_file(root.path().join("archive.db")).unwrap();
    // As in a copy that left it out.
    fs::remove_file(root.path().join("LOCK")).unwrap();
    let asked = std::cell::Cell::new(0);
    let say = |_: &str| {
        let refused = open(&small(root.path()), opener()).err();
        assert!(matches!(refused, Some(OpenError::Locked { .. })), "{refused:?}");
        asked.set(asked.get() + 1);
    };
    assert!(accept_loss(&small(root.path()), &say).unwrap().is_some());
    assert!(asked.get() > 0);
}
