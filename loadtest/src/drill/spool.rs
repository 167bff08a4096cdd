//! The spool of a private server: a file of it goes once its task has ended. It is only looked at.

use super::findings::{Fault, Finding};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a file may stay when its task has ended.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until no file is in the spool of `data`, as it has to be when nothing is on its way; what
/// stays is a finding.
pub(super) fn await_empty(data: &Path) -> Option<Finding> {
    await_empty_for(PATIENCE, &data.join("spool"))
}

fn await_empty_for(patience: Duration, spool: &Path) -> Option<Finding> {
    let begun = Instant::now();
    loop {
        // A server that has spooled nothing may have no such folder.
        let left = std::fs::read_dir(spool).map_or(0, Iterator::count);
        if left == 0 {
            return None;
        }
        if begun.elapsed() > patience {
            let told = format!("{left} files are in the spool though all tasks have ended");
            return Some(Finding::new(Fault::Unfinished, None, told));
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_stays_is_found_and_a_spool_that_is_empty_or_absent_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        assert_eq!(await_empty_for(Duration::ZERO, &spool), None);
        std::fs::create_dir(&spool).unwrap();
        assert_eq!(await_empty_for(Duration::ZERO, &spool), None);
        std::fs::write(spool.join("file"), "x").unwrap();
        let found = await_empty_for(Duration::ZERO, &spool).unwrap();
        assert!(found.told.starts_with("1 files"), "{found}");
    }
}
