//! A look at a folder: it says what is wrong, and changes nothing.

use crate::support::*;
use bytes::Bytes;
use overtime_journal::{Effect, Health, OpenError, Part, accept_loss, open, verify};
use overtime_protocol::{Spooled, TaskState};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every file with its bytes.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            files.insert(path, bytes);
        }
    }
    files
}

/// Looks at a folder, and at the look itself.
fn look(folder: &Path) -> Health {
    let before = snapshot(folder);
    let health = verify(folder, &|_| {}).unwrap();
    let after = snapshot(folder);
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "a look makes and removes no file");
    assert!(before == after, "a look changes no file");
    health
}

/// A task in each state, state, events and large payloads; the newest records are in the log only
/// in what was killed.
fn fill(alive: &Path, killed: &Path) {
    let running = Running::open(&small(alive));
    for number in 1..=9 {
        running.durable(accepted(number, vec![b'x'; 100]));
    }
    for number in [11, 12, 13] {
        assert_eq!(running.spool(number, vec![Bytes::from(vec![b'y'; 70_000])]), Spooled::Written);
        running.durable(accepted_bulk(number, 70_000));
    }
    running.durable(finished(1, TaskState::Succeeded, Some("made")));
    running.durable(finished(2, TaskState::Failed, None));
    running.durable(parked(3));
    running.durable(parked(11));
    running.durable(retrying(4, 1));
    let last = running.durable(writes(5, put("s/a", "first", NEVER)));
    running.wait_applied(last);
    let stopped = stop_applier(alive);
    running.durable(finished(6, TaskState::Cancelled, None));
    running.durable(resumed(3));
    running.durable(started(7, 1, 0));
    running.durable(finished(12, TaskState::Succeeded, None));
    running.durable(accepted(20, "late"));
    running.durable(writes(8, put("s/b", "late", NEVER)));
    copy_folder(alive, killed);
    drop(stopped);
    running.close();
}

fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("al%i?ve"), root.path().join("killed"));
    fill(&alive, &killed);
    (root, alive, killed)
}

#[test]
fn a_folder_is_healthy_after_an_orderly_end_and_after_a_crash() {
    let (_root, alive, killed) = folders();
    let expected = [
        (TaskState::Queued, 6),
        (TaskState::Running, 1),
        (TaskState::Retrying, 1),
        (TaskState::Parked, 1),
        (TaskState::Succeeded, 2),
        (TaskState::Failed, 1),
        (TaskState::Cancelled, 1),
    ];
    for (folder, unapplied) in [(&alive, 0), (&killed, 6)] {
        let health = look(folder);
        assert_eq!(health.flaws, [], "{}", folder.display());
        let tasks: Vec<_> = health.tasks.iter().map(|(&state, &count)| (state, count)).collect();
        assert_eq!(tasks, expected, "{}", folder.display());
        assert_eq!(health.unfinished(), 9);
        assert_eq!(health.log.unapplied, unapplied);
        assert_eq!((health.format, health.spool.files), (Some(2), 3));
        assert_eq!(health.spool.orphans, 1, "that of the task that has ended");
        // It is as well as it was found.
        assert!(open(&small(folder), opener()).is_ok());
    }
}

#[test]
fn a_folder_is_as_healthy_by_any_of_its_names() {
    let (root, ..) = folders();
    let killed = root.path().join("killed");
    let doubled = format!("/{}", killed.display());
    for name in [Path::new(&doubled), &killed.join("."), &killed.join("../killed/")] {
        let health = look(name);
        assert_eq!(health.flaws, [], "{}", name.display());
        assert_eq!(accept_loss(&small(name), &|_| {}).unwrap(), None);
    }
}

#[test]
fn a_folder_that_a_server_has_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let refused = verify(root.path(), &|_| {});
    assert!(matches!(refused, Err(OpenError::Locked { .. })), "{refused:?}");
    running.close();
    assert!(verify(root.path(), &|_| {}).unwrap().is_healthy());
    let nowhere = verify(&root.path().join("nowhere"), &|_| {});
    assert!(matches!(nowhere, Err(OpenError::Io { .. })), "{nowhere:?}");
    fs::create_dir(root.path().join("empty")).unwrap();
    let empty = verify(&root.path().join("empty"), &|_| {});
    assert!(matches!(empty, Err(OpenError::NotAJournal { .. })), "{empty:?}");
}

/// The only file of the log that is in use.
fn segment(folder: &Path) -> PathBuf {
    folder.join("log").join(&look(folder).log.segments.last().unwrap().file)
}

pub(crate) fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1 << (at % 8);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_look_at_a_damaged_log_says_what_a_start_says() {
    let (root, _, killed) = folders();
    let file = segment(&killed);
    let end = look(&killed).log.segments.iter().map(|segment| segment.bytes).sum::<u64>() as usize;
    let damaged = root.path().join("damaged");
    let mut refused = 0;
    for at in (0..4096 + end).step_by(61).chain([4096 + end - 1]) {
        copy_folder(&killed, &damaged);
        flip(&damaged.join("log").join(file.file_name().unwrap()), at);
        let health = look(&damaged);
        let is_refused = open(&small(&damaged), opener()).is_err();
        assert_eq!(health.is_stopped_by(Part::Log), is_refused, "byte {at}: {:?}", health.flaws);
        refused += u64::from(is_refused);
        fs::remove_dir_all(&damaged).unwrap();
    }
    assert!(refused > 10, "{refused} flips were refused");
}

