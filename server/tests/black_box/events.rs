//! Following a task: each event once, in order, until the last, over a connection that breaks and
//! over a restart.

use crate::support::{Server, folder};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// A stream of events, read one by one.
struct Stream {
    lines: std::io::Lines<BufReader<TcpStream>>,
}

impl Stream {
    fn open(address: &str, task: &str, last: Option<u64>) -> Self {
        let mut text = format!("GET /v1/tasks/{task}/events HTTP/1.1\r\nHost: {address}\r\n");
        if let Some(last) = last {
            write!(text, "Last-Event-ID: {last}\r\n").unwrap();
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(70))).unwrap();
        write!(stream, "{text}\r\n").unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "HTTP/1.1 200 OK");
        let head: Vec<String> =
            lines.by_ref().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        assert!(head.contains(&"Content-Type: text/event-stream".to_owned()), "{head:?}");
        Self { lines }
    }
}

/// The id and the data of each event, to the end of the stream: a chunk of no bytes.
impl Iterator for Stream {
    type Item = (u64, Value);

    fn next(&mut self) -> Option<Self::Item> {
        let mut id = 0;
        loop {
            let line = self.lines.next().expect("the end of a stream is told").unwrap();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().unwrap();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((id, serde_json::from_str(data).unwrap()));
            } else if line == "0" {
                return None;
            }
        }
    }
}

fn is_final(data: &Value) -> bool {
    ["succeeded", "failed", "cancelled"].iter().any(|state| data["state"] == *state)
}

/// Follows a task, and breaks the connection every few events.
fn follow_restlessly(address: &str, task: &str) -> Vec<(u64, Value)> {
    let mut events: Vec<(u64, Value)> = Vec::new();
    for patience in 1.. {
        let last = events.last().map(|&(id, _)| id);
        events.extend(Stream::open(address, task, last).take(patience));
        if events.last().is_some_and(|(_, data)| is_final(data)) {
            break;
        }
    }
    events
}

#[test]
fn followers_of_a_bulk_task_see_the_same_events_once_each_until_the_last() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut body = String::new();
    for number in 0..10_000 {
        writeln!(body, r#"{{"email":"c{number}@example.com"}}"#).unwrap();
    }
    let fields = ["Content-Type: application/x-ndjson", "Prefer: respond-async"];
    let accepted = server.request("POST", "/v1/bulk/contacts.upsert", &fields, &body);
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let task = accepted.task();
    let (address, followed) = (server.data.clone(), task.clone());
    let restless = thread::spawn(move || follow_restlessly(&address, &followed));
    let steady: Vec<_> = Stream::open(&server.data, &task, None).collect();
    let restless = restless.join().unwrap();
    assert_eq!(restless, steady);

    assert!(steady.is_sorted_by(|(one, _), (next, _)| one < next), "{steady:?}");
    assert_eq!(steady[0].1["state"], "queued");
    let (_, last) = steady.last().unwrap();
    assert_eq!(last["state"], "succeeded");
    assert_eq!(steady.iter().filter(|(_, data)| is_final(data)).count(), 1);
    let done: Vec<u64> =
        steady.iter().filter_map(|(_, data)| data["progress"]["done"].as_u64()).collect();
    assert!(done.len() > 3 && done.is_sorted(), "{done:?}");
    for (id, data) in &steady {
        assert_eq!((&data["task"], &data["sequence"]), (&task.clone().into(), &(*id).into()));
    }

    server.kill();
    let server = Server::start(folder.path());
    let replayed: Vec<_> = Stream::open(&server.data, &task, None).collect();
    assert_eq!(replayed, steady);
}

#[test]
fn a_parked_task_is_followed_on() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let task = server.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":5}"#).task();
    let mut stream = Stream::open(&server.data, &task, None);
    let live: Vec<_> = stream.by_ref().take_while(|(_, data)| data["state"] != "parked").collect();
    let retries = live.iter().filter(|(_, data)| data["state"] == "retrying").count();
    assert_eq!(retries, 3, "{live:?}");
    let mut again = Stream::open(&server.data, &task, None);
    assert_eq!(again.by_ref().take(live.len()).collect::<Vec<_>>(), live);
    let (_, parked) = again.next().unwrap();
    assert_eq!(
        (&parked["state"], &parked["error"]["class"]),
        (&"parked".into(), &"ephemeral".into())
    );
    server.signal("-TERM");
    assert!(stream.next().is_none() && again.next().is_none(), "the server ended it");
}

#[test]
fn a_parked_task_is_followed_until_it_runs_again_and_ends() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let task = server.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":5}"#).task();
    server.wait_for(&task, &["parked"]);
    let mut stream = Stream::open(&server.data, &task, None);
    let parked = stream.by_ref().find(|(_, data)| data["state"] == "parked").unwrap();
    assert_eq!(parked.1["error"]["class"], "ephemeral");
    let retried = server.post(&format!("/v1/tasks/{task}/retry"), "");
    assert_eq!(retried.status, 202, "{retried:?}");
    let rest: Vec<_> = stream.collect();
    let states: Vec<_> = rest.iter().filter_map(|(_, data)| data["state"].as_str()).collect();
    assert_eq!((states.first(), states.last()), (Some(&"queued"), Some(&"succeeded")));
    let again: Vec<_> = Stream::open(&server.data, &task, Some(parked.0)).collect();
    assert_eq!(again, rest);
}

#[test]
fn nothing_is_streamed_of_a_task_that_is_not_there_or_behind_its_end() {
    let folder = folder();
    let server = Server::start(folder.path());
    let unknown = server.get("/v1/tasks/01KAHP5ZQ00000000000000000/events");
    assert_eq!((unknown.status, unknown.code()), (404, "unknown-task".to_owned()));
    let task = server.post("/v1/tasks/contacts.upsert", r#"{"email":"a@example.com"}"#).task();
    let events: Vec<_> = Stream::open(&server.data, &task, None).collect();
    let (last, data) = events.last().unwrap();
    assert!(is_final(data));
    let after = server.get(&format!("/v1/tasks/{task}/events?after={last}"));
    assert_eq!((after.status, &*after.body), (204, ""), "{after:?}");
    let malformed = server.get(&format!("/v1/tasks/{task}/events?after=x"));
    assert_eq!((malformed.status, malformed.code()), (400, "malformed-parameter".to_owned()));
    let head = server.request("HEAD", &format!("/v1/tasks/{task}/events"), &[], "");
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[test]
fn a_signal_ends_the_streams_in_order() {
    let folder = folder();
    let server = Server::start_with(folder.path(), &[]);
    let task = server.post("/v1/tasks/echo?delay=1m&wait=0s", "later").task();
    let mut stream = Stream::open(&server.data, &task, None);
    assert_eq!(stream.next().unwrap().1["state"], "queued");
    server.signal("-TERM");
    assert!(stream.next().is_none(), "the end is told");
    assert!(server.wait().success());
}
