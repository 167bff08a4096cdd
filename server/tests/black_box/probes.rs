//! Probes of an upstream that is shed and hangs, through the real binary: few connections are held,
//! and they are given up before their kind's time is over.

use crate::support::{Server, folder};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// What came while the upstream hung.
struct Probe {
    /// So many connections were held then, its own among them.
    held: usize,
    task: String,
}

/// An upstream that answers 503 at first, and nothing any more once it is to hang.
struct Upstream {
    address: String,
    hang: Sender<()>,
    probes: Receiver<Probe>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (hang, told_to_hang) = channel();
        let (told, probes) = channel();
        thread::spawn(move || {
            let mut held: Vec<TcpStream> = Vec::new();
            let mut hangs = false;
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(head) = read(&stream) else { continue };
                hangs |= told_to_hang.try_recv().is_ok();
                if !hangs {
                    let refusal =
                        "HTTP/1.1 503 Away\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    let _ = (&stream).write_all(refusal.as_bytes());
                    continue;
                }
                // Who gives a call up has closed its connection before the next one is made.
                held.retain(is_held);
                held.push(stream);
                let task = field(&head, "idempotency-key: ").to_uppercase();
                if told.send(Probe { held: held.len(), task }).is_err() {
                    return;
                }
            }
        });
        Self { address, hang, probes }
    }
}

/// The head of a request, in lower case; its body is read too.
fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let mut body = vec![0; field(&head, "content-length: ").parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(head)
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    head.split(name).nth(1).unwrap().split("\r\n").next().unwrap()
}

/// Whether the other side has not closed it.
fn is_held(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    matches!(stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn state(server: &Server) -> String {
    server.get("/v1/upstreams/local").json()["state"].as_str().unwrap().to_owned()
}

/// Whether none but probes is out: no other call begins once it is shed.
fn only_probes_are_out(server: &Server) -> bool {
    let document = server.get("/v1/upstreams/local").json();
    document["calls"] == document["probes"]
}

#[test]
fn no_more_than_eight_connections_are_held_once_it_is_shed() {
    let upstream = Upstream::start();
    let folder = folder();
    let config = format!(
        "[upstreams.local]\nurl = \"http://{}\"\nprivate = true\nslow = \"100ms\"\ntimeout = \"10m\"\n\
         [kinds.\"job.run\"]\nupstream = \"local\"\n",
        upstream.address
    );
    let server = Server::start_configured(folder.path(), &config);
    while state(&server) == "open" {
        server.post("/v1/tasks/job.run?wait=0s", "");
    }
    while !only_probes_are_out(&server) {
        thread::yield_now();
    }
    upstream.hang.send(()).unwrap();
    for _ in 0..20 {
        server.post("/v1/tasks/job.run?wait=0s", "");
    }
    let probe = || upstream.probes.recv_timeout(Duration::from_secs(60)).unwrap();
    let probes: Vec<_> = (0..10).map(|_| probe()).collect();
    let most = probes.iter().map(|probe| probe.held).max();
    assert_eq!(most, Some(8), "those that hang make room for the next");
    let document = server.get(&format!("/v1/tasks/{}", probes[0].task)).json();
    let told = document["error"]["detail"].as_str().unwrap();
    assert_eq!(told, "local is not well, and has not answered this probe within 8s", "{document}");
}
