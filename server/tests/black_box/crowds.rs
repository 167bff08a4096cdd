//! More callers than can be served: those who still wait are, and the others are told at once.

use crate::support::{Answer, Server, folder, request};
use std::fs;
use std::path::Path;
use std::process::Command;

/// So many callers come at once, each with work for that long.
fn crowd(server: &Server, ms: u64, count: usize) -> Vec<Answer> {
    let call = || {
        request(&server.data, "POST", "/v1/tasks/sleep?wait=30s", &[], &format!("{{\"ms\":{ms}}}"))
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..count).map(|_| scope.spawn(call)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

/// A server with one worker, and what else stands in its file.
fn slow_server(folder: &Path, text: &str) -> Server {
    let file = folder.join("overtime.toml");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1"]);
    command.args(["--demo", "--config", file.to_str().unwrap()]);
    command.arg("--data").arg(folder);
    Server::spawn(command)
}

/// The sum of a metric over its labels.
fn metric(server: &Server, name: &str) -> f64 {
    let text = request(&server.admin, "GET", "/metrics", &[], "").body;
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.split(' ').next_back());
    lines.map(|value| value.parse::<f64>().unwrap()).sum()
}

#[test]
fn when_too_many_wait_some_are_served_and_the_others_are_told_at_once() {
    let folder = folder();
    let server = slow_server(folder.path(), "");
    let answers = crowd(&server, 100, 60);
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(count(200) + count(202), 60);
    assert!(count(200) >= 16 && count(202) >= 16, "{} and {}", count(200), count(202));
    assert_eq!(metric(&server, "overtime_admission_cut_total"), count(202) as f64);
    // Nothing of what was promised is forgotten.
    for answer in answers.iter().filter(|answer| answer.status == 202) {
        server.wait_for(&answer.task(), &["succeeded"]);
    }
}

#[test]
fn without_admission_whoever_comes_waits() {
    let folder = folder();
    let server = slow_server(folder.path(), "[admission]\nenabled = false\n");
    let answers = crowd(&server, 20, 60);
    assert!(answers.iter().all(|answer| answer.status == 200));
}
