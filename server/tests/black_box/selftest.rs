//! The selftest: it says what a single call pays beside a flood, and leaves nothing behind. Whether the
//! machine that runs this is fast is no question of it.

use crate::support::folder;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn isolation(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["selftest", "isolation", "--seconds", "1", "--rate", "50", "--streams", "2"]);
    command.arg("--data").arg(folder).args(words).output().unwrap()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn what_a_call_pays_beside_a_flood_is_told_by_numbers() {
    let folder = folder();
    let output = isolation(folder.path(), &["--json"]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let told: Value = serde_json::from_slice(&output.stdout).expect(&complaint);
    for phase in ["quiet", "flooded"] {
        let phase = &told[phase];
        let [calls, failed] = ["calls", "failed"].map(|name| phase[name].as_u64().unwrap());
        assert!(calls > 0 && calls + failed == 50, "{told:#}");
        let [p50, p99, max] = ["p50_ms", "p99_ms", "max_ms"].map(|name| phase[name].as_f64());
        assert!(p50 > Some(0.0) && p50 <= p99 && p99 <= max, "{told:#}");
        let lanes = phase["lanes"].as_array().unwrap();
        assert!(lanes.iter().any(|lane| lane["lane"] == "interactive"), "{told:#}");
    }
    assert!(told["bulk"]["items"].as_u64().unwrap() > 0, "{told:#}");
    let is_isolated = told["is_isolated"].as_bool().unwrap();
    let is_fast = told["flooded"]["p99_ms"].as_f64() <= told["bound_ms"].as_f64();
    let is_answered = ["quiet", "flooded"].iter().all(|phase| told[phase]["failed"] == 0);
    assert_eq!(is_isolated, is_fast && is_answered, "{told:#}");
    assert_eq!(is_isolated, output.status.success(), "{told:#}");
    assert!(is_empty(folder.path()));
}

#[test]
fn people_are_told_in_a_sentence() {
    let folder = folder();
    let output = isolation(folder.path(), &[]);
    let told = String::from_utf8(output.stdout).unwrap();
    let verdict = told.lines().last().unwrap();
    let begin = if output.status.success() { "isolated: " } else { "not " };
    assert!(verdict.starts_with(begin), "{told}");
    assert!(
        told.contains("from lane to handler") && told.contains("bulk from 2 streams"),
        "{told}"
    );
}
