//! A call fails with EIO: the disk is broken. What cannot be trusted any more ends the server, which
//! says why; a payload that cannot be kept concerns its task only.

use crate::chance::{Chance, number};
use crate::ledger::Mix;
use crate::load::Seen;
use crate::series::{HITS_PER_FOLDER, Series};
use crate::server::Server;
use crate::tally::Tally;
use crate::targets::{Outcome, STARTS, TARGETS, Target};
use crate::tracer::{self, Fault, Injection, Notes, Tracer, When};
use std::process::ExitStatus;
use std::time::{SystemTime, UNIX_EPOCH};

const EIO: Injection = Injection::Error("EIO");

#[test]
fn a_call_that_fails_ends_the_server_or_concerns_one_task() {
    if !tracer::is_there() {
        return;
    }
    let (mut chance, mut tally) = (Chance::from_environment(), Tally::default());
    let rounds = number("OVERTIME_FAULTS_EIO", 3);
    let mut series = Series::new();
    for round in 0..rounds {
        // The nine is prime to their number, so a few rounds see different threads.
        let target = TARGETS[(round * 9) as usize % TARGETS.len()];
        if round % HITS_PER_FOLDER == 0 || target.wants_new_folder() {
            series = Series::new();
        }
        let count = chance.up_to(target.most);
        break_running(&series, (target, target.broken), (EIO, count), &mut tally);
    }
    println!("EIO while it runs:\n{tally}");
    assert!(tally.struck() > 0);
}

/// Lets one call of a running server fail, and holds what comes of it against `outcome`.
pub(crate) fn break_running(
    series: &Series,
    (target, outcome): (Target, Outcome),
    (injection, count): (Injection, u64),
    tally: &mut Tally,
) {
    let name = target.name();
    println!("{injection:?} at {name} {count}, then it {outcome:?}");
    let (first, notes) = (series.first(), series.place.file("strace"));
    let server = series.place.start();
    let fault = target.fault(injection, When::Nth(count));
    let tracer = Tracer::attach(&server, target.thread, &fault, &notes);
    let seen = series.load(&server, target.mix);
    if tracer.has_struck() && outcome == Outcome::Ends {
        let (status, ended_at) = end(server);
        check_end(series, status);
        tally.lasted(&name, took_ms(&tracer.wait(), ended_at));
    } else {
        check_refusals(&seen, outcome);
        let status = server.stop();
        // On its way out it writes, too.
        if tracer.wait().struck_at.is_some() && outcome == Outcome::Ends {
            check_end(series, status);
        } else {
            assert!(status.success(), "{status}: {}", series.place.stderr());
        }
    }
    let notes = Notes::read(&notes);
    tally.add(&name, notes.calls, notes.struck_at.is_some());
    series.audit(first);
}

#[test]
fn a_disk_that_breaks_on_the_way_out_is_told() {
    if !tracer::is_there() {
        return;
    }
    let series = Series::new();
    let server = series.place.start();
    series.load(&server, Mix::Usual);
    let fault = Fault { call: "fdatasync", injection: EIO, when: When::From(1), file: None };
    let tracer = Tracer::attach(&server, "journal-apply", &fault, &series.place.file("strace"));
    let status = server.stop();
    assert!(tracer.wait().struck_at.is_some(), "a checkpoint syncs");
    check_end(&series, status);
    series.audit(0);
}

/// How it ended by itself, and when.
fn end(server: Server) -> (ExitStatus, f64) {
    let status = server.wait();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
    (status, now.as_secs_f64())
}

fn took_ms(notes: &Notes, ended_at: f64) -> f64 {
    notes.struck_at.map_or(0.0, |at| (ended_at - at) * 1000.0)
}

/// It has ended by itself and has said why.
fn check_end(series: &Series, status: ExitStatus) {
    let said = series.place.stderr();
    assert_eq!(status.code(), Some(1), "{status}: {said}");
    assert!(said.contains("the journal failed: "), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// Everybody had an answer, and only large payloads were refused.
fn check_refusals(seen: &Seen, outcome: Outcome) {
    let refused = seen.refusals();
    assert_eq!(seen.cut_off, 0, "{seen:?}");
    assert!(refused.is_empty() || outcome == Outcome::Refuses, "{seen:?}");
    assert!(refused.len() < 2, "{seen:?}");
}

#[test]
fn a_start_that_fails_says_what_could_not_be_done() {
    if !tracer::is_there() {
        return;
    }
    let (mut chance, mut tally) = (Chance::from_environment(), Tally::default());
    let rounds = number("OVERTIME_FAULTS_START_ERRORS", 3);
    let mut series = Series::new();
    for round in 0..rounds {
        // What the linker opens before the program begins is not the server's.
        let starts = &STARTS[1..];
        let (call, most) = starts[round as usize % starts.len()];
        // Only what is new is made.
        if round % 3 == 0 || call == "mkdir" {
            series = Series::new();
        }
        let error = if (round / starts.len() as u64).is_multiple_of(2) { "EIO" } else { "ENOSPC" };
        break_starting(&series, (call, error), chance.up_to(most), &mut tally);
    }
    println!("errors while it starts:\n{tally}");
    assert!(tally.struck() > 0);
}

fn break_starting(
    series: &Series,
    (call, error): (&'static str, &'static str),
    count: u64,
    tally: &mut Tally,
) {
    let name = format!("start {call} {error}");
    println!("{name} at {count}");
    let (first, notes) = (series.first(), series.place.file("strace"));
    let (injection, when) = (Injection::Error(error), When::Nth(count));
    let fault = Fault { call, injection, when, file: None };
    let words = tracer::words(&fault, &notes);
    let mut before = vec!["strace", "-f"];
    before.extend(words.iter().map(String::as_str));
    match series.place.try_start(series.place.command(&before)) {
        // The fault may strike any of its threads once it is up: then it ends, or goes on.
        Ok(mut server) => {
            series.load(&server, Mix::Usual);
            let status = if server.has_ended() { server.wait() } else { server.stop() };
            if !status.success() {
                check_end(series, status);
            }
        }
        Err(status) => {
            let said = series.place.stderr();
            println!("    {}", said.trim());
            assert_eq!(status.code(), Some(1), "{status}: {said}");
            assert!(said.starts_with("overtime: cannot "), "{said}");
            assert!(!said.contains("No such file"), "that is not the reason: {said}");
            let reasons: Vec<_> = said.trim().split(": ").collect();
            let is_new = |(place, reason)| !reasons[..place].contains(reason);
            assert!(reasons.iter().enumerate().all(is_new), "told twice: {said}");
        }
    }
    let notes = Notes::read(&notes);
    tally.add(&name, notes.calls, notes.struck_at.is_some());
    series.audit(first);
}
