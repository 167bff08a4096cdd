//! Chains that are recalled while their worker goes on: each job is run or taken back, once, and
//! what came back before the recall is heard.

use crate::claims::Claims;
use crate::mailbox::Mailbox;
use crate::orders::in_all_orders;
use crate::sync::{Arc, AtomicUsize, Ordering, Side, leave_out_fences_of, take_side};
use loom::thread;

const JOBS: usize = 3;

/// As a worker: how many jobs it has run, the first of which was claimed by being handed out.
fn run_jobs(mut claim: impl FnMut() -> usize) -> usize {
    (1..=JOBS).find(|_| claim() >= JOBS).expect("the count comes to the last")
}

#[test]
fn each_job_is_run_or_taken_back() {
    in_all_orders(|| {
        let claims = Claims::default();
        let worker = claims.clone();
        let worker = thread::spawn(move || run_jobs(|| worker.claim()));
        let taken_from = claims.recall();
        assert_eq!(worker.join().unwrap(), taken_from.min(JOBS));
    });
}

#[test]
#[should_panic(expected = "assertion")]
fn a_claim_in_two_steps_runs_what_is_taken_back() {
    in_all_orders(|| {
        let next = Arc::new(AtomicUsize::new(1));
        let worker = next.clone();
        let worker = thread::spawn(move || {
            run_jobs(|| {
                let place = worker.load(Ordering::Acquire);
                worker.store(place + 1, Ordering::Release);
                place
            })
        });
        let taken_from = next.swap(usize::MAX / 2, Ordering::AcqRel);
        assert_eq!(worker.join().unwrap(), taken_from.min(JOBS));
    });
}

/// A worker leaves what its first job made and goes on with a second that never ends, while the
/// core recalls the chain and sleeps until it has heard of the first.
fn leave_and_recall() {
    let (mailbox, claims) = (Mailbox::new(), Claims::default());
    let (at_work, its_claims) = (mailbox.clone(), claims.clone());
    let worker = thread::spawn(move || {
        take_side(Side::Others);
        let is_last = its_claims.claim() >= JOBS;
        if is_last { at_work.push() } else { at_work.leave(|| its_claims.are_recalled()) }
    });
    claims.recall();
    mailbox.take(1);
    worker.join().unwrap();
}

#[test]
fn what_was_left_before_a_recall_is_heard() {
    in_all_orders(leave_and_recall);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_fences_of_the_worker_what_it_left_is_not_heard() {
    leave_out_fences_of(Side::Others);
    in_all_orders(leave_and_recall);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_fence_of_the_core_what_was_left_is_not_heard() {
    leave_out_fences_of(Side::Core);
    in_all_orders(leave_and_recall);
}

#[test]
fn whoever_sees_a_cancellation_sees_what_was_before_it() {
    in_all_orders(|| {
        let (claims, before) = (Claims::default(), Arc::new(AtomicUsize::new(0)));
        let (its_claims, it_sees) = (claims.clone(), before.clone());
        let worker = thread::spawn(move || {
            assert!(!its_claims.is_cancelled(0), "another job was named");
            let is_cancelled = its_claims.is_cancelled(1);
            assert!(!is_cancelled || it_sees.load(Ordering::Relaxed) == 1);
        });
        before.store(1, Ordering::Relaxed);
        claims.cancel(1);
        worker.join().unwrap();
    });
}
