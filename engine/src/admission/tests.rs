//! What counts as overload, and how much room is left then.

use super::*;
use overtime_protocol::TenantId;

const WORKERS: usize = 200;

fn at(millis: u64) -> Monotonic {
    Monotonic(millis * 1_000_000)
}

/// An interval in which so many came into the lane at its beginning, and started a bit later.
fn interval(admission: &mut Admission, start: u64, count: u64, waited: u64) {
    for _ in 0..count {
        admission.wait_began(at(start));
        admission.crowd.enter(TenantId::default());
    }
    for _ in 0..count {
        admission.wait_ended(Duration::from_millis(waited), at(start + waited));
        admission.crowd.leave(TenantId::default());
    }
    admission.judge(at(start + 100));
}

#[test]
fn time_in_the_lane_counts_on_average_and_at_the_least() {
    let mut admission = Admission::new(AdmissionRules::default());
    interval(&mut admission, 0, 100, 20);
    assert!(!admission.is_overloaded());
    interval(&mut admission, 100, 100, 21);
    assert!(admission.is_overloaded());
    interval(&mut admission, 200, 100, 6);
    assert!(!admission.is_overloaded(), "the lane was empty at times");
    admission.wait_began(at(300));
    admission.crowd.enter(TenantId::default());
    admission.judge(at(310));
    interval(&mut admission, 300, 100, 6);
    interval(&mut admission, 400, 100, 6);
    assert!(admission.is_overloaded(), "somebody stands there all the time");
}

#[test]
fn what_happened_before_a_rest_says_nothing() {
    let mut admission = Admission::new(AdmissionRules::default());
    admission.judge(at(1_000));
    admission.wait_began(at(1_000));
    admission.wait_ended(Duration::from_millis(50), at(1_050));
    admission.judge(at(9_000));
    assert!(!admission.is_overloaded());
}

#[test]
fn turns_take_room_at_once_and_give_it_back_slowly() {
    let mut admission = Admission::new(AdmissionRules::default());
    assert_eq!(admission.room(WORKERS), 266);
    for (interval, room) in [(1, 133), (2, 66)] {
        (0..2).for_each(|_| admission.note_turn(Duration::from_millis(11)));
        admission.judge(at(interval * 100));
        assert!(admission.is_overloaded());
        assert_eq!(admission.room(WORKERS), room);
    }
    for interval in 3..=10 {
        admission.note_turn(Duration::from_millis(1));
        admission.judge(at(interval * 100));
        assert!(!admission.is_overloaded());
    }
    assert_eq!(admission.room(WORKERS), 172);
    (0..20).for_each(|interval| admission.judge(at(1_100 + interval * 100)));
    assert_eq!(admission.room(WORKERS), 266);
}

#[test]
fn an_overload_that_lasts_leaves_no_room_to_those_who_come_together_by_chance() {
    let mut admission = Admission::new(AdmissionRules::default());
    let mut start = 0;
    let mut busy = |admission: &mut Admission, waited| {
        interval(admission, start, 10, waited);
        start += 100;
        admission.room(WORKERS)
    };
    assert_eq!(busy(&mut admission, 90), 266);
    (0..100).map(|_| busy(&mut admission, 90)).for_each(|room| assert!(room >= 200));
    assert_eq!(busy(&mut admission, 90), 200);
    assert_eq!(admission.room(9), 9);
    (0..100).map(|_| busy(&mut admission, 1)).for_each(|room| assert!(room >= 200));
    assert_eq!(busy(&mut admission, 1), 266);
}

#[test]
fn a_journal_is_slow_by_what_it_took_and_by_how_long_it_has_said_nothing() {
    let mut admission = Admission::new(AdmissionRules::default());
    admission.append_began(at(10));
    assert!(!admission.journal_is_slow(at(20)));
    assert!(admission.journal_is_slow(at(21)), "nothing was heard of the first");
    admission.append_began(at(40));
    admission.append_ended(Duration::from_millis(60), at(70));
    assert!(!admission.journal_is_slow(at(80)));
    admission.append_ended(Duration::from_millis(41), at(81));
    admission.judge(at(100));
    assert!(admission.journal_is_slow(at(100)), "over 50 ms on average");
    assert_eq!(admission.next_deadline(), Some(at(200)));
    admission.judge(at(200));
    assert!(!admission.journal_is_slow(at(200)));
    assert_eq!(admission.next_deadline(), None);
}

#[test]
fn a_slow_journal_takes_no_room() {
    let mut admission = Admission::new(AdmissionRules::default());
    admission.append_began(at(10));
    (1..10).for_each(|interval| admission.judge(at(interval * 100)));
    admission.append_ended(Duration::from_millis(950), at(960));
    admission.judge(at(1_000));
    assert!(admission.journal_is_slow(at(1_000)) && !admission.is_overloaded());
    assert_eq!(admission.room(WORKERS), 266);
}

#[test]
fn few_always_have_room_and_many_have_as_much_as_they_use() {
    let mut admission = Admission::new(AdmissionRules::default());
    let rooms = [1, 8, 9, 16, 200].map(|workers| admission.room(workers));
    assert_eq!(rooms, [16, 10, 12, 21, 266]);
    interval(&mut admission, 0, 10_000, 15);
    // A hundred thousand a second.
    assert_eq!((admission.room(1), admission.room_to_stay(1)), (2_000, 10_000));
}

#[test]
fn whoever_switches_it_off_is_never_overloaded() {
    let rules = AdmissionRules { enabled: false, ..AdmissionRules::default() };
    let mut admission = Admission::new(rules);
    interval(&mut admission, 0, 100, 90);
    (0..2).for_each(|_| admission.note_turn(Duration::from_millis(11)));
    admission.judge(at(200));
    assert!(!admission.is_overloaded());
    assert_eq!(admission.next_deadline(), None);
}

#[test]
fn it_is_judged_only_while_there_is_something_to_judge() {
    let mut admission = Admission::new(AdmissionRules::default());
    assert_eq!(admission.next_deadline(), None);
    admission.crowd.enter(TenantId::default());
    assert_eq!(admission.next_deadline(), Some(at(100)));
    admission.crowd.leave(TenantId::default());
    assert_eq!(admission.next_deadline(), None);
}
