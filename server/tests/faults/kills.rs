//! The server is killed as it makes its n-th call, and nothing that was acknowledged is lost.

use crate::chance::{Chance, number};
use crate::ledger::Mix;
use crate::series::{HITS_PER_FOLDER, Series};
use crate::tally::Tally;
use crate::targets::{STARTS, TARGETS, Target};
use crate::tracer::{self, Fault, Injection, Notes, Tracer, When};
use std::os::unix::process::ExitStatusExt;

#[test]
fn a_kill_while_it_runs_loses_nothing() {
    if !tracer::is_there() {
        return;
    }
    let (mut chance, mut tally) = (Chance::from_environment(), Tally::default());
    let rounds = number("OVERTIME_FAULTS_KILLS", 3);
    let mut series = Series::new();
    for round in 0..rounds {
        let target = TARGETS[round as usize % TARGETS.len()];
        if round % HITS_PER_FOLDER == 0 || target.wants_new_folder() {
            series = Series::new();
        }
        kill_running(&series, target, chance.up_to(target.most), &mut tally);
    }
    println!("kills while it runs:\n{tally}");
    assert!(tally.struck() > 0);
}

fn kill_running(series: &Series, target: Target, count: u64, tally: &mut Tally) {
    let name = target.name();
    println!("kill at {name} {count}");
    let first = series.first();
    let server = series.place.start();
    let fault = target.fault(Injection::Kill, When::Nth(count));
    let tracer = Tracer::attach(&server, target.thread, &fault, &series.place.file("strace"));
    let struck = !series.wear_out(server, target.mix).success();
    tally.add(&name, tracer.wait().calls, struck);
    series.audit(first);
}

#[test]
fn a_kill_while_it_starts_loses_nothing() {
    if !tracer::is_there() {
        return;
    }
    let (mut chance, mut tally) = (Chance::from_environment(), Tally::default());
    let rounds = number("OVERTIME_FAULTS_START_KILLS", 3);
    let mut series = Series::new();
    for round in 0..rounds {
        // Every third starts on a folder that is not there yet.
        if round % 3 == 0 {
            series = Series::new();
        }
        let (call, most) = STARTS[round as usize % STARTS.len()];
        kill_starting(&series, call, chance.up_to(most), &mut tally);
    }
    println!("kills while it starts:\n{tally}");
    assert!(tally.struck() > 0);
}

fn kill_starting(series: &Series, call: &'static str, count: u64, tally: &mut Tally) {
    println!("kill at the start's {call} {count}");
    let (first, notes) = (series.first(), series.place.file("strace"));
    let when = When::Nth(count);
    let fault = Fault { call, injection: Injection::Kill, when, file: None };
    let words = tracer::words(&fault, &notes);
    let mut before = vec!["strace", "-f"];
    before.extend(words.iter().map(String::as_str));
    let struck = match series.place.try_start(series.place.command(&before)) {
        Ok(server) => !series.wear_out(server, Mix::Usual).success(),
        Err(status) => {
            assert_eq!(status.signal(), Some(9), "{}", series.place.stderr());
            true
        }
    };
    tally.add(&format!("start {call}"), Notes::read(&notes).calls, struck);
    series.audit(first);
}
