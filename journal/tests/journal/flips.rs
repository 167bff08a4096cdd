//! A journal with one flipped bit in any of its files: it is refused by the name of the file, or
//! what cannot be read is told, or everything that was acknowledged is there.

use crate::support::*;
use overtime_journal::{Opened, Options, Report, StoreError, open};
use overtime_protocol::{Answer, Query, Spooled, TaskState};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Tasks with a payload, of which some have ended.
const TASKS: u64 = 12;

/// The one whose payload is spooled.
const LARGE: u64 = 13;

const LARGE_BYTES: usize = 3_000;

/// What became of a flip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Whole,
    Refused,
    Told,
}

fn has_ended(number: u64) -> bool {
    number.is_multiple_of(3)
}

fn payload(number: u64) -> String {
    format!("payload {number} ").repeat(20)
}

fn large() -> String {
    "large ".repeat(LARGE_BYTES / 6)
}

/// Fills a journal, and leaves it in order in `closed` and by a crash in `killed`, where some of it is
/// in the archive's file, some in its write-ahead log, and some in the log alone.
fn leave(closed: &Path, killed: &Path) {
    let alive = closed.with_extension("alive");
    let running = Running::open(&small(&alive));
    fill(&running, 1..=TASKS / 2);
    running.close();
    let running = Running::open(&small(&alive));
    fill(&running, TASKS / 2 + 1..=TASKS);
    assert_eq!(running.spool(LARGE, vec![large().into()]), Spooled::Written);
    let last = running.durable(accepted_bulk(LARGE, LARGE_BYTES as u64));
    running.wait_applied(last);
    let stopped = stop_applier(&alive);
    running.durable(writes(90, put("s/last", "last", NEVER)));
    copy_folder(&alive, killed);
    drop(stopped);
    running.close();
    copy_folder(&alive, closed);
}

fn fill(running: &Running, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        running.durable(accepted(number, payload(number)));
        running.durable(writes(number, put(&format!("s/{number}"), payload(number), NEVER)));
        if has_ended(number) {
            running.durable(finished(number, TaskState::Succeeded, Some("the product")));
        }
    }
}

fn flip(file: &Path, byte: u64, bit: u64) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut at = [0];
    file.read_exact_at(&mut at, byte).unwrap();
    file.write_all_at(&[at[0] ^ (1 << bit)], byte).unwrap();
}

/// The files of a folder, and how far apart the bits are that are flipped in each.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for part in ["", "log", "spool"] {
        for entry in fs::read_dir(folder.join(part)).unwrap().map(Result::unwrap) {
            let step = match entry.file_name().to_str().unwrap() {
                "FORMAT" | "archive.moved" => 5,
                "archive.db" | "archive.db-wal" => 4_133,
                "LOCK" | "archive.db-shm" | "log" | "spool" => continue,
                _ if part == "log" => 97,
                _ => 311,
            };
            files.push((Path::new(part).join(entry.file_name()), step));
        }
    }
    files.sort();
    files
}

/// Up to where there is something in a file.
fn used(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last as u64 + 1)
}

fn flip_all(folder: &Path) -> BTreeMap<(String, Outcome), u32> {
    let mut counts = BTreeMap::new();
    for (file, step) in files(folder) {
        for (number, byte) in (0..used(&folder.join(&file))).step_by(step as usize).enumerate() {
            let root = tempfile::tempdir().unwrap();
            copy_folder(folder, root.path());
            // Another bit each time, and another place within the step.
            let (bit, byte) = (number as u64 % 8, byte + number as u64 * 31 % step);
            if byte >= used(&folder.join(&file)) {
                continue;
            }
            flip(&root.path().join(&file), byte, bit);
            let what = format!("{} byte {byte} bit {bit}", file.display());
            let name = file.file_name().unwrap().to_str().unwrap();
            let outcome = look(&small(root.path()), name, &what);
            *counts.entry((name.to_owned(), outcome)).or_default() += 1;
        }
    }
    counts
}

/// Opens a journal and looks for everything that was acknowledged.
fn look(options: &Options, name: &str, what: &str) -> Outcome {
    match open(options, opener()) {
        Err(error) => {
            assert!(error.to_string().contains(name), "{what}: {error}");
            Outcome::Refused
        }
        Ok(opened) => look_into(opened, what),
    }
}

fn look_into(mut opened: Opened, what: &str) -> Outcome {
    let mut backlog = opened.take_backlog().unwrap();
    let running = Running::start(opened);
    let mut told = false;
    let mut read = |found: Result<String, StoreError>, expected: &str| match found {
        Ok(found) => assert_eq!(found, expected, "{what}"),
        Err(StoreError::Damaged(_) | StoreError::Ended) => told = true,
        Err(other) => panic!("{what}: {other:?}"),
    };
    let unfinished: Vec<u64> = (1..=LARGE).filter(|number| !has_ended(*number)).collect();
    let mut found = Vec::new();
    let ended = loop {
        match backlog.next(5) {
            Ok(page) if page.is_empty() => break Ok(format!("{found:?}")),
            Ok(page) => found.extend(page.iter().map(|one| one.task.key())),
            Err(error) => break Err(error),
        }
    };
    read(ended, &format!("{unfinished:?}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let store = running.journal.store();
    for &number in &unfinished {
        let expected = if number == LARGE { large() } else { payload(number) };
        read(store.payload(task(number)).map(|found| text(&found.concat())), &expected);
    }
    for number in 1..=TASKS {
        let value = store.state(format!("s/{number}").as_bytes());
        read(value.map(|found| text(&found.value.unwrap_or_default())), &payload(number));
    }
    for number in (1..=TASKS).filter(|number| has_ended(*number)) {
        match running.ask_or_hear(Query::Result(task(number))) {
            Ok(Answer::Result { product, .. }) => assert_eq!(product.body, "the product", "{what}"),
            Ok(Answer::Problem(problem)) if problem.detail.contains("damaged") => {
                let note = running.notes.recv_timeout(PATIENCE).expect("a person hears of it");
                assert!(problem.detail.contains(&note), "{what}: {note}");
                told = true;
            }
            Ok(other) => panic!("{what}: {other:?}"),
            Err(_) => told = true,
        }
    }
    let Running { journal, appends, reports, .. } = running;
    drop((appends, store, backlog));
    told |= journal.close().is_err();
    told |= reports.try_iter().any(|report| matches!(report, Report::Failed(_)));
    if told { Outcome::Told } else { Outcome::Whole }
}

#[test]
fn a_flipped_bit_in_any_file_is_told_or_does_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let (closed, killed) = (root.path().join("closed"), root.path().join("killed"));
    leave(&closed, &killed);
    for folder in [&closed, &killed] {
        let before = look(&small(&copy_of(folder, root.path())), "", "nothing is flipped");
        assert_eq!(before, Outcome::Whole);
        println!("{:?}", flip_all(folder));
    }
}

fn copy_of(folder: &Path, root: &Path) -> PathBuf {
    let copy = root.join("copy");
    drop(fs::remove_dir_all(&copy));
    copy_folder(folder, &copy);
    copy
}
