//! Whom the server answers to.

use crate::support::{Server, folder, raw};
use std::process::Command;

fn ask(server: &Server, head: &str) -> (u16, String) {
    let answer = raw(&server.data, format!("{head}Connection: close\r\n\r\n").as_bytes());
    (answer.status, answer.body)
}

#[test]
fn a_page_whose_name_was_pointed_at_loopback_is_refused() {
    let folder = folder();
    let server = Server::start(folder.path());
    let submit = "POST /v1/tasks/echo HTTP/1.1\r\nHost: ";
    let port = server.data.rsplit_once(':').unwrap().1;
    for host in ["evil.example", &format!("evil.example:{port}"), "localhost.evil.example"] {
        // Such a page is of the same origin as the server, and its browser says so.
        let head =
            format!("{submit}{host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n");
        let (status, body) = ask(&server, &head);
        assert!(status == 403 && body.contains("\"code\":\"forbidden-host\""), "{host}: {body}");
    }
    for host in [&*server.data, "localhost", &format!("[::1]:{port}"), "tasks.localhost"] {
        assert_eq!(ask(&server, &format!("{submit}{host}\r\n")).0, 200, "{host}");
    }
    assert_eq!(ask(&server, "POST /v1/tasks/echo HTTP/1.0\r\n").0, 200);
}

#[test]
fn a_server_that_others_may_reach_answers_to_every_name() {
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["--insecure", "--demo", "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0"]);
    command.arg("--data").arg(folder.path());
    let server = Server::spawn(command);
    let port = server.data.rsplit_once(':').unwrap().1;
    let text = "POST /v1/tasks/echo HTTP/1.1\r\nHost: tasks.example\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(&format!("127.0.0.1:{port}"), text.as_bytes()).status, 200);
}
