//! `overtime gate tune`: what the rules of a gate would have done with calls of the past.

use crate::support::{Server, folder};
use crate::upstream_history::{configured, upstream};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn tune(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["gate", "tune"]).args(arguments).output().expect("the binary starts")
}

fn printed(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Ten calls a second to one upstream, which takes 4 s in the second of three minutes, and a few to
/// another, which is well.
fn write_calls(file: &Path) {
    let mut text = String::from("time,upstream,seconds,outcome\n");
    for number in 0..1_800 {
        let (second, tenth) = (number / 10, number % 10);
        let seconds = if (60..120).contains(&second) { "4" } else { "0.2" };
        let _ = writeln!(text, "{}.{tenth},billing,{seconds},200", 1_795_000_000 + second);
    }
    text.push_str("2026-11-18T11:06:40Z,crm,0.1,answered\nsoon,crm,0.1,answered\n");
    fs::write(file, text).unwrap();
}

/// The words of the line of a table that begins with these.
fn line<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let found = text.lines().find(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ").starts_with(beginning)
    });
    found.unwrap_or_else(|| panic!("{beginning} is not in {text}")).split_whitespace().collect()
}

#[test]
fn calls_of_a_file_are_judged_by_each_rule_and_drawn() {
    let folder = folder();
    let (file, drawn) = (folder.path().join("calls.csv"), folder.path().join("drawn"));
    write_calls(&file);
    let (file, folder) = (file.to_str().unwrap(), drawn.to_str().unwrap());
    let output = tune(&[file, "--svg", folder]);
    let text = printed(&output);
    assert!(text.starts_with("billing\n1800 calls in 2m 59s, from 2026-11-18T11:06:40"), "{text}");
    assert_eq!(line(text, "3 s tenth_percentile")[3], "2026-11-18T11:07:53.800Z");
    assert_eq!(line(text, "3 s most_bad")[3], "2026-11-18T11:07:46.300Z");
    assert_eq!(line(text, "3 s all")[3], "2026-11-18T11:07:46.300Z");
    assert_eq!(line(text, "5 s all"), ["5", "s", "all", "never"]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(complaints.contains("line 1803: `soon` is no time"), "{complaints}");
    let picture = fs::read_to_string(drawn.join("billing.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains("class=\"shed\""));
    assert!(!fs::read_to_string(drawn.join("crm.svg")).unwrap().contains("class=\"shed\""));

    let document = tune(&[file, "--upstream", "billing", "--json", "--slow", "500ms"]);
    let document: Value = serde_json::from_str(printed(&document)).unwrap();
    let trials = document["upstreams"][0]["trials"].as_array().unwrap();
    assert_eq!((trials.len(), document["upstreams"].as_array().unwrap().len()), (36, 1));
    let wrong = |trial: &&Value| trial["rule"] == "all" && trial["slow_ms"] == 3_000;
    let shed = trials.iter().find(wrong).unwrap();
    assert_eq!(shed["times"], 1, "{shed}");
    let share = shed["held_share"].as_f64().unwrap();
    assert!((0.25..0.4).contains(&share), "{share}");
}

#[test]
fn what_cannot_be_tuned_is_told() {
    let folder = folder();
    let file = folder.path().join("calls.csv");
    write_calls(&file);
    let file = file.to_str().unwrap();
    let complaint = |arguments: &[&str]| {
        let output = tune(arguments);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let unknown = complaint(&[file, "--upstream", "bank"]);
    assert!(unknown.contains("no call to `bank` is known, but to: billing, crm"), "{unknown}");
    assert!(complaint(&[file, "--slow", "0s"]).contains("every call takes longer"));
    assert!(complaint(&["no-such-file.csv"]).contains("no-such-file.csv cannot be read"));
    fs::write(file, "a,b\n").unwrap();
    assert!(complaint(&[file]).contains("there is no call in"));
}

#[test]
fn without_a_file_it_is_what_the_server_knows() {
    let folder = folder();
    let server = Server::start_configured(folder.path(), &configured(upstream()));
    for _ in 0..3 {
        assert_eq!(server.post("/v1/tasks/pay?wait=10s", "{}").status, 200);
    }
    let output = tune(&["--server", &server.data]);
    let text = printed(&output);
    assert!(text.starts_with("bank\n3 calls in 0s, from "), "{text}");
    assert_eq!(line(text, "3 s all"), ["3", "s", "all", "never"]);
}
