//! The core's sleep: whatever is pushed while it lies down is heard.

use crate::mailbox::Mailbox;
use crate::orders::{in_all_orders, with_preemptions};
use crate::sync::{Ordering, Side, leave_out_fences_of, take_side};
use loom::thread;

/// Each thread pushes as often as its number says, and the core takes it all.
fn push_and_take(others: &[usize]) {
    let mailbox = Mailbox::new();
    let pushes = |&pushes: &usize| {
        let mailbox = mailbox.clone();
        thread::spawn(move || {
            take_side(Side::Others);
            (0..pushes).for_each(|_| mailbox.push());
        })
    };
    let running: Vec<_> = others.iter().map(pushes).collect();
    let lain_down = mailbox.take(others.iter().sum());
    running.into_iter().for_each(|other| other.join().unwrap());
    let wakes = mailbox.wakes.load(Ordering::Relaxed);
    assert!(wakes <= lain_down, "{wakes} wakes, {lain_down} announcements");
}

#[test]
fn whatever_one_thread_pushes_is_heard() {
    in_all_orders(|| push_and_take(&[2]));
}

/// All orders would take hours: those in which no more than three threads are stopped before they
/// have to wait.
#[test]
fn whatever_two_threads_push_is_heard() {
    with_preemptions(3, || push_and_take(&[1, 1]));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_fence_of_the_pusher_a_wake_is_lost() {
    leave_out_fences_of(Side::Others);
    in_all_orders(|| push_and_take(&[1]));
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_the_fence_of_the_core_a_wake_is_lost() {
    leave_out_fences_of(Side::Core);
    in_all_orders(|| push_and_take(&[1]));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_core_that_looks_before_it_lies_down_misses_what_comes_between() {
    in_all_orders(|| {
        let mailbox = Mailbox::new();
        let other = mailbox.clone();
        let other = thread::spawn(move || other.push());
        mailbox.take_carelessly(1);
        other.join().unwrap();
    });
}
