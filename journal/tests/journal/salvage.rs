//! What is kept and what is lost of a folder that is damaged, against what was acknowledged.

use crate::support::*;
use crate::verify::{archive, flip, snapshot};
use overtime_journal::{Loss, OpenError, accept_loss, open, verify};
use overtime_protocol::TaskState;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Tasks that are accepted in the archive, then in the log; some of either end. Each LSN with its
/// task.
fn fill(alive: &Path, killed: &Path) -> Vec<(u64, u64)> {
    let running = Running::open(&small(alive));
    let mut written = Vec::new();
    for number in 1..=10 {
        written.push((running.durable(accepted(number, vec![b'x'; 300])), number));
    }
    running.wait_applied(written.last().unwrap().0);
    let stopped = stop_applier(alive);
    for number in 11..=30 {
        written.push((running.durable(accepted(number, vec![b'x'; 300])), number));
    }
    for number in [3, 13] {
        let record = finished(number, TaskState::Succeeded, Some("made"));
        written.push((running.durable(record), number));
    }
    written.push((running.durable(writes(5, put("s/a", "first", NEVER))), 5));
    copy_folder(alive, killed);
    drop(stopped);
    running.close();
    written
}

/// Has a folder's loss accepted.
fn accept(folder: &Path) -> Option<Loss> {
    accept_loss(&small(folder), &|_| {}).unwrap()
}

/// The numbers that stand behind a name in the list of what is lost.
fn listed(loss: &Loss, what: &str, name: &str) -> BTreeSet<u64> {
    let list = fs::read_to_string(loss.folder.join("lost.ndjson")).unwrap();
    let lines = list.lines().filter(|line| line.starts_with(&format!("{{\"what\":\"{what}\"")));
    let value = |line: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\":"))?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    lines.filter_map(value).collect()
}

/// The tasks of a folder, by number, after a start and an orderly end.
fn tasks(folder: &Path) -> BTreeSet<u64> {
    Running::open(&small(folder)).close();
    let health = verify(folder, &|_| {}).unwrap();
    assert!(health.is_healthy(), "{:?}", health.flaws);
    let archive = archive(folder);
    let mut statement = archive.prepare("SELECT id FROM tasks").unwrap();
    let ids = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    ids.map(|id| id.unwrap().cast_unsigned()).collect()
}

/// The newest segment file.
fn segment(folder: &Path) -> PathBuf {
    let health = verify(folder, &|_| {}).unwrap();
    folder.join("log").join(&health.log.segments.last().unwrap().file)
}

#[test]
fn a_damaged_log_is_kept_up_to_the_damage_and_what_is_behind_is_listed() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let written = fill(&alive, &killed);
    let segment = segment(&killed);
    let end = verify(&killed, &|_| {}).unwrap().log.segments[0].bytes as usize;
    let damaged = root.path().join("damaged");
    let mut cuts = BTreeSet::new();
    for at in (4_096 + 20..4_096 + end).step_by(431).chain([4_096 + end - 1]) {
        copy_folder(&killed, &damaged);
        flip(&damaged.join("log").join(segment.file_name().unwrap()), at);
        let before = snapshot(&damaged);
        assert!(matches!(open(&small(&damaged), opener()), Err(OpenError::LogDamaged { .. })));
        let loss = accept(&damaged).unwrap_or_else(|| panic!("byte {at}"));
        let (read, unread) = (listed(&loss, "record", "lsn"), listed(&loss, "unreadable", "lsn"));
        let there = tasks(&damaged);
        // Each record is kept, or listed, or was in the bytes that cannot be read.
        let lost = read.len() + 1;
        let first_lost = written.len() - lost;
        let is_archived = read.is_empty() && there.len() == 30 && unread.is_empty();
        if !is_archived {
            let expected: BTreeSet<u64> =
                written[..first_lost].iter().map(|(_, task)| *task).collect();
            assert_eq!(there, expected, "byte {at}: {loss:?}");
            let cut_off: BTreeSet<u64> =
                written[first_lost + 1..].iter().map(|(lsn, _)| *lsn).collect();
            assert_eq!(read, cut_off, "byte {at}: {loss:?}");
            assert!(unread.is_subset(&[written[first_lost].0].into()), "byte {at}: {unread:?}");
            cuts.insert(first_lost);
        }
        // Nothing was deleted: what was there is somewhere.
        let after = snapshot(&damaged);
        let kept: BTreeSet<&Vec<u8>> = after.values().collect();
        let logs = before.iter().filter(|(path, _)| path.parent().unwrap().ends_with("log"));
        assert!(logs.into_iter().all(|(_, bytes)| kept.contains(bytes)));
        fs::remove_dir_all(&damaged).unwrap();
    }
    assert!(cuts.len() > 10 && cuts.contains(&10) && cuts.contains(&32), "{cuts:?}");
}

