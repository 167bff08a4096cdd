//! Who is let in: by a key, over HTTP and over the native protocol, until the key counts no more.

use crate::native_client::{Client, frame, submit};
use crate::support::{Answer, Server, add_key, folder, keys, overtime, raw, request, shows};
use overtime_protocol::native::{Hello, Reply, Request};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

const CHALLENGE: &str = "Bearer realm=\"overtime\"";
const CHALLENGE_AGAIN: &str = "Bearer realm=\"overtime\", error=\"invalid_token\"";

fn echo(server: &Server, fields: &[&str]) -> Answer {
    server.request("POST", "/v1/tasks/echo", fields, "hello")
}

/// Asks until it is answered with that status: a change of keys takes a moment.
pub(crate) fn becomes(status: u16, ask: impl Fn() -> Answer) -> Answer {
    for _ in 0..500 {
        let answer = ask();
        if answer.status == status {
            return answer;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("still not {status}: {:?}", ask());
}

fn verify(folder: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    let output = command.arg("verify").arg(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn count(server: &Server, code: &str) -> String {
    let name = format!("overtime_requests_turned_away_total{{code=\"{code}\"}} ");
    let metrics = request(&server.admin, "GET", "/metrics", &[], "").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("{name} in\n{metrics}")).to_owned()
}

#[test]
fn without_a_key_that_counts_nothing_is_answered_but_that() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme"]);
    let other = add_key(&folder.path().join("elsewhere"), &["acme"]);
    let server = Server::start(folder.path());
    let refused = echo(&server, &[]);
    assert_eq!((refused.status, &*refused.code()), (401, "unauthorized"));
    assert_eq!(refused.field("WWW-Authenticate"), Some(CHALLENGE));
    assert_eq!(refused.json()["submitted"], "no");
    for value in [&*other, "", "ot_", &key[..key.len() - 1], &key.to_uppercase()] {
        let refused = echo(&server, &[&shows(value)]);
        assert_eq!((refused.status, &*refused.code()), (401, "unauthorized"), "{value}");
        assert_eq!(refused.field("WWW-Authenticate"), Some(CHALLENGE_AGAIN), "{value}");
    }
    for path in ["/v1/tasks", "/v1/tasks/01KAHP5ZQ00000000000000000", "/v1/contacts/a@b", "/x"] {
        assert_eq!(server.get(path).status, 401, "{path}");
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let answer = echo(&server, &[&format!("Authorization: {scheme} {key}")]);
        assert_eq!((answer.status, &*answer.body), (200, "hello"));
    }
    assert_eq!(count(&server, "unauthorized"), "10");
    // The operator's port is not the callers'.
    assert_eq!(request(&server.admin, "GET", "/readyz", &[], "").status, 200);
}

#[test]
fn a_key_is_asked_for_before_the_body() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme"]);
    let server = Server::start(folder.path());
    let head = |fields: &str| {
        let host = &server.data;
        format!(
            "POST /v1/tasks/echo HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\
             Expect: 100-continue\r\n{fields}\r\n"
        )
    };
    let refused = raw(&server.data, head("").as_bytes());
    assert_eq!((refused.status, refused.field("Connection")), (401, Some("close")));
    let mut stream = TcpStream::connect(&server.data).unwrap();
    stream.write_all(head(&format!("{}\r\n", shows(&key))).as_bytes()).unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
}

#[test]
fn keys_come_and_go_while_the_server_runs_and_without_one_it_stays_shut() {
    let folder = folder();
    let server = Server::start(folder.path());
    assert_eq!(echo(&server, &[]).status, 200);
    let first = add_key(folder.path(), &["acme"]);
    becomes(401, || echo(&server, &[]));
    assert_eq!(echo(&server, &[&shows(&first)]).status, 200);
    let second = add_key(folder.path(), &["acme"]);
    becomes(200, || echo(&server, &[&shows(&second)]));
    assert!(keys(folder.path(), &["revoke", &first]).status.success());
    becomes(401, || echo(&server, &[&shows(&first)]));
    assert_eq!(echo(&server, &[&shows(&second)]).status, 200);
    // The last key opens nothing when it goes, nor does a restart.
    assert!(keys(folder.path(), &["revoke", &second]).status.success());
    becomes(401, || echo(&server, &[&shows(&second)]));
    assert_eq!(echo(&server, &[]).status, 401);
    server.kill();
    let server = Server::start(folder.path());
    assert_eq!(echo(&server, &[]).status, 401);
    let third = add_key(folder.path(), &["acme"]);
    becomes(200, || echo(&server, &[&shows(&third)]));
}

#[test]
fn a_connection_that_is_kept_is_asked_each_time() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme", "--expires", "3s"]);
    let server = Server::start(folder.path());
    let mut stream = TcpStream::connect(&server.data).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(70))).unwrap();
    let mut ask = || {
        let text =
            format!("POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n", shows(&key));
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let count = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..count]).into_owned()
    };
    let mut served = 0;
    let refused = loop {
        let answer = ask();
        if !answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
        served += 1;
        thread::sleep(Duration::from_millis(20));
    };
    assert!(served > 0 && refused.starts_with("HTTP/1.1 401"), "{served}: {refused}");
    assert!(refused.contains(CHALLENGE_AGAIN), "{refused}");
}

