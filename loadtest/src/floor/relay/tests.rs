//! The relay answers raw sockets, however their bytes come, and a measured run in this process.

use super::Relay;
use crate::load::{LoadShape, Work};
use crate::measurement::Plan;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

fn start(sync: Option<&Path>) -> SocketAddr {
    let relay = Relay::start(TcpListener::bind("127.0.0.1:0").unwrap(), sync).unwrap();
    let address = relay.address().unwrap();
    std::thread::spawn(move || relay.run());
    address
}

fn read_exactly(stream: &mut TcpStream, expected: &[u8]) {
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), String::from_utf8_lossy(expected));
}

#[test]
fn a_request_split_at_every_byte_is_answered_with_its_body() {
    let mut stream = TcpStream::connect(start(None)).unwrap();
    stream.set_nodelay(true).unwrap();
    let request = b"POST /v1/tasks/echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    for split in 0..=request.len() {
        stream.write_all(&request[..split]).unwrap();
        stream.write_all(&request[split..]).unwrap();
        read_exactly(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut stream = TcpStream::connect(start(None)).unwrap();
    let mut expected = Vec::new();
    for number in 0..2_000 {
        let body = "x".repeat(number % 40);
        let head = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(format!("POST / HTTP/1.1\r\n{head}").as_bytes()).unwrap();
        expected.extend_from_slice(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes());
    }
    read_exactly(&mut stream, &expected);
}

#[test]
fn a_body_larger_than_the_buffers_comes_back() {
    let mut stream = TcpStream::connect(start(None)).unwrap();
    let body = vec![b'x'; 1_000_000];
    stream.write_all(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n").unwrap();
    stream.write_all(&body).unwrap();
    read_exactly(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    read_exactly(&mut stream, &body);
}

#[test]
fn with_sync_the_bodies_are_in_the_file_when_they_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring");
    let mut stream = TcpStream::connect(start(Some(&path))).unwrap();
    for body in ["first", "later"] {
        write!(stream, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n{body}").unwrap();
        read_exactly(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        read_exactly(&mut stream, body.as_bytes());
    }
    let mut written = [0; 11];
    std::fs::File::open(&path).unwrap().read_exact(&mut written).unwrap();
    assert_eq!(&written, b"firstlater\0");
}

fn measure(work: Work, rate: Option<u32>) -> crate::measurement::Summary {
    let shape = LoadShape { target: start(None), bytes: 256, emails: 100, seed: 1 };
    let plan = Plan {
        work,
        shape,
        connections: 4,
        warmup: Duration::ZERO,
        measured: Duration::from_millis(200),
        rate: rate.map(|rate| rate.try_into().unwrap()),
        pid: None,
    };
    plan.run().unwrap().summary
}

#[test]
fn a_closed_loop_is_answered_without_errors() {
    for work in [Work::Echo, Work::Upsert] {
        let summary = measure(work, None);
        assert!(summary.ok > 0 && summary.error_count() == 0, "{summary}");
        assert!(summary.latency.p50_ms > 0.0 && summary.latency.max_ms >= summary.latency.p50_ms);
    }
}

#[test]
fn an_open_loop_sends_exactly_what_is_due() {
    let summary = measure(Work::Echo, Some(500));
    assert_eq!((summary.ok, summary.error_count()), (100, 0), "{summary}");
}