/// The archive, for one who keeps its pages' checksums.
pub(crate) fn archive(folder: &Path) -> rusqlite::Connection {
    let (file, flags) = (folder.join("archive.db"), rusqlite::OpenFlags::default());
    rusqlite::Connection::open_with_flags_and_vfs(file, flags, "overtime-pages-").unwrap()
}

/// What is wrong with a folder after that was done to its archive.
fn flaws_after(sql: &str) -> Vec<(Part, Effect, String)> {
    let (_root, alive, _) = folders();
    archive(&alive).execute_batch(sql).unwrap();
    let flaws = look(&alive).flaws;
    flaws.into_iter().map(|flaw| (flaw.part, flaw.effect, flaw.what)).collect()
}

#[test]
fn what_is_wrong_in_the_archive_is_named() {
    use Effect::{Harms, Stops};
    let task = |number| task(number).to_string();
    for (sql, effect, expected) in [
        ("UPDATE tasks SET payload = 'other' WHERE id = 4", Stops, task(4)),
        ("UPDATE tasks SET product = 'other' WHERE id = 1", Stops, task(1)),
        ("UPDATE tasks SET payload = NULL WHERE id = 4", Stops, "has no payload".to_owned()),
        ("UPDATE tasks SET urgency = 999 WHERE id = 3", Stops, task(3)),
        ("UPDATE tasks SET kind = 'no kind' WHERE id = 2", Stops, task(2)),
        ("UPDATE state SET value = 'other' WHERE key = CAST('s/a' AS BLOB)", Stops, "s/a".into()),
        ("UPDATE state SET lsn = 9000000", Stops, "9000000".to_owned()),
        ("DELETE FROM meta WHERE name = 'watermark'", Stops, "has everything".to_owned()),
        ("DELETE FROM tasks WHERE id = 3", Harms, "there are 12 tasks with".to_owned()),
        ("UPDATE usage SET rows = 77", Harms, "77 with".to_owned()),
    ] {
        let flaws = flaws_after(sql);
        let is_named = flaws.iter().any(|(part, found, what)| {
            *part == Part::Archive && *found == effect && what.contains(&expected)
        });
        assert!(is_named, "{sql}: {flaws:?}");
    }
}

#[test]
fn an_archive_whose_pages_are_overwritten_is_told() {
    let (_root, alive, _) = folders();
    let file = alive.join("archive.db");
    let len = fs::metadata(&file).unwrap().len() as usize;
    let mut bytes = fs::read(&file).unwrap();
    bytes[8192..len.min(5 * 8192)].fill(0x55);
    fs::write(&file, bytes).unwrap();
    assert!(look(&alive).is_stopped_by(Part::Archive));
    fs::write(&file, "no archive at all").unwrap();
    assert!(look(&alive).is_stopped_by(Part::Archive));
    fs::remove_file(&file).unwrap();
    assert!(look(&alive).is_stopped_by(Part::Archive));
}

#[test]
fn payloads_that_are_damaged_or_gone_are_told_and_stop_nobody() {
    let (_root, _, killed) = folders();
    let spool = killed.join("spool");
    flip(&spool.join(task(11).to_string()), 35_000);
    fs::remove_file(spool.join(task(13).to_string())).unwrap();
    fs::write(spool.join("README"), "not the spool's").unwrap();
    let health = look(&killed);
    let lost: Vec<_> = health.flaws.iter().map(|flaw| (flaw.part, flaw.effect)).collect();
    assert_eq!(lost, [(Part::Spool, Effect::Harms); 2], "{:?}", health.flaws);
    assert_eq!(health.spool.lost, 2);
}

#[test]
fn a_loss_that_is_half_accepted_is_told() {
    let (_root, alive, _) = folders();
    fs::create_dir_all(alive.join("lost-1763750000.new/new")).unwrap();
    let health = look(&alive);
    assert!(health.is_healthy() && health.notes[0].contains("interrupted"), "{health:?}");
    fs::create_dir_all(alive.join("lost-1763750001/new")).unwrap();
    assert!(look(&alive).is_stopped_by(Part::Folder));
    Running::open(&small(&alive)).close();
    assert!(look(&alive).is_healthy() && !alive.join("lost-1763750001/new").exists());
}

#[test]
fn a_folder_without_a_format_can_still_be_looked_at() {
    let (_root, alive, _) = folders();
    fs::write(alive.join("FORMAT"), "overtime").unwrap();
    let health = look(&alive);
    assert!(health.is_stopped_by(Part::Format) && !health.is_stopped_by(Part::Archive));
    fs::write(alive.join("FORMAT"), "overtime 900\n").unwrap();
    assert!(matches!(verify(&alive, &|_| {}), Err(OpenError::Newer { found: 900, .. })));
}
