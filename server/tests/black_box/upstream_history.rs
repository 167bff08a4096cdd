//! What is kept of an upstream: its latest calls and its hours, also after a restart.

use crate::support::{Server, add_key, folder, shows};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

/// An upstream that answers whatever it is asked, for as long as this process runs.
pub(crate) fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_all(stream));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream) {
    let Ok(other) = stream.try_clone() else { return };
    let mut reader = BufReader::new(other);
    while let Some(length) = head(&mut reader) {
        let mut body = vec![0; length];
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        if reader.read_exact(&mut body).is_err() || stream.write_all(answer).is_err() {
            return;
        }
    }
}

/// The length of the body behind the head of a request.
fn head(reader: &mut impl BufRead) -> Option<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Some(length);
        }
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
    }
}

pub(crate) fn configured(address: SocketAddr) -> String {
    format!(
        "[upstreams.bank]\nurl = \"http://{address}\"\nprivate = true\n\
         [kinds.pay]\nupstream = \"bank\"\n"
    )
}

fn get(server: &Server, key: &str, path: &str) -> (u16, Value) {
    let answer = server.request("GET", path, &[&shows(key)], "");
    (answer.status, answer.json())
}

#[test]
fn the_latest_calls_of_an_upstream_are_there_after_a_restart() {
    let folder = folder();
    let text = configured(upstream());
    let server = Server::start_configured(folder.path(), &text);
    for _ in 0..3 {
        assert_eq!(server.post("/v1/tasks/pay?wait=10s", "{}").status, 200);
    }
    let recent = |server: &Server| server.get("/v1/upstreams/bank").json()["recent"].clone();
    let before = recent(&server);
    let ends: Vec<&Value> = before.as_array().unwrap().iter().map(|call| &call["end"]).collect();
    assert_eq!(ends, ["answered"; 3], "{before}");
    server.signal("-TERM");
    assert!(server.wait().success());
    let server = Server::start_configured(folder.path(), &text);
    assert_eq!(recent(&server), before);
    assert_eq!(server.post("/v1/tasks/pay?wait=10s", "{}").status, 200);
    assert_eq!(recent(&server).as_array().unwrap().len(), 4);
}

#[test]
fn hours_are_for_operators_and_of_upstreams_that_there_are() {
    let folder = folder();
    let operator = add_key(folder.path(), &["operator", "--lanes", "control"]);
    let caller = add_key(folder.path(), &["caller", "--lanes", "interactive"]);
    let server = Server::start_configured(folder.path(), &configured(upstream()));
    let (status, none) = get(&server, &operator, "/v1/upstreams/bank/history?limit=5");
    assert_eq!((status, &none["name"], &none["hours"]), (200, &json!("bank"), &json!([])));
    for (key, path, status, code) in [
        (&operator, "/v1/upstreams/bunk/history", 404, "unknown-upstream"),
        (&operator, "/v1/upstreams/bank/history?from=yesterday", 400, "malformed-parameter"),
        (&caller, "/v1/upstreams/bank/history", 403, "forbidden-lane"),
    ] {
        let (seen, problem) = get(&server, key, path);
        assert_eq!((seen, problem["code"].as_str()), (status, Some(code)), "{path}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["upstreams", "history", "bank", "--from", "2026-01-01T00:00:00Z"]);
    command.args(["--server", &server.data]).env("OVERTIME_KEY", &operator);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(printed.starts_with("HOUR  CALLS  FAILED  BUSY  P10_MS"), "{printed}");
}

#[test]
fn a_terminal_shows_the_latest_calls_of_an_upstream_in_lines() {
    let folder = folder();
    let server = Server::start_configured(folder.path(), &configured(upstream()));
    for _ in 0..25 {
        assert_eq!(server.post("/v1/tasks/pay?wait=10s", "{}").status, 200);
    }
    let told = |wish: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
        command.args(["upstreams", wish, "bank", "--server", &server.data]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let shown = told("show");
    let calls = shown.lines().filter(|line| line.ends_with("answered")).count();
    assert_eq!(calls, 20, "{shown}");
    assert!(shown.contains("AT                        MS  END"), "{shown}");
    for (wish, state) in [("hold", "held"), ("release", "ramping")] {
        let shown = told(wish);
        assert!(shown.contains(&format!("state            {state}\n")), "{shown}");
        assert!(!shown.contains("answered\n"), "{shown}");
    }
}
