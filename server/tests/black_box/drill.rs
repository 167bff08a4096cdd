//! The drill: it finds the real server to keep its word, finds out one that does not, and leaves
//! neither a process nor data behind.

use crate::support::{Server, folder};
use overtime_loadtest::drill::{Drill, Fault, Scope};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long what must happen may take.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(10);

fn drill(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["drill", "--json", "--clients", "4", "--data"]).arg(folder).args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The processes that work in a folder below `folder`, as the drill's servers do.
fn processes_in(folder: &Path) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let places = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
    places.filter(|place| place.starts_with(folder) && place != folder).count()
}

/// What it told of how it went, which must be good.
fn verdict(output: &Output) -> Value {
    let (told, complaint) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{complaint}", String::from_utf8_lossy(told));
    serde_json::from_slice(told).unwrap()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn await_fact(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        sleep(GLANCE);
    }
}

/// A drill that has its server running, and would go on for long.
fn long_drill(folder: &Path) -> Child {
    let child = drill(folder, &["--minutes", "30"]).spawn().unwrap();
    await_fact("its server runs", || processes_in(folder) > 0);
    child
}

#[test]
fn the_server_keeps_its_word_and_nothing_is_left_behind() {
    let folder = folder();
    let output = drill(folder.path(), &["--rounds", "2", "--seed", "7"]).output().unwrap();
    let told = verdict(&output);
    assert_eq!((&told["is_right"], &told["seed"]), (&Value::Bool(true), &Value::from(7)));
    assert_eq!((told["rounds"].as_u64(), told["restarts"]["killed"].as_u64()), (Some(2), Some(2)));
    for count in ["sent", "answered", "accepted", "replayed", "items"] {
        assert!(told["counts"][count].as_u64().unwrap() > 0, "{count} in {told:#}");
    }
    assert_eq!(told["findings"], Value::Array(Vec::new()));
    assert!(is_empty(folder.path()) && processes_in(folder.path()) == 0);
}

#[test]
fn an_interrupt_ends_it_in_order_with_the_verdict_so_far() {
    let folder = folder();
    let mut child = long_drill(folder.path());
    // Rounds are through, so there is something to tell.
    let mut told = BufReader::new(child.stderr.take().unwrap());
    assert!(told.read_line(&mut String::new()).unwrap() > 0);
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let told = verdict(&output);
    assert!(told["comparisons"].as_u64().unwrap() > 0, "{told:#}");
    assert!(is_empty(folder.path()) && processes_in(folder.path()) == 0);
}

#[test]
fn its_server_does_not_outlive_it() {
    let folder = folder();
    let mut child = long_drill(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    await_fact("its server is gone", || processes_in(folder.path()) == 0);
}

#[test]
fn a_server_that_has_forgotten_what_it_acknowledged_is_found_out() {
    let (first, second) = (folder(), folder());
    let mut drill = Drill::with_clients(7, 2);
    let server = Server::start_impatient(first.path());
    let sent_until = Instant::now() + Duration::from_millis(300);
    drill.load(server.data.parse().unwrap(), &|| Instant::now() >= sent_until);
    server.kill();
    let forgetful = Server::start_impatient(second.path());
    let findings = drill.audit(forgetful.data.parse().unwrap(), Scope::Everything).unwrap();
    let missing = findings.iter().filter(|finding| finding.fault == Fault::Missing).count() as u64;
    let counts = drill.counts();
    assert!(missing > counts.accepted && counts.accepted > 0, "{missing} of {counts:?}");
}
