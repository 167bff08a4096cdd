//! What a client says about its calls is held against what the server has afterwards, while the server
//! is killed again and again: nothing is done twice, nothing that was told done is missing, and nothing
//! that was told not to be submitted is there.

use super::start_at;
use crate::support::{Server, folder};
use overtime_client::{Client, Error, Outcome, Submission, Submitted};
use overtime_protocol::IdempotencyKey;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: usize = 4;

/// How long a call may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// How long a caller stays away that was told to.
const PAUSE_MOST: Duration = Duration::from_millis(100);

/// More kills, for whoever has more time.
const ROUNDS: &str = "OVERTIME_CLIENT_ROUNDS";

/// Work that was asked for, and what its client said about it.
struct Call {
    number: u64,
    told: Result<Outcome, Error>,
}

/// Says that it is over when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn what_is_said_about_a_call_is_true_whenever_the_server_is_killed() {
    let rounds = std::env::var(ROUNDS).map_or(4, |text| text.parse().expect("a number"));
    for scheme in ["http", "overtime"] {
        let folder = folder();
        let mut server = Server::start(folder.path());
        let address = server.data.clone();
        let client = Client::builder(&format!("{scheme}://{address}"));
        let client = client.build().unwrap();
        let (next, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        let (server, calls): (Server, Vec<Call>) = thread::scope(|scope| {
            let call = || calls(&client, &next, &is_over);
            let callers: Vec<_> = (0..THREADS).map(|_| scope.spawn(call)).collect();
            // Whatever becomes of this thread, the callers end.
            let over = Over(&is_over);
            for _ in 0..rounds {
                // Some calls are answered between two kills, and some are under way at each.
                let seen = next.load(Ordering::SeqCst);
                while next.load(Ordering::SeqCst) < seen + 40 {
                    thread::yield_now();
                }
                server.kill();
                server = start_at(&address, folder.path());
            }
            drop(over);
            let calls = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
            (server, calls)
        });
        let done = calls.iter().filter(|call| call.told.is_ok()).count();
        assert!(done >= 10 * rounds, "{scheme}: {done} of {} are done", calls.len());
        calls.iter().for_each(|call| check(&server, &client, call.number, &call.told));
        let stats = client.stats();
        assert!(stats.repetitions <= 10 + stats.first_attempts / 10, "{scheme}: {stats:?}");
    }
}

fn calls(client: &Client, next: &AtomicU64, is_over: &AtomicBool) -> Vec<Call> {
    let mut calls = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let told = submit(client, number, DEADLINE);
        if let Err(error) = &told {
            // Where nobody listens, the next call would fail at once too.
            thread::sleep(error.retry_after().unwrap_or_default().min(PAUSE_MOST));
        }
        calls.push(Call { number, told });
    }
    calls
}

/// Every fourth call is one of many contacts.
fn is_bulk(number: u64) -> bool {
    number % 4 == 3
}

fn emails(number: u64) -> Vec<String> {
    let count = if is_bulk(number) { 20 } else { 1 };
    (0..count).map(|item| format!("c{number}-{item}@example.com")).collect()
}

/// The call with that number: it adds contacts that no other call adds.
pub(super) fn submit(client: &Client, number: u64, deadline: Duration) -> Result<Outcome, Error> {
    let items = emails(number).iter().map(|email| format!("{{\"email\":\"{email}\"}}\n")).collect();
    let key = IdempotencyKey::new(&format!("call-{number}")).unwrap();
    let submission = Submission::new("contacts.upsert", String::into_bytes(items));
    let submission = submission.key(key).deadline(deadline);
    match is_bulk(number) {
        true => client.submit_bulk(&submission.content_type("application/x-ndjson")),
        false => client.submit(&submission),
    }
}

/// How often each contact of the call was added; 0 if it is not there.
fn versions(server: &Server, number: u64) -> Vec<u64> {
    let look = |email: &String| {
        let found = server.get(&format!("/v1/contacts/{email}"));
        match found.status {
            404 => 0,
            _ => found.json()["version"].as_u64().unwrap(),
        }
    };
    emails(number).iter().map(look).collect()
}

/// The contacts are there once if it was told done, not at all if it was told not to be submitted, and
/// in any case once behind a repetition with the same key.
pub(super) fn check(server: &Server, client: &Client, number: u64, told: &Result<Outcome, Error>) {
    let found = versions(server, number);
    match told {
        Ok(Outcome::Done(done)) => {
            assert!(found.iter().all(|&version| version == 1), "{number}: {done:?}, {found:?}");
        }
        Err(error) if error.submitted == Submitted::No => {
            assert!(found.iter().all(|&version| version == 0), "{number}: {error:?}, {found:?}");
        }
        Ok(Outcome::Pending(_)) | Err(_) => {}
    }
    repeat(client, number);
    let found = versions(server, number);
    assert!(found.iter().all(|&version| version == 1), "{number}: {told:?}, {found:?}");
}

/// The same call again, until it is done.
fn repeat(client: &Client, number: u64) {
    // Whatever was under way at three kills in a row is suspected of them.
    while let Outcome::Pending(pending) = submit(client, number, DEADLINE).unwrap() {
        client.retry(pending.task).unwrap();
    }
}