#[test]
fn a_folder_that_is_not_damaged_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill(&alive, &killed);
    for folder in [&alive, &killed] {
        let before = snapshot(folder);
        assert_eq!(accept(folder), None);
        assert!(snapshot(folder) == before);
    }
}

#[test]
fn a_log_that_is_gone_leaves_what_the_archive_has() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill(&alive, &killed);
    for (folder, expected) in [(&alive, 1..=30), (&killed, 1..=10)] {
        fs::remove_dir_all(folder.join("log")).unwrap();
        let loss = accept(folder).unwrap();
        assert!(loss.lines[0].contains("is not known"), "{loss:?}");
        assert_eq!(tasks(folder), expected.collect());
    }
}

#[test]
fn behind_a_segment_that_is_gone_everything_is_listed() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    let stopped = stop_applier(&alive);
    let lsns: Vec<u64> =
        (1..=60).map(|n| running.durable(accepted(n, vec![b'x'; 4_000]))).collect();
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();
    let segments = verify(&killed, &|_| {}).unwrap().log.segments;
    assert!(segments.len() >= 4, "{segments:?}");
    let damaged = root.path().join("damaged");
    // Of the newest nobody can say that it was there.
    for segment in &segments[..segments.len() - 1] {
        copy_folder(&killed, &damaged);
        fs::remove_file(damaged.join("log").join(&segment.file)).unwrap();
        let loss = accept(&damaged).unwrap();
        let (first, last) = segment.lsns.unwrap();
        let before = lsns.iter().filter(|lsn| **lsn < first).count() as u64;
        assert_eq!(tasks(&damaged), (1..=before).collect(), "{loss:?}");
        let behind = lsns.iter().copied().filter(|lsn| *lsn > last).collect();
        assert_eq!(listed(&loss, "record", "lsn"), behind, "{loss:?}");
        fs::remove_dir_all(&damaged).unwrap();
    }
}

#[test]
fn an_archive_that_is_gone_comes_back_from_a_log_that_has_everything() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill(&alive, &killed);
    for folder in [&alive, &killed] {
        fs::remove_file(folder.join("archive.db")).unwrap();
        let loss = accept(folder).unwrap();
        assert!(loss.lines.iter().any(|line| line.contains("nothing of the archive")), "{loss:?}");
        assert_eq!(tasks(folder), (1..=30).collect(), "{loss:?}");
    }
}

#[test]
fn a_segment_without_its_header_is_read_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill(&alive, &killed);
    let segment = segment(&killed);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[..4096].fill(0x55);
    fs::write(&segment, bytes).unwrap();
    let loss = accept(&killed).unwrap();
    assert!(loss.lines[0].contains("no record of it is lost"), "{loss:?}");
    assert_eq!(tasks(&killed), (1..=30).collect());
}

/// Many tasks of each kind of end in an archive of many pages, with state and events; of some the log
/// has more.
fn fill_archive(alive: &Path, killed: &Path) {
    let running = Running::open(&small(alive));
    let mut last = 0;
    for number in 1..=200 {
        last = running.durable(accepted(number, vec![b'x'; 4_000]));
        match number % 5 {
            0 => last = running.durable(finished(number, TaskState::Succeeded, Some("made"))),
            1 => last = running.durable(finished(number, TaskState::Failed, None)),
            2 => last = running.durable(parked(number)),
            3 => last = running.durable(retrying(number, 1)),
            _ => {}
        }
        let key = format!("contacts/{number:04}");
        last = last.max(running.durable(writes(number, put(&key, vec![b'v'; 500], NEVER))));
    }
    running.wait_applied(last);
    let stopped = stop_applier(alive);
    for number in 201..=220 {
        running.durable(accepted(number, vec![b'x'; 4_000]));
    }
    copy_folder(alive, killed);
    drop(stopped);
    running.close();
}

/// The texts that stand behind a name in the list of what is lost.
fn named(loss: &Loss, what: &str, name: &str) -> BTreeSet<String> {
    let list = fs::read_to_string(loss.folder.join("lost.ndjson")).unwrap();
    let lines = list.lines().filter(|line| line.starts_with(&format!("{{\"what\":\"{what}\"")));
    let value = |line: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    lines.filter_map(value).collect()
}

/// The keys of state of a folder that nobody uses.
fn keys(folder: &Path) -> BTreeSet<String> {
    let archive = archive(folder);
    let mut statement = archive.prepare("SELECT CAST(key AS TEXT) FROM state").unwrap();
    let keys = statement.query_map([], |row| row.get(0)).unwrap();
    keys.map(Result::unwrap).collect()
}

