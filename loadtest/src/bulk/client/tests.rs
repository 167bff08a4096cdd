//! A caller and a server whose answers are written down.

use super::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

/// A server that gives these answers in order, whatever connection they are asked on, and tells
/// the first lines it was asked.
fn serve(answers: Vec<String>) -> (SocketAddr, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        let mut answers = answers.into_iter();
        while answers.len() > 0 {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while let Some(first) = next_request(&mut reader) {
                asked.push(first);
                let Some(answer) = answers.next() else { return asked };
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        }
        asked
    });
    (address, thread)
}

fn next_request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    head.lines().next().map(str::to_owned)
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

const RESULT: &str = r#"{"id":"T","state":"succeeded","items":3,"succeeded":2,"failed":1}"#;

fn bulk(target: SocketAddr) -> Vec<u8> {
    crate::request::post(target, "/v1/bulk/contacts.upsert", "application/x-ndjson", b"{}\n{}\n{}")
}

#[test]
fn what_was_accepted_is_followed_to_its_counters() {
    let (target, server) = serve(vec![
        reply("202 Accepted", "", r#"{"id":"T","state":"queued","attempts":0}"#),
        reply("200 OK", "", r#"{"id":"T","state":"running","attempts":1}"#),
        reply("200 OK", "", r#"{"id":"T","state":"succeeded","attempts":1}"#),
        reply("200 OK", "", RESULT),
    ]);
    let mut client = BulkClient::new(target);
    assert_eq!(client.post(&bulk(target)).unwrap(), Answer::Accepted("T".into()));
    let result = client.follow("T", Duration::from_secs(60)).unwrap();
    assert_eq!(result, BulkResult { items: 3, succeeded: 2, failed: 1 });
    drop(client);
    let asked = server.join().unwrap();
    assert_eq!(asked[1..3], ["GET /v1/tasks/T HTTP/1.1", "GET /v1/tasks/T HTTP/1.1"]);
    assert_eq!(asked[3], "GET /v1/tasks/T/result HTTP/1.1");
}

#[test]
fn a_refusal_says_when_to_come_back_and_the_next_try_has_a_new_connection() {
    let (target, server) = serve(vec![
        reply("503 Service Unavailable", "Retry-After: 2\r\n", "{}"),
        reply("422 Unprocessable Content", "", RESULT),
        reply("200 OK", "", RESULT),
    ]);
    let mut client = BulkClient::new(target);
    let retry_after = Some(Duration::from_secs(2));
    let refused = client.post(&bulk(target)).unwrap();
    assert_eq!(refused, Answer::Refused { status: 503, retry_after });
    let refused = client.post(&bulk(target)).unwrap();
    assert_eq!(refused, Answer::Refused { status: 422, retry_after: None });
    let done = client.post(&bulk(target)).unwrap();
    assert_eq!(done, Answer::Done(BulkResult { items: 3, succeeded: 2, failed: 1 }));
    drop(client);
    assert_eq!(server.join().unwrap().len(), 3);
}

#[test]
fn a_refusal_before_the_end_of_the_body_is_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
        stream.write_all(reply("413 Too Large", "", "{}").as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Reads what is still under way, as a server does that wants its answer to be read.
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    });
    let body = vec![b' '; 10_000_000];
    let request = crate::request::post(target, "/v1/bulk/contacts.upsert", "text/csv", &body);
    let refused = BulkClient::new(target).post(&request).unwrap();
    assert_eq!(refused, Answer::Refused { status: 413, retry_after: None });
    server.join().unwrap();
}

#[test]
fn no_answer_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || drop(listener.accept()));
    assert!(BulkClient::new(target).post(&bulk(target)).is_err());
    server.join().unwrap();
}
