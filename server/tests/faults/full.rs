//! Calls fail with ENOSPC for a while: the disk is full. Callers are told so, nothing that was
//! acknowledged is lost, what is there can be read, and work is taken in again when there is room.

use crate::broken::break_running;
use crate::chance::{Chance, number};
use crate::ledger::{Ledger, Mix};
use crate::load::{self, Seen};
use crate::series::{HITS_PER_FOLDER, Series};
use crate::server::{Place, Server, wait_until};
use crate::tally::Tally;
use crate::targets::{Outcome, TARGETS, Target};
use crate::tracer::{self, Fault, Injection, Tracer, When};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// What was refused is sent again by the audit, and there is not room for any number of that.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

const ENOSPC: Injection = Injection::Error("ENOSPC");

#[test]
fn a_full_disk_is_told_and_passes() {
    if !tracer::is_there() {
        return;
    }
    let (mut chance, mut tally) = (Chance::from_environment(), Tally::default());
    let rounds = number("OVERTIME_FAULTS_ENOSPC", 3);
    let mut series = Series::new();
    for round in 0..rounds {
        // The nine is prime to their number, so a few rounds see different threads.
        let target = TARGETS[(round * 9) as usize % TARGETS.len()];
        if round % HITS_PER_FOLDER == 0 || target.wants_new_folder() {
            series = Series::new();
        }
        let count = chance.up_to(target.most);
        if target.full == Outcome::Ends {
            break_running(&series, (target, Outcome::Ends), (ENOSPC, count), &mut tally);
        } else {
            fill(&series, target, count, &mut tally);
        }
    }
    println!("ENOSPC while it runs:\n{tally}");
    assert!(tally.struck() > 0);
}

/// From its n-th call on the thread finds the disk full, until the load is over.
fn fill(series: &Series, target: Target, count: u64, tally: &mut Tally) {
    let name = target.name();
    println!("full from {name} {count} on, then it {:?}", target.full);
    let (first, notes) = (series.first(), series.place.file("strace"));
    let server = series.place.start();
    // One that does not only write to files is to fail once.
    let when = if target.call == "write" { When::Nth(count) } else { When::From(count) };
    let fault = target.fault(ENOSPC, when);
    let tracer = Tracer::attach(&server, target.thread, &fault, &notes);
    let seen = series.load(&server, target.mix);
    check_told(&seen);
    check_reads(&server);
    let notes = tracer.detach();
    let room_since = Instant::now();
    take_in_again(&server, &series.ledger);
    tally.lasted(&name, room_since.elapsed().as_secs_f64() * 1000.0);
    tally.add(&name, notes.calls, notes.struck_at.is_some());
    server.kill();
    series.audit(first);
}

#[test]
fn the_index_of_the_archive_may_find_the_disk_full() {
    if !tracer::is_there() {
        return;
    }
    // It grows when the write-ahead log is longer than 33 MB, which a checkpoint must not prevent.
    let series = Series::on(Place::with_long_log());
    let server = series.place.start();
    let fault = Fault {
        call: "pwrite64",
        injection: ENOSPC,
        when: When::From(1),
        file: Some(series.place.data().join("archive.db-shm")),
    };
    let notes = series.place.file("strace");
    let tracer = Tracer::attach(&server, "journal-apply", &fault, &notes);
    wait_until("the index has to grow", || {
        check_told(&series.load(&server, Mix::Heavy));
        tracer.has_struck()
    });
    check_reads(&server);
    tracer.detach();
    take_in_again(&server, &series.ledger);
    server.kill();
    series.audit(0);
}

/// Everybody had an answer, and whoever was refused was told why.
pub(crate) fn check_told(seen: &Seen) {
    assert_eq!(seen.cut_off, 0, "{seen:?}");
    assert!(seen.refusals().iter().all(|code| *code == "disk"), "{seen:?}");
}

/// What is there can be read.
pub(crate) fn check_reads(server: &Server) {
    let page = server.get("/v1/tasks?limit=3");
    assert_eq!(page.status, 200, "{page:?}");
    for task in page.json()["tasks"].as_array().expect("a page has tasks") {
        let id = task["id"].as_str().expect("a task has an id");
        assert_eq!(server.get(&format!("/v1/tasks/{id}")).status, 200);
    }
    let contact = server.get("/v1/contacts/of-many-1@example.com");
    assert!([200, 404].contains(&contact.status), "{contact:?}");
}

/// Waits until work of every sort is taken in.
pub(crate) fn take_in_again(server: &Server, ledger: &Mutex<Ledger>) {
    wait_until("work is taken in again", || {
        let seen = load::run(server, ledger, (Mix::Usual, 32));
        check_told(&seen);
        let is_so = seen.refusals().is_empty();
        if !is_so {
            thread::sleep(BETWEEN_ATTEMPTS);
        }
        is_so
    });
}