/// The page of the archive under which all of a table lies, from 0: where the rest of it is, chance
/// decides.
fn root_page(folder: &Path, table: &str) -> usize {
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u32 = archive(folder).query_row(sql, [table], |row| row.get(0)).unwrap();
    page as usize - 1
}

/// Has the loss of a folder accepted whose archive was damaged, and holds what is there against what
/// is listed. How many tasks and keys are lost.
fn lose(folder: &Path) -> (usize, usize) {
    let Some(loss) = accept(folder) else {
        // What is damaged is not needed.
        assert_eq!(tasks(folder), (1..=220).collect());
        return (0, 0);
    };
    let there = tasks(folder).iter().map(|n| task(*n).to_string()).collect();
    let all = (1..=220).map(|n| task(n).to_string()).collect();
    let tasks_lost = compare(&loss, (&there, &named(&loss, "task", "task")), &all);
    let all = (1..=200).map(|n| format!("contacts/{n:04}")).collect();
    let keys_lost = compare(&loss, (&keys(folder), &named(&loss, "state", "key")), &all);
    (tasks_lost, keys_lost)
}

/// Whether all is there or listed, and nothing both.
fn compare(
    loss: &Loss,
    (there, lost): (&BTreeSet<String>, &BTreeSet<String>),
    all: &BTreeSet<String>,
) -> usize {
    let both: Vec<_> = there.intersection(lost).collect();
    let neither: Vec<_> =
        all.iter().filter(|one| !there.contains(*one) && !lost.contains(*one)).collect();
    assert!(both.is_empty() && neither.is_empty(), "{both:?} {neither:?} {loss:?}");
    assert!(there.is_subset(all) && lost.is_subset(all), "{loss:?}");
    lost.len()
}

#[test]
fn whatever_page_of_the_archive_is_damaged_what_is_lost_is_named() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill_archive(&alive, &killed);
    let damaged = root.path().join("damaged");
    let rounds = std::env::var("OVERTIME_DAMAGED_PAGES").map_or(6, |text| text.parse().unwrap());
    let (mut tasks_lost, mut keys_lost) = (0, 0);
    for folder in [&alive, &killed] {
        let pages = fs::metadata(folder.join("archive.db")).unwrap().len() as usize / 8192;
        // To look into an archive moves what its write-ahead log has.
        copy_folder(folder, &damaged);
        let roots = ["tasks", "state"].map(|table| root_page(&damaged, table));
        fs::remove_dir_all(&damaged).unwrap();
        for page in (0..pages).step_by(1 + pages / rounds).chain(roots) {
            copy_folder(folder, &damaged);
            for page in [page, (page + 7) % pages, pages / 2] {
                flip(&damaged.join("archive.db"), page * 8192 + 4_711);
            }
            let (tasks, keys) = lose(&damaged);
            (tasks_lost, keys_lost) = (tasks_lost + tasks, keys_lost + keys);
            fs::remove_dir_all(&damaged).unwrap();
        }
    }
    assert!(tasks_lost > 0 && keys_lost > 0, "{tasks_lost} {keys_lost}");
}

#[test]
fn an_archive_whose_write_ahead_log_is_damaged_loses_nothing_that_the_log_has() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill_archive(&alive, &killed);
    let len = fs::metadata(killed.join("archive.db-wal")).unwrap().len() as usize;
    assert!(len > 8192, "the archive has a write-ahead log of {len} bytes");
    let damaged = root.path().join("damaged");
    let mut refused = 0;
    for (file, at) in [("-wal", 9), ("-wal", 100), ("-wal", len / 2), ("-wal", len - 1), ("", 3)] {
        copy_folder(&killed, &damaged);
        let name =
            if file.is_empty() { "archive.moved".to_owned() } else { format!("archive.db{file}") };
        flip(&damaged.join(&name), at);
        let is_refused = open(&small(&damaged), opener()).is_err();
        assert_eq!(verify(&damaged, &|_| {}).unwrap().is_stopped(), is_refused, "{name} {at}");
        refused += usize::from(is_refused);
        assert_eq!(lose(&damaged), (0, 0), "{name} {at}");
        fs::remove_dir_all(&damaged).unwrap();
    }
    assert!(refused >= 2, "{refused}");
}

