//! The admin port as a plain socket sees it.

use overtime_console::{CONNECTIONS_MAX, Check, Console, Family, Sample, Window, start};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Default)]
struct Server {
    draining: AtomicBool,
    looks: AtomicU64,
}

impl Window for Server {
    fn checks(&self) -> Vec<Check> {
        let draining = self.draining.load(Ordering::SeqCst);
        let detail = if draining { "it \"drains\"" } else { "" };
        vec![
            Check { name: "journal", ok: true, detail: "writes".into() },
            Check { name: "accepting", ok: !draining, detail: detail.into() },
        ]
    }

    fn metrics(&self) -> Vec<Family> {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst);
        vec![Family::counter("overtime_looks", "Looks so far", [Sample::new(looks)])]
    }
}

fn console() -> (Console, SocketAddr, Arc<Server>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = Arc::new(Server::default());
    let window: Arc<dyn Window> = server.clone();
    (start(listener, window).unwrap(), address, server)
}

/// One request on a connection of its own: the whole answer, as text.
fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    try_ask(address, method, path).unwrap()
}

fn try_ask(address: SocketAddr, method: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head and a body").1
}

#[test]
fn a_running_process_is_alive() {
    let (console, address, _) = console();
    let answer = ask(address, "GET", "/livez");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(body(&answer), "ok\n");
    let head = ask(address, "HEAD", "/livez");
    assert!(head.starts_with("HTTP/1.1 200 ") && body(&head).is_empty(), "{head}");
    console.stop();
}

#[test]
fn it_is_ready_when_every_check_holds() {
    let (console, address, server) = console();
    let answer = ask(address, "GET", "/readyz");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let expected = concat!(
        r#"{"ready":true,"checks":{"journal":{"ok":true,"detail":"writes"},"#,
        r#""accepting":{"ok":true,"detail":""}}}"#
    );
    assert_eq!(body(&answer), expected);
    server.draining.store(true, Ordering::SeqCst);
    let answer = ask(address, "GET", "/readyz");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let failed = r#""accepting":{"ok":false,"detail":"it \"drains\""}"#;
    assert!(answer.contains(failed) && answer.contains(r#"{"ready":false,"#), "{answer}");
    console.stop();
}

#[test]
fn metrics_are_read_anew_at_each_look() {
    let (console, address, _) = console();
    let (first, second) = (ask(address, "GET", "/metrics"), ask(address, "GET", "/metrics"));
    assert!(first.contains("content-type: application/openmetrics-text; version=1.0.0"), "{first}");
    assert!(first.contains("overtime_looks_total 0\n# EOF\n"), "{first}");
    assert!(second.contains("overtime_looks_total 1\n# EOF\n"), "{second}");
    console.stop();
}

#[test]
fn nothing_can_be_steered_and_unknown_addresses_are_said_to_be() {
    let (console, address, _) = console();
    for path in ["/", "/livez", "/readyz", "/metrics"] {
        for method in ["POST", "PUT", "DELETE"] {
            let answer = ask(address, method, path);
            assert!(answer.starts_with("HTTP/1.1 405 "), "{method} {path}: {answer}");
            assert!(answer.contains("allow: GET,HEAD"), "{method} {path}: {answer}");
        }
        assert!(ask(address, "GET", path).starts_with("HTTP/1.1 200 "));
    }
    assert!(ask(address, "GET", "/").contains("/metrics"));
    assert!(ask(address, "GET", "/v1/tasks").starts_with("HTTP/1.1 404 "));
    console.stop();
}

#[test]
fn one_connection_too_many_is_told_so() {
    let (console, address, _) = console();
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut status = String::new();
        BufReader::new(&stream).read_line(&mut status).unwrap();
        assert!(status.starts_with("HTTP/1.1 200 "), "{status}");
        open.push(stream);
    }
    let mut refused = String::new();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.read_to_string(&mut refused).unwrap();
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    drop(open);
    // The console notices the hang-ups in its own time; until then it keeps refusing.
    let served = |answer: &String| answer.starts_with("HTTP/1.1 200 ");
    while try_ask(address, "GET", "/livez").ok().filter(served).is_none() {}
    console.stop();
}

#[test]
fn a_stopped_console_hangs_up_and_listens_no_more() {
    let (console, address, _) = console();
    let mut idle = TcpStream::connect(address).unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut status = String::new();
    BufReader::new(&idle).read_line(&mut status).unwrap();
    console.stop();
    idle.read_to_end(&mut Vec::new()).unwrap();
    assert!(TcpStream::connect(address).is_err(), "the port is closed");
}
