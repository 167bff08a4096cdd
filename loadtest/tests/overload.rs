//! The scenarios about overload, short and against the plain queue: that they can be played and tell
//! what they should. What they judge is of no concern here: a machine that does other things as well
//! misses any bar.

use serde_json::Value;
use std::process::Command;

/// Plays a scenario, and reads what it tells; its page has to be there.
fn play(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let (path, place) = (page.to_str().unwrap(), folder.path().to_str().unwrap());
    let run = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(arguments)
        .args(["--against", "queue", "--workers", "2", "--service", "10ms", "--json"])
        .args(["--probe", "200ms"])
        .args(["--html", path, "--folder", place])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(matches!(run.status.code(), Some(0 | 1)), "{errors}");
    assert!(std::fs::read_to_string(&page).unwrap().contains("queue"));
    serde_json::from_slice(&run.stdout).unwrap()
}

fn figure(told: &Value, name: &str) -> f64 {
    told[name].as_f64().unwrap_or_else(|| panic!("{name} is not in {told}"))
}

#[test]
fn a_knee_is_found_and_workers_are_told() {
    let told = play(&["capacity", "--need", "300/s"]);
    assert!(told["queue"].as_str().unwrap().contains("2 workers of 10 ms"), "{told}");
    assert!(told["need"].as_str().unwrap().contains("workers"), "{told}");
}

#[test]
fn a_crowd_offers_more_than_is_done() {
    let short = ["--capacity", "100/s", "--times", "5", "--seconds", "1s", "--calm", "1s"];
    let told = play(&[&["stampede"], &short[..]].concat());
    let row = &told["rows"][0];
    assert!(figure(row, "offered_per_second") > figure(row, "done_per_second"), "{row}");
    assert_eq!((figure(row, "broken"), figure(row, "refused")), (0.0, 0.0));
}

#[test]
fn a_step_is_told_by_what_is_done_above_it() {
    let told = play(&["step", "--capacity", "100/s", "--seconds", "1s"]);
    assert!(told["queue"].as_str().unwrap().contains("above the step"), "{told}");
}

#[test]
fn work_that_arrives_in_an_outage_is_pending() {
    let told = play(&["replay", "--capacity", "100/s", "--outage", "1s"]);
    let queue = told["queue"].as_str().unwrap();
    let pending: u64 = queue.split(' ').next().unwrap().parse().unwrap();
    assert!(pending >= 40, "{queue}");
}