#[test]
fn a_log_and_an_archive_that_are_both_damaged_are_built_anew_together() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill_archive(&alive, &killed);
    let (log, health) = (segment(&killed), verify(&killed, &|_| {}).unwrap());
    let damaged = root.path().join("damaged");
    // The second page is that of the watermark; it may be in the write-ahead log, which goes too.
    for pages in [&[1][..], &[1, 9, 30], &[0, 5]] {
        copy_folder(&killed, &damaged);
        let end = health.log.segments.last().unwrap().bytes as usize;
        flip(&damaged.join("log").join(log.file_name().unwrap()), 4_096 + end - 9_000);
        flip(&damaged.join("archive.db-wal"), 9);
        pages.iter().for_each(|page| flip(&damaged.join("archive.db"), page * 8192 + 4_711));
        let loss = accept(&damaged).unwrap();
        let there: BTreeSet<String> =
            tasks(&damaged).iter().map(|n| task(*n).to_string()).collect();
        let listed = |what| named(&loss, what, "task");
        let (archived, cut_off) = (listed("task"), listed("record"));
        assert!(there.is_disjoint(&archived), "{pages:?} {loss:?}");
        let all: BTreeSet<String> = (1..=220).map(|n| task(n).to_string()).collect();
        let known = |one: &&String| {
            there.contains(*one) || archived.contains(*one) || cut_off.contains(*one)
        };
        // Of the record that cannot be read, only the number is known.
        let unknown = all.iter().filter(|one| !known(one)).count();
        assert!(unknown <= 1 && !cut_off.is_empty(), "{pages:?} {unknown} {loss:?}");
        fs::remove_dir_all(&damaged).unwrap();
    }
}

#[test]
fn payloads_of_tasks_that_are_lost_are_kept_beside_the_list() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    let stopped = stop_applier(&alive);
    running.durable(accepted(1, "kept"));
    running.durable(accepted(2, vec![b'x'; 500]));
    let payload = vec![bytes::Bytes::from(vec![b'y'; 70_000])];
    assert_eq!(running.spool(3, payload), overtime_protocol::Spooled::Written);
    running.durable(accepted_bulk(3, 70_000));
    running.durable(accepted(4, "witness"));
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();
    let file = segment(&killed);
    let at = fs::read(&file).unwrap().windows(50).position(|bytes| bytes == [b'x'; 50]).unwrap();
    flip(&file, at);
    let payload = fs::read(killed.join("spool").join(task(3).to_string())).unwrap();
    let loss = accept(&killed).unwrap();
    assert_eq!(tasks(&killed), [1].into());
    assert_eq!(named(&loss, "record", "task"), [3, 4].map(|n| task(n).to_string()).into());
    assert_eq!(fs::read(loss.folder.join("spool").join(task(3).to_string())).unwrap(), payload);
    assert!(!killed.join("spool").join(task(3).to_string()).exists(), "no task needs it");
}

/// SplitMix64.
fn draw(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
}

/// Writes over some bytes of a file of the log or the archive, with zeros or with others, or cuts it.
fn harm(folder: &Path, seed: &mut u64) -> String {
    let mut files: Vec<PathBuf> = snapshot(folder).into_keys().collect();
    files.retain(|path| !["FORMAT", "LOCK"].iter().any(|name| path.ends_with(name)));
    let file = &files[draw(seed, files.len())];
    let mut bytes = fs::read(file).unwrap();
    let start = draw(seed, bytes.len());
    let end = bytes.len().min(start + 1 + draw(seed, 9_000));
    match draw(seed, 4) {
        0 => bytes[start..end].fill(0),
        1 => bytes[start..end].fill_with(|| draw(seed, 256) as u8),
        2 => bytes.truncate(start),
        _ => bytes[start..end].reverse(),
    }
    fs::write(file, bytes).unwrap();
    format!("{} {start}..{end}", file.strip_prefix(folder).unwrap().display())
}

#[test]
fn whatever_is_written_over_what_is_left_is_true_and_serves() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    fill_archive(&alive, &killed);
    let all: BTreeSet<u64> = (1..=220).collect();
    let damaged = root.path().join("damaged");
    let rounds = std::env::var("OVERTIME_DAMAGE_ROUNDS").map_or(12, |text| text.parse().unwrap());
    for round in 0..rounds {
        let mut seed = round;
        copy_folder(if round % 4 == 0 { &alive } else { &killed }, &damaged);
        let harmed: Vec<String> =
            (0..1 + draw(&mut seed, 3)).map(|_| harm(&damaged, &mut seed)).collect();
        let is_stopped = verify(&damaged, &|_| {}).unwrap().is_stopped();
        let loss = accept(&damaged);
        assert_eq!(loss.is_some(), is_stopped, "round {round}: {harmed:?}");
        let health = verify(&damaged, &|_| {}).unwrap();
        assert!(!health.is_stopped(), "round {round}: {harmed:?} {:?}", health.flaws);
        let there = tasks(&damaged);
        assert!(there.is_subset(&all), "round {round}: {harmed:?} {loss:?}");
        if let Some(loss) = loss {
            let there: BTreeSet<String> = there.iter().map(|n| task(*n).to_string()).collect();
            let lost = named(&loss, "task", "task");
            assert!(lost.is_disjoint(&there), "round {round}: {harmed:?} {loss:?}");
        }
        fs::remove_dir_all(&damaged).unwrap();
    }
}
