//! What removal takes, in looks and not in time, and what goes in one transaction.

use super::{Bench, Writer};
use crate::applier::Removal;
use crate::options::REMOVAL_PARTS_MAX;
use crate::retention::Retention;
use crate::stats::Usage;
use overtime_protocol::{Clock, Dial, KindName, Monotonic, Now, TaskId, UnixMillis};

const KINDS: u64 = 750;
const TASKS_OF_A_KIND: u64 = 10;
const ENDED_AT: UnixMillis = UnixMillis(1_000_000);

/// An archive with finished tasks of many kinds, and an applier that has yet to look at them. The
/// tasks of a kind ended a second after each other.
fn filled(dial: &'static Dial) -> Bench {
    let mut bench = Bench::with(64 * 1024);
    let (last, ended_at) = (KINDS * TASKS_OF_A_KIND - 1, ENDED_AT.0);
    let insert = format!(
        "WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < {last}) \
         INSERT INTO tasks (id, state, kind, tenant, lane, attempts, created_at, finished_at) \
         SELECT x + 1, 5, 'k' || (x % {KINDS}), 'acme', 0, 1, 1, \
         {ended_at} + 1000 * (x / {KINDS}) FROM n"
    );
    bench.applier.archive.connection().execute_batch(&insert).unwrap();
    let rows = TASKS_OF_A_KIND.cast_signed();
    let usage = |n| (KindName::new(&format!("k{n}")).unwrap(), Usage { rows, bytes: 0 });
    bench.log.stats.add_usage(&(0..KINDS).map(usage).collect());
    let retention = Retention::default();
    bench.applier.removal = Removal::new(retention, Clock::of(dial), &bench.log.stats);
    bench
}

fn count(archive: &Writer, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    archive.connection().query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// The dial of a clock, so many milliseconds after the first tasks ended.
fn turn(dial: &Dial, after_ms: u64) {
    let monotonic = Monotonic(after_ms * 1_000_000);
    dial.set(Now { monotonic, unix: UnixMillis(ENDED_AT.0 + after_ms) });
}

fn dial() -> &'static Dial {
    let dial: &'static Dial = Box::leak(Box::default());
    turn(dial, 60_000);
    dial
}

#[test]
fn while_nothing_has_to_go_nothing_is_looked_for() {
    let dial = dial();
    let mut bench = filled(dial);
    bench.applier.remove_finished().unwrap();
    let first = bench.applier.archive.looks();
    assert_eq!(first.0, KINDS as i32, "each kind once");
    assert!(first.1 < 100 * KINDS as i32, "{} steps: an index leads to the oldest", first.1);
    for second in 1..=100 {
        turn(dial, 60_000 + second * 1_000);
        bench.applier.remove_finished().unwrap();
    }
    assert_eq!(bench.applier.archive.looks(), first);
    assert_eq!(count(&bench.applier.archive, "tasks"), (KINDS * TASKS_OF_A_KIND) as i64);
}

#[test]
fn each_task_goes_within_a_period_of_its_time_and_none_before() {
    let dial = dial();
    let mut bench = filled(dial);
    bench.applier.remove_finished().unwrap();
    let week = Retention::default().finished.as_millis() as u64;
    turn(dial, week);
    bench.applier.remove_finished().unwrap();
    assert_eq!(count(&bench.applier.archive, "tasks"), (KINDS * TASKS_OF_A_KIND) as i64);
    for gone in 1..=TASKS_OF_A_KIND {
        turn(dial, week + gone * 1_000);
        bench.applier.remove_finished().unwrap();
        let left = KINDS * (TASKS_OF_A_KIND - gone);
        assert_eq!(count(&bench.applier.archive, "tasks"), left as i64);
    }
    let looks = bench.applier.archive.looks().0;
    assert_eq!(looks as u64, KINDS * (1 + TASKS_OF_A_KIND), "at first, and each time one goes");
}

#[test]
fn what_ends_later_is_known_when_it_is_applied() {
    let dial = dial();
    let mut bench = filled(dial);
    let week = Retention::default().finished.as_millis() as u64;
    turn(dial, week + TASKS_OF_A_KIND * 1_000);
    bench.applier.remove_finished().unwrap();
    turn(dial, week + TASKS_OF_A_KIND * 2_000);
    bench.applier.remove_finished().unwrap();
    assert_eq!(count(&bench.applier.archive, "tasks"), 0);
    // It ended in a former life, and comes out of the log with its time over.
    let late = TaskId::from_key(KINDS * TASKS_OF_A_KIND + 1).unwrap();
    bench.commit_end(late, ENDED_AT);
    bench.apply();
    assert_eq!(count(&bench.applier.archive, "tasks"), 1);
    turn(dial, week + TASKS_OF_A_KIND * 3_000);
    bench.applier.remove_finished().unwrap();
    assert_eq!(count(&bench.applier.archive, "tasks"), 0);
}

#[test]
fn a_task_of_many_parts_is_removed_in_several_transactions() {
    const LEFT: i64 = 10;
    let bench = &mut Bench::new();
    let archive = &mut bench.applier.archive;
    let parts = REMOVAL_PARTS_MAX as i64 + LEFT;
    let insert = format!(
        "INSERT INTO tasks (id, state, kind, tenant, lane, attempts, created_at, finished_at) \
         VALUES (1, 5, 'echo', 'acme', 0, 1, 1, 1), (2, 5, 'echo', 'acme', 0, 1, 1, 1); \
         WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {parts}) \
         INSERT INTO events (task, sequence, at, attempt) SELECT 1, x, 1, 1 FROM n;"
    );
    archive.connection().execute_batch(&insert).unwrap();
    let (echo, bound) = (KindName::new("echo").unwrap(), UnixMillis(2));
    let first = archive.remove_finished(&echo, bound).unwrap();
    assert_eq!((first.usage.rows, first.more), (0, true));
    assert_eq!((count(archive, "tasks"), count(archive, "events")), (2, LEFT));
    let second = archive.remove_finished(&echo, bound).unwrap();
    assert_eq!((second.usage.rows, second.more), (-2, false));
    assert_eq!((count(archive, "tasks"), count(archive, "events")), (0, 0));
}
