//! Outages as a client sees them: what is sent meanwhile is counted where it arrives.

use super::clock::JumpingClock;
use super::server::{Act, Server};
use overtime_client::{Cause, Client, Clock, Submission, Submitted};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const CALLS: u64 = 300;

fn hello() -> Submission {
    Submission::new("echo", "hello")
}

/// However a server fails, it gets no more than a tenth on top of what its callers want, and the ten
/// repetitions that a client has from the start.
#[test]
fn an_outage_is_not_made_worse() {
    let outages: [fn(u64) -> Act; 4] = [
        |_| Act::problem(503, true, "no").with("Retry-After: 1"),
        |_| Act::HangUp,
        |number| if number % 3 == 0 { Act::answer(200, "") } else { Act::problem(429, true, "no") },
        |number| if number % 2 == 0 { Act::HangUp } else { Act::answer(503, "") },
    ];
    for (index, outage) in outages.into_iter().enumerate() {
        let mut number = 0;
        let server = Server::start(move |_| {
            number += 1;
            outage(number)
        });
        let client = server.client();
        for _ in 0..CALLS {
            let _ = client.submit(&hello());
            server.clock.sleep(Duration::from_millis(100));
        }
        let sent = server.asked().len() as u64;
        let stats = client.stats();
        assert_eq!((sent, stats.first_attempts), (stats.offered(), CALLS), "{index}");
        assert!(sent <= CALLS + CALLS / 10 + 10, "{index}: {stats:?}");
        assert!(
            stats.repetitions >= CALLS / 10,
            "{index}: {stats:?}: the budget is there to be used"
        );
    }
}

#[test]
fn threads_share_one_budget() {
    let server = Server::saying([Act::problem(503, true, "no")]);
    let client = Arc::new(server.client());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || (0..25).for_each(|_| drop(client.submit(&hello()))))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let sent = server.asked().len();
    assert!((200..=230).contains(&sent), "{sent}");
}

/// Where nobody listens, a client gives up knocking, looks now and then, and is back when somebody
/// is.
#[test]
fn where_nobody_listens_calls_fail_at_once_until_somebody_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let clock = JumpingClock::default();
    let client = Client::builder(&format!("http://{address}")).clock(clock.clone()).seed(3);
    let client = client.deadline(Duration::from_secs(600)).build().unwrap();
    let mut kept_back = 0;
    for _ in 0..200 {
        let error = client.submit(&hello()).unwrap_err();
        assert_eq!(error.submitted, Submitted::No);
        kept_back += u64::from(matches!(error.cause, Cause::NobodyListens(_)));
        clock.sleep(Duration::from_millis(100));
    }
    let stats = client.stats();
    assert_eq!((stats.first_attempts + kept_back, stats.kept_back), (200, kept_back));
    assert!(stats.offered() < 40, "{stats:?}");

    // Behind the longest time between two probes the next call is one.
    clock.sleep(Duration::from_secs(30));
    let listener = TcpListener::bind(address).unwrap();
    let server = thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    });
    let done = client.submit(&hello()).unwrap().done().unwrap();
    assert_eq!(*done.body, *b"hi");
    server.join().unwrap();
}
