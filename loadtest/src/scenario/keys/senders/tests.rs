//! What each answer leaves in the ledger, and what becomes of requests whose answer is lost.

use super::*;
use std::time::Instant;

const TASK: &[u8] = b"HTTP/1.1 200 OK\r\nOvertime-Task: one\r\n\r\n";
const REPLAY: &[u8] =
    b"HTTP/1.1 200 OK\r\nOvertime-Task: one\r\nIdempotency-Replayed: true\r\n\r\n";

fn target() -> SocketAddr {
    "127.0.0.1:1".parse().unwrap()
}

fn answer(senders: &mut impl Workload, slot: usize, response: Response<'_>) {
    let now = Instant::now();
    senders.answered(Exchange { slot, sent_at: now, answered_at: now, response });
}

fn send(senders: &mut impl Workload, slot: usize) -> bool {
    let now = Instant::now();
    matches!(senders.next(slot, now, now), Next::Send(_))
}

fn ok(head: &[u8]) -> Response<'_> {
    Response { status: 200, head, body: b"{\"version\":1}" }
}

#[test]
fn what_is_sent_behind_a_result_has_to_be_a_replay() {
    let mut ledger = Ledger::new(1, 4, 1);
    let mut senders = Senders::new(target(), &mut ledger, 2);
    assert!(send(&mut senders, 0) && send(&mut senders, 1));
    answer(&mut senders, 0, ok(TASK));
    // It was under way with the first one: it may have been attached.
    answer(&mut senders, 1, ok(TASK));
    assert!(send(&mut senders, 0) && send(&mut senders, 1));
    answer(&mut senders, 0, ok(REPLAY));
    answer(&mut senders, 1, ok(TASK));
    let counts = ledger.counts();
    assert_eq!((counts.finished, counts.replays, counts.unmarked), (4, 1, 1));
    assert_eq!((ledger.keys_astray(), counts.wrong_versions, counts.nonsense), (0, 0, 0));
}

#[test]
fn another_task_another_version_and_another_status_are_each_told() {
    let mut ledger = Ledger::new(1, 3, 1);
    let mut senders = Senders::new(target(), &mut ledger, 1);
    let other = b"HTTP/1.1 200 OK\r\nOvertime-Task: two\r\nIdempotency-Replayed: true\r\n\r\n";
    let responses = [
        ok(TASK),
        Response { status: 200, head: other, body: b"{\"version\":2}" },
        Response { status: 422, head: b"", body: b"reused" },
    ];
    for response in responses {
        assert!(send(&mut senders, 0));
        answer(&mut senders, 0, response);
    }
    let counts = ledger.counts();
    assert_eq!((ledger.keys_astray(), counts.wrong_versions, counts.nonsense), (1, 1, 1));
    assert_eq!(ledger.first_nonsense(), Some("422 reused"));
}

#[test]
fn what_was_refused_for_now_or_lost_is_sent_again() {
    let mut ledger = Ledger::new(1, 2, 1);
    let mut senders = Senders::new(target(), &mut ledger, 2);
    assert!(send(&mut senders, 0) && send(&mut senders, 1) && !send(&mut senders, 0));
    answer(&mut senders, 0, Response { status: 503, head: b"", body: b"" });
    senders.broken(1, Loss::Answer, &Broken::Closed);
    assert_eq!((ledger.left(), ledger.counts().refused, ledger.counts().lost), (2, 1, 1));
}

#[test]
fn nothing_is_sent_behind_the_kill_and_what_it_cost_is_put_back() {
    let mut ledger = Ledger::new(4, 1, 1);
    let mut kills = 0;
    let senders = Senders::new(target(), &mut ledger, 2);
    let mut killing = Killing::new(senders, 2, || {
        kills += 1;
        Ok(())
    });
    assert!(send(&mut killing, 0) && send(&mut killing, 1));
    answer(&mut killing, 0, ok(TASK));
    assert!(!send(&mut killing, 0));
    assert_eq!(killing.broken(1, Loss::Answer, &Broken::Closed), AfterBreak::Retire);
    killing.outcome().unwrap();
    assert_eq!((kills, ledger.left()), (1, 3));
}

#[test]
fn a_server_that_is_never_killed_is_told() {
    let mut ledger = Ledger::new(1, 1, 1);
    let senders = Senders::new(target(), &mut ledger, 1);
    assert!(Killing::new(senders, 0, || Ok(())).outcome().is_err());
}
