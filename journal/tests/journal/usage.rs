//! How much the archive holds of each kind: kept by what comes and goes, and never wrong.

use crate::support::*;
use overtime_journal::Usage;
use overtime_protocol::TaskState;
use overtime_protocol::record::Record;
use std::path::Path;

/// What the rows add up to.
fn counted(folder: &Path) -> (i64, i64) {
    let archive = rusqlite::Connection::open(folder.join("archive.db")).unwrap();
    let sql = "SELECT count(*), coalesce(sum(256 + coalesce(length(payload), 0) + \
        coalesce(spooled_len, 0) + coalesce(length(product), 0)), 0) FROM tasks";
    archive.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn told(running: &Running) -> (i64, i64) {
    let usage = running.journal.stats().usage();
    let of_kind = |(_, usage): &(_, Usage)| (usage.rows, usage.bytes);
    usage.iter().map(of_kind).fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
}

/// Every way in which a task comes and goes on.
fn lives() -> Vec<Vec<Record>> {
    vec![
        vec![finished(1, TaskState::Succeeded, Some("made"))],
        vec![accepted(2, "payload"), finished(2, TaskState::Succeeded, Some("made"))],
        vec![accepted(3, "payload"), parked(3), finished(3, TaskState::Cancelled, None)],
        vec![accepted(4, "payload"), parked(4), resumed(4), parked(4)],
        vec![accepted_bulk(5, 100_000), advanced(5, 1, 7)],
        vec![accepted_bulk(6, 100_000), finished(6, TaskState::Failed, None)],
        vec![accepted(7, "payload"), accepted(7, "payload"), retrying(7, 1)],
        vec![finished(8, TaskState::Succeeded, None), finished(8, TaskState::Failed, None)],
        vec![finished(8, TaskState::Succeeded, Some("too late"))],
    ]
}

#[test]
fn what_is_told_is_what_the_rows_add_up_to() {
    let root = tempfile::tempdir().unwrap();
    let folders = ["apart", "together"].map(|name| root.path().join(name));
    for (folder, is_apart) in folders.iter().zip([true, false]) {
        let running = Running::open(&small(folder));
        let stopped = (!is_apart).then(|| stop_applier(folder));
        let last = lives().into_iter().flatten().map(|record| {
            let last = running.durable(record);
            if is_apart {
                running.wait_applied(last);
            }
            last
        });
        let last = last.last().unwrap();
        drop(stopped);
        running.wait_applied(last);
        assert_eq!(told(&running), counted(folder));
        assert_eq!(told(&running).0, 8);
        running.close();
        let again = Running::open(&small(folder));
        assert_eq!(told(&again), counted(folder));
        again.close();
    }
    assert_eq!(counted(&folders[0]), counted(&folders[1]));
}
