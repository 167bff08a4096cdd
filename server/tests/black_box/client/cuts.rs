//! A line that is cut anywhere, and a server that stands still: the answer gets lost, and nobody knows
//! whether the work was done. The same call again has it done once.

use super::chaos::{DEADLINE, check, submit};
use crate::support::{Server, folder};
use overtime_client::manners::{Allowance, Backoff, Random, Rules};
use overtime_client::{Client, Submitted};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const CALLS: u64 = 60;

/// A call and its answer are some hundred bytes each, or a thousand.
const CUT_MOST_BYTES: u64 = 2_500;

/// A client that does not run out of repetitions, nor waits long for the next.
fn patient(address: &str) -> Client {
    let allowance = Allowance { initial: 10_000, most: 10_000, percent: 10 };
    let repetitions = Backoff { first: Duration::from_millis(1), most: Duration::from_millis(20) };
    let rules = Rules { allowance, repetitions, ..Rules::default() };
    Client::builder(address).rules(rules).build().unwrap()
}

#[test]
fn a_line_that_is_cut_anywhere_costs_no_work_and_doubles_none() {
    for scheme in ["http", "overtime"] {
        let folder = folder();
        let server = Server::start(folder.path());
        let line = cut_line(&server.data);
        let client = patient(&format!("{scheme}://{line}"));
        for number in 0..CALLS {
            let told = submit(&client, number, DEADLINE);
            assert!(told.is_ok(), "{scheme}: {told:?}");
            check(&server, &patient(&format!("{scheme}://{}", server.data)), number, &told);
        }
        let stats = client.stats();
        assert!(stats.repetitions >= CALLS / 10, "{scheme}: it was cut: {stats:?}");
    }
}

/// A way to the server whose connections end behind some bytes, there or back. Its threads end with
/// the test.
fn cut_line(server: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = listener.local_addr().unwrap().to_string();
    let (server, mut random) = (server.to_owned(), Random::new(1));
    thread::spawn(move || {
        for caller in listener.incoming() {
            let (caller, callee) = (caller.unwrap(), TcpStream::connect(&server).unwrap());
            for (from, to) in [(&caller, &callee), (&callee, &caller)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let left = random.next_u64() % CUT_MOST_BYTES;
                thread::spawn(move || carry(from, to, left as usize));
            }
        }
    });
    line
}

/// Carries so many bytes and cuts the line in both directions.
fn carry(mut from: TcpStream, mut to: TcpStream, mut left: usize) {
    let mut bytes = [0; 256];
    while left > 0 {
        let room = bytes.len().min(left);
        match from.read(&mut bytes[..room]) {
            Ok(count) if count > 0 && to.write_all(&bytes[..count]).is_ok() => left -= count,
            _ => break,
        }
    }
    // Whoever was faster has cut it already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn what_a_server_that_stands_still_was_sent_is_done_once() {
    for scheme in ["http", "overtime"] {
        let folder = folder();
        let server = Server::start(folder.path());
        let client = patient(&format!("{scheme}://{}", server.data));
        // So that there is a connection.
        submit(&client, 0, DEADLINE).unwrap();
        for number in 1..4 {
            server.signal("-STOP");
            let told = submit(&client, number, Duration::from_millis(500));
            server.signal("-CONT");
            let error = told.as_ref().expect_err("nobody answers");
            assert_eq!(error.submitted, Submitted::Unknown, "{scheme}: {error}");
            check(&server, &client, number, &told);
        }
    }
}
