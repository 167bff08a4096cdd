//! The binary from outside: its commands are wired to what they name, and their output can be read
//! by programs. Figures are of no concern here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

fn loadtest(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(arguments).output().unwrap()
}

#[test]
fn contacts_are_written_one_a_line_and_a_seed_repeats_them() {
    let arguments = ["data", "contacts", "--items", "100", "--seed", "7"];
    let first = loadtest(&arguments);
    assert!(first.status.success());
    let text = String::from_utf8(first.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 100);
    for line in text.lines() {
        let contact: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(contact["email"].as_str().unwrap().contains('@'));
    }
    assert_eq!(loadtest(&arguments).stdout, first.stdout);
}

#[test]
fn floor_and_control_go_through_the_incident_and_leave_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("incident.html");
    for against in ["floor", "control"] {
        let short = ["--seconds", "200ms", "--body-bytes", "50KB", "--streams", "2", "--json"];
        let (path, place) = (page.to_str().unwrap(), folder.path().to_str().unwrap());
        let whole = ["incident", "--against", against, "--html", path, "--folder", place];
        let run = loadtest(&[&whole[..], &short].concat());
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let told: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        let server = &told["servers"][0];
        assert_eq!(
            (server["server"].as_str(), server["bulk"]["faults"].as_u64()),
            (Some(against), Some(0))
        );
        assert!(server["bulk"]["items"].as_u64().unwrap() > 0);
        assert!(std::fs::read_to_string(&page).unwrap().contains(against));
    }
}

#[test]
fn what_is_not_loopback_is_refused() {
    let run = loadtest(&["single", "--target", "10.0.0.1:80"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("loopback"));
}

#[test]
fn an_upstream_does_what_its_script_says_and_tells_what_it_has_seen() {
    let mut upstream = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["upstream", "--listen", "127.0.0.1:0", "--script", "503"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(upstream.stderr.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim().strip_prefix("listening on ").unwrap();
    let ask = |head: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{head} HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("POST /pay").starts_with("HTTP/1.1 503 "));
    let told = ask("GET /_told");
    upstream.kill().unwrap();
    upstream.wait().unwrap();
    assert!(told.contains("\"answers\":{\"503\":1}"), "{told}");
}
