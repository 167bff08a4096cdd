//! Answers that no overtime server gives: whatever comes, a call ends, with an error that can be acted
//! on or an outcome, and costs no more than the budget.

use super::clock::JumpingClock;
use super::native_server::{Connection, serve};
use super::server::{Act, Server, task};
use overtime_client::manners::Random;
use overtime_client::{Client, Submission, Submitted};
use std::time::Duration;

/// Heads and bodies that are broken, or say what nobody can mean.
fn strange_answers() -> Vec<Vec<u8>> {
    let problem = |members: &str| {
        let length = members.len();
        format!("HTTP/1.1 503 S\r\nContent-Length: {length}\r\n\r\n{members}")
    };
    let texts = [
        String::new(),
        "\r\n\r\n".to_owned(),
        "garbage\r\n\r\n".to_owned(),
        "HTTP/1.1 abc\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nno chunk".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
        "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
        "HTTP/1.1 503 S\r\nContent-Length: 0\r\nRetry-After: -1\r\n\r\n".to_owned(),
        format!("HTTP/1.1 503 S\r\nContent-Length: 0\r\nRetry-After: {}\r\n\r\n", u64::MAX),
        format!("HTTP/1.1 503 S\r\nContent-Length: 0\r\nRetry-After: {}\r\n\r\n", "9".repeat(400)),
        "HTTP/1.1 503 S\r\nContent-Length: 0\r\nRetry-After: soon\r\n\r\n".to_owned(),
        problem(r#"{"retryable":true,"submitted":"no","retry_after_ms":-5}"#),
        problem(r#"{"retryable":true,"submitted":"no","retry_after_ms":1e300}"#),
        problem(&format!(
            r#"{{"retryable":true,"submitted":"no","retry_after_ms":1{}}}"#,
            "0".repeat(400)
        )),
        problem(r#"{"retryable":true,"submitted":"no","retry_after_ms":true}"#),
        problem(r#"{"retryable":1,"submitted":[],"code":{},"task_id":"../../etc"}"#),
        problem(&"[".repeat(100_000)),
        "HTTP/1.1 202 A\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
        "HTTP/1.1 202 A\r\nContent-Length: 2\r\nOvertime-Task: no-id\r\n\r\n[]".to_owned(),
        "HTTP/1.1 401 U\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 999 U\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ];
    let mut answers: Vec<Vec<u8>> = texts.map(String::into_bytes).into();
    let mut random = Random::new(1);
    // A head that is an answer's, with a byte that is not.
    let sound = b"HTTP/1.1 503 S\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}".to_vec();
    answers.extend((0..50).map(|_| {
        let mut bytes = sound.clone();
        let place = random.next_u64() as usize % bytes.len();
        bytes[place] = random.next_u64() as u8;
        bytes
    }));
    answers
}

#[test]
fn nothing_that_a_server_says_over_http_breaks_a_client() {
    for answer in strange_answers() {
        let told = String::from_utf8_lossy(&answer[..answer.len().min(80)]).into_owned();
        let server = Server::saying([Act::Raw(answer)]);
        let client = Client::builder(&server.base).clock(server.clock.clone()).seed(1);
        let client = client.deadline(Duration::from_secs(20)).build().unwrap();
        let error = client.submit(&Submission::new("echo", "hello"));
        if let Err(error) = error {
            assert!(!error.to_string().is_empty() && error.idempotency_key.is_some(), "{told}");
        }
        let _ = client.wait_for(task(), Duration::from_secs(20));
        let _ = (client.task(task()), client.result(task()), client.tasks(""));
        assert!(server.asked().len() <= 5 + 10 + client.stats().polls as usize + 1, "{told}");
    }
}

#[test]
fn nothing_that_a_server_says_over_frames_breaks_a_client() {
    let garble = |connection: &mut Connection| {
        let asked = connection.submission();
        let mut random = Random::new(u64::from(asked.id));
        let bytes: Vec<u8> = (0..64).map(|_| random.next_u64() as u8).collect();
        connection.write(&bytes);
    };
    let stop = |connection: &mut Connection| {
        let asked = connection.submission();
        // The head of an answer whose payload never comes.
        connection.announce(asked.id, 1_000_000);
    };
    let mistake = |connection: &mut Connection| {
        let asked = connection.submission();
        connection.answer(asked.id + 1, b"somebody else's");
    };
    let (address, server) = serve(10, [garble, stop, mistake, garble]);
    let client = Client::builder(&address).clock(JumpingClock::default()).seed(1).build().unwrap();
    let error = client.submit(&Submission::new("echo", "hello")).unwrap_err();
    assert_eq!(error.submitted, Submitted::Unknown, "{error}");
    server.join().unwrap();
}