#[test]
fn a_native_client_shows_its_key_with_its_hello() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme"]);
    let server = Server::start(folder.path());
    for shown in [None, Some("ot_"), Some(&*key.to_uppercase())] {
        let mut client = Client::silent(&server.data);
        let hello = Hello { key: shown.map(Into::into), ..Hello::from("stranger") };
        let hello = frame(0, &Request::Hello(hello), "");
        client.stream.write_all(&[hello, frame(1, &submit("echo"), "x")].concat()).unwrap();
        let refused = client.receive().unwrap();
        assert!(matches!(refused.reply, Reply::HelloRefused(_)), "{refused:?}");
        assert_eq!(
            (&refused.json()["status"], &refused.json()["code"]),
            (&401.into(), &"unauthorized".into())
        );
        assert!(client.receive().is_none(), "nothing behind it is read");
    }
    let mut client = Client::connect_with(&server.data, Some(&key));
    client.submit(1, "echo", "hello");
    assert_eq!(client.receive().unwrap().payload, "hello");
    // What is in flight ends; what comes later does not begin.
    client.submit(2, "sleep", r#"{"ms":3000}"#);
    assert!(keys(folder.path(), &["revoke", &key]).status.success());
    let mut id = 3;
    let refused = loop {
        client.submit(id, "echo", "hello");
        let received = client.receive().unwrap();
        if received.id != 2 && matches!(received.reply, Reply::Failed(_)) {
            break received;
        }
        id += 1;
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!((refused.failed().status, &*refused.failed().code), (401, "unauthorized"));
    let slept = client.receive().unwrap();
    assert_eq!((slept.id, slept.answered().status), (2, 200));
}

#[test]
fn with_keys_a_server_may_be_reached_from_elsewhere_and_without_them_not() {
    let folder = folder();
    let exposed = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
        command.args(["--demo", "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0"]);
        command.arg("--data").arg(folder.path());
        command
    };
    let refused = exposed().output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("overtime keys add"));
    let key = add_key(folder.path(), &["acme"]);
    let server = Server::spawn(exposed());
    let port = server.data.rsplit_once(':').unwrap().1;
    let ask = |fields: &str| {
        let text = format!(
            "POST /v1/tasks/echo HTTP/1.1\r\nHost: tasks.example\r\nConnection: close\r\n{fields}\r\n"
        );
        raw(&format!("127.0.0.1:{port}"), text.as_bytes()).status
    };
    assert_eq!((ask(""), ask(&format!("{}\r\n", shows(&key)))), (401, 200));
    // A key is proof, wherever the page is that shows it.
    let origin = "Origin: http://app.example\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!((ask(origin), ask(&format!("{origin}{}\r\n", shows(&key)))), (401, 200));
}

#[test]
fn a_server_does_not_start_with_keys_that_it_cannot_read() {
    let folder = folder();
    add_key(folder.path(), &["acme"]);
    let file = folder.path().join("keys.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let refused = overtime(folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("keys.toml is damaged"), "{told}");
    // A look at the folder says the same, and a restored file is all it takes.
    std::fs::write(&file, &text).unwrap();
    let server = Server::start(folder.path());
    server.signal("-TERM");
    assert!(server.wait().success());
    assert!(verify(folder.path()).starts_with("healthy: "));
    std::fs::write(&file, text.replace("acme", "evil")).unwrap();
    let page = verify(folder.path());
    assert!(page.starts_with("damaged: 1 thing is wrong"), "{page}");
    assert!(
        page.contains("keys.toml: its checksum") && page.contains("restore that file"),
        "{page}"
    );
}

#[test]
fn keys_that_are_damaged_while_the_server_runs_change_nothing() {
    let folder = folder();
    let key = add_key(folder.path(), &["acme"]);
    let mut command = overtime(folder.path());
    command.arg("--demo").stderr(std::process::Stdio::piped());
    let mut server = Server::spawn(command);
    let stderr = server.child.stderr.take().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stderr));
    let file = folder.path().join("keys.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("acme", "evil")).unwrap();
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("keys.toml is damaged") && line.contains("still count"), "{line}");
    assert_eq!((echo(&server, &[]).status, echo(&server, &[&shows(&key)]).status), (401, 200));
    assert!(!keys(folder.path(), &["add", "acme"]).status.success(), "it is not written over");
    std::fs::remove_file(&file).unwrap();
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("is gone") && line.contains("still count"), "{line}");
    assert_eq!((echo(&server, &[]).status, echo(&server, &[&shows(&key)]).status), (401, 200));
}
