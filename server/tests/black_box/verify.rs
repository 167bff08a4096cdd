//! `overtime verify`: what it says of a folder, and that it leaves it as it is.

use crate::support::{Server, folder, overtime};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn verify(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.arg("verify").arg(folder).args(words).output().expect("the binary starts")
}

/// What is found, after a look that ends with that code.
fn found(folder: &Path, code: i32) -> Value {
    let output = verify(folder, &["--json"]);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a person reads.
fn page(folder: &Path) -> String {
    String::from_utf8(verify(folder, &[]).stdout).unwrap()
}

/// A folder with a task that has ended and one that has not, whose payload is large.
fn fill(folder: &Path) -> Server {
    let server = Server::start(folder);
    let contact = r#"{"email":"ada@b.example"}"#;
    assert_eq!(server.post("/v1/tasks/contacts.upsert", contact).status, 200);
    let line = format!("{{\"email\":\"a@b.example\",\"company\":\"{}\"}}\n", "x".repeat(100));
    let body = line.repeat(1_000);
    let path = "/v1/bulk/contacts.upsert?wait=0s&delay=60m";
    let fields = ["Content-Type: application/x-ndjson"];
    assert_eq!(server.request("POST", path, &fields, &body).status, 202);
    server
}

fn segment(folder: &Path) -> PathBuf {
    let found = found(folder, 0);
    let segments = found["log"]["segments"].as_array().unwrap();
    folder.join("log").join(segments.last().unwrap()["file"].as_str().unwrap())
}

#[test]
fn a_folder_is_healthy_after_an_orderly_end_and_after_kill_9() {
    let folder = folder();
    let server = fill(folder.path());
    let running = verify(folder.path(), &[]);
    assert_eq!(running.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&running.stderr).into_owned();
    assert!(complaint.contains(&format!("in use by process {}", server.child.id())), "{complaint}");
    server.kill();
    for _ in 0..2 {
        let found = found(folder.path(), 0);
        assert_eq!((&found["healthy"], &found["starts"]), (&json!(true), &json!(true)));
        assert_eq!(found["tasks"]["succeeded"], 1, "{found}");
        assert_eq!((&found["unfinished"], &found["spool"]["files"]), (&json!(1), &json!(1)));
        assert!(page(folder.path()).starts_with("healthy: nothing in "));
        let server = Server::start(folder.path());
        server.signal("-TERM");
        assert!(server.wait().success());
    }
    let nowhere = verify(&folder.path().join("nowhere"), &[]);
    assert_eq!(nowhere.status.code(), Some(2));
}

/// What a server says that refuses to start.
fn refused(folder: &Path) -> String {
    let output = overtime(folder).output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Starts a server that accepts what is lost; what it says until it serves, and the folder in which
/// the damaged files are, if there is one.
fn accept_loss(folder: &Path) -> (Server, String, Option<PathBuf>) {
    let told = folder.join("told");
    let mut command = overtime(folder);
    command.args(["--demo", "serve", "--accept-loss"]);
    command.stderr(fs::File::create(&told).unwrap());
    let server = Server::spawn(command);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_lost = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("lost-");
    (server, fs::read_to_string(told).unwrap(), entries.into_iter().find(is_lost))
}

#[test]
fn what_is_lost_is_listed_and_the_rest_is_served() {
    let folder = folder();
    fill(folder.path()).kill();
    let (server, told, lost) = accept_loss(folder.path());
    assert!(told.contains("damaged, and nothing was changed") && lost.is_none());
    let contact = |name: &str| format!(r#"{{"email":"{name}@b.example"}}"#);
    let before = server.post("/v1/tasks/contacts.upsert", &contact("before")).task();
    server.signal("-TERM");
    assert!(server.wait().success());

    // Some more, of which the archive has not got all when the server dies.
    let tasks = (0..100).find_map(|_| {
        let server = Server::start(folder.path());
        let sleep =
            |n| server.post("/v1/tasks/sleep?wait=0s&delay=60m", &format!("{{\"ms\":{n}}}"));
        let tasks: Vec<String> = (0..5).map(|n| sleep(n).task()).collect();
        server.kill();
        let unapplied = found(folder.path(), 0)["log"]["unapplied"].as_u64().unwrap();
        (unapplied >= 2).then_some(tasks)
    });
    let tasks = tasks.expect("the archive is not always so quick");
    let log = segment(folder.path());
    let bytes = fs::read(&log).unwrap();
    // The last record but one, by the id of its task.
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    let at = end - 150;
    file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
    let refusal = refused(folder.path());
    assert!(refusal.contains("--accept-loss"), "{refusal}");
    let (server, told, lost) = accept_loss(folder.path());
    assert!(told.contains("what was damaged is in "), "{told}");
    let list = fs::read_to_string(lost.unwrap().join("lost.ndjson")).unwrap();
    for task in &tasks[..3] {
        let document = server.get(&format!("/v1/tasks/{task}"));
        assert_eq!(document.status, 200, "{told}{list}");
    }
    let last = tasks.last().unwrap();
    assert_eq!(server.get(&format!("/v1/tasks/{last}")).status, 404);
    assert!(list.contains(last), "{list}");
    assert_eq!(server.get(&format!("/v1/tasks/{before}")).json()["state"], "succeeded");
    let after = server.post("/v1/tasks/contacts.upsert", &contact("before"));
    assert_eq!(after.json()["version"], 2);
    server.kill();
    assert!(page(folder.path()).starts_with("healthy: "));
}

#[test]
fn damage_is_named_with_what_a_person_can_do() {
    let folder = folder();
    fill(folder.path()).kill();
    let log = segment(folder.path());
    let bytes = fs::read(&log).unwrap();
    // The first record; there are others behind it.
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.write_all_at(&[bytes[4_200] ^ 1], 4_200).unwrap();
    let report = found(folder.path(), 1);
    let flaw = &report["flaws"][0];
    assert_eq!((&flaw["part"], &flaw["stops"]), (&json!("log"), &json!(true)), "{report}");
    assert_eq!(flaw["file"], json!(log.to_str().unwrap()));
    let text = page(folder.path());
    assert!(text.starts_with("damaged: ") && text.contains("at byte 4096"), "{text}");
    assert!(text.contains("--accept-loss"), "{text}");
    let refusal = refused(folder.path());
    assert!(refusal.contains("00000001.seg is damaged at byte 4096"), "{refusal}");
    assert!(refusal.contains("overtime verify") && refusal.contains("--accept-loss"), "{refusal}");
    file.write_all_at(&bytes[4_200..=4_200], 4_200).unwrap();

    let payload = fs::read_dir(folder.path().join("spool")).unwrap().next().unwrap().unwrap();
    fs::OpenOptions::new().write(true).open(payload.path()).unwrap().set_len(10).unwrap();
    let found = found(folder.path(), 1);
    assert_eq!((&found["starts"], &found["spool"]["lost"]), (&json!(true), &json!(1)), "{found}");
    assert!(page(folder.path()).contains("payload-lost"));
}

#[test]
fn an_archive_with_a_damaged_page_is_refused_and_built_anew_on_demand() {
    let folder = folder();
    let server = fill(folder.path());
    let mut names = Vec::new();
    for n in 0..40 {
        let contact = format!(r#"{{"email":"n{n}@b.example","company":"{}"}}"#, "x".repeat(500));
        assert_eq!(server.post("/v1/tasks/contacts.upsert", &contact).status, 200);
        names.push(format!("n{n}@b.example"));
    }
    server.signal("-TERM");
    assert!(server.wait().success());
    let archive = folder.path().join("archive.db");
    let bytes = fs::read(&archive).unwrap();
    let at = bytes.windows(4).rposition(|bytes| bytes == b"xxxx").unwrap();
    let file = fs::OpenOptions::new().write(true).open(&archive).unwrap();
    file.write_all_at(b"y", at as u64).unwrap();
    let text = page(folder.path());
    assert!(
        text.contains("does not match its checksum") && text.contains("--accept-loss"),
        "{text}"
    );
    let (server, told, lost) = accept_loss(folder.path());
    assert!(told.contains("the archive was built anew"), "{told}");
    let lost = lost.unwrap();
    let list = fs::read_to_string(lost.join("lost.ndjson")).unwrap();
    for name in names {
        let status = server.get(&format!("/v1/contacts/{name}")).status;
        let is_listed = list.contains(&format!("contacts/{name}\""));
        assert_eq!(status == 404, is_listed, "{name}: {status}, {told}{list}");
    }
    assert!(lost.join("archive.db").exists(), "what was damaged is set aside");
    server.signal("-TERM");
    assert!(server.wait().success());
    assert!(page(folder.path()).starts_with("healthy: "), "{}", page(folder.path()));
}
