//! Idempotency keys: who holds one, how its request is answered again, and when it is free.

use crate::support::*;
use bytes::Bytes;
use overtime_journal::Options;
use overtime_protocol::record::Record;
use overtime_protocol::{
    Answer, Claim, Code, Finding, Fingerprint, Holder, KeyHash, Payload, Question, TaskState,
    UnixMillis,
};
use std::path::Path;
use std::time::Duration;

/// The tasks of these tests ended in 1970.
fn kept(folder: &Path, key_keep: Duration) -> Options {
    Options { key_keep, ..small(folder) }
}

fn fingerprint(payload: &'static str) -> Fingerprint {
    Fingerprint::of(Some("text/plain"), &[Bytes::from_static(payload.as_bytes())])
}

fn claim(key: u8) -> Claim {
    Claim { key: KeyHash([key; 16]), fingerprint: fingerprint("in") }
}

fn claiming(key: u8, record: Record) -> Record {
    Record { claim: Some(claim(key)), ..record }
}

/// Who holds that key, asked with that payload.
fn holder_of(running: &Running, key: u8, payload: &'static str) -> Option<Holder> {
    let sealed = Payload::seal(vec![Bytes::from_static(payload.as_bytes())]);
    let content_type = Some("text/plain".into());
    let key = KeyHash([key; 16]);
    match running.find_out(Question::Key { key, payload: sealed, content_type }) {
        Finding::Key { fingerprint: found, holder } => {
            assert_eq!(found, fingerprint(payload));
            holder.map(|holder| *holder)
        }
        other => panic!("{other:?}"),
    }
}

fn number_of_holder(running: &Running, key: u8) -> Option<u64> {
    holder_of(running, key, "in").map(|holder| holder.task.key())
}

fn check_holders(running: &Running) {
    let expires = Some(UnixMillis(9_500) + CENTURY);
    let replay = |key| {
        let holder = holder_of(running, key, "another").expect("somebody holds it");
        assert_eq!((holder.task, holder.fingerprint), (task(key.into()), fingerprint("in")));
        holder.replay
    };
    match replay(1) {
        Some(Answer::Result { product, account, .. }) => {
            assert_eq!(product.body, "made");
            assert_eq!(
                (account.idempotency.expires, account.idempotency.replayed),
                (expires, true)
            );
            assert_eq!(account.timing.exec, Duration::from_millis(500));
        }
        other => panic!("{other:?}"),
    }
    for (key, code) in [(2, Code::InvalidInput), (3, Code::Cancelled)] {
        match replay(key) {
            Some(Answer::Problem(problem)) => {
                let idempotency = problem.account.expect("it tells of the key").idempotency;
                assert_eq!((problem.code, problem.task), (code, Some(task(key.into()))));
                assert_eq!((idempotency.expires, idempotency.replayed), (expires, true));
            }
            other => panic!("{other:?}"),
        }
    }
    match replay(4) {
        Some(Answer::Accepted { document, replayed, .. }) => {
            assert_eq!((document.state, replayed), (TaskState::Parked, true));
        }
        other => panic!("{other:?}"),
    }
    assert!(replay(5).is_none());
    assert!(holder_of(running, 6, "in").is_none());
}

#[test]
fn a_key_is_answered_alike_in_the_log_in_the_archive_and_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&kept(&alive, CENTURY));
    let stopped = stop_applier(&alive);
    // A task that ends in its first record needs no acceptance.
    running.durable(claiming(1, finished(1, TaskState::Succeeded, Some("made"))));
    running.durable(claiming(2, accepted(2, "in")));
    running.durable(finished(2, TaskState::Failed, None));
    running.durable(claiming(3, accepted(3, "in")));
    running.durable(finished(3, TaskState::Cancelled, None));
    running.durable(claiming(4, accepted(4, "in")));
    running.durable(parked(4));
    let last = running.durable(claiming(5, accepted(5, "in")));
    check_holders(&running);
    copy_folder(&alive, &killed);
    drop(stopped);
    running.wait_applied(last);
    check_holders(&running);
    running.close();
    for folder in [&killed, &alive] {
        let again = Running::open(&kept(folder, CENTURY));
        check_holders(&again);
        again.close();
    }
}

#[test]
fn a_key_whose_time_is_over_is_free_and_belongs_to_who_claims_it_next() {
    let root = tempfile::tempdir().unwrap();
    let options = kept(root.path(), Duration::from_secs(1));
    let running = Running::open(&options);
    let first = claiming(1, finished(1, TaskState::Succeeded, None));
    let last = running.durable(first);
    assert_eq!(number_of_holder(&running, 1), None);
    running.wait_applied(last);
    assert_eq!(number_of_holder(&running, 1), None);
    // Across two transactions of the archive, and then three times in one, against the order of
    // the ids.
    let last = running.durable(claiming(1, accepted(2, "in")));
    running.wait_applied(last);
    assert_eq!(number_of_holder(&running, 1), Some(2));
    running.durable(finished(2, TaskState::Succeeded, None));
    let stopped = stop_applier(root.path());
    running.durable(claiming(1, finished(9, TaskState::Succeeded, None)));
    running.durable(claiming(1, finished(8, TaskState::Succeeded, None)));
    let last = running.durable(claiming(1, accepted(3, "in")));
    drop(stopped);
    running.wait_applied(last);
    assert_eq!(number_of_holder(&running, 1), Some(3));
    running.close();
    let unfinished = unfinished_in(&options);
    assert_eq!(unfinished.len(), 1);
    assert_eq!((unfinished[0].task, unfinished[0].claim), (task(3), Some(claim(1))));
}

#[test]
fn a_restart_knows_which_keys_are_held() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&kept(&alive, CENTURY));
    let last = running.durable(claiming(1, accepted(1, "in")));
    running.wait_applied(last);
    let stopped = stop_applier(&alive);
    running.durable(started(1, 1, 0));
    running.durable(claiming(2, accepted(2, "in")));
    running.durable(accepted(3, "in"));
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();
    for folder in [&alive, &killed] {
        let unfinished = unfinished_in(&small(folder));
        let claims: Vec<_> = unfinished.iter().map(|found| found.claim).collect();
        assert_eq!(claims, [Some(claim(1)), Some(claim(2)), None]);
    }
}
