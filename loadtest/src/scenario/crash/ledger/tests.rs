//! What a server may hold after a crash, case by case.

use super::*;

fn account() -> Account {
    let mut account = Account::default();
    assert_eq!(account.acknowledge(11, 1), Finding::Right);
    assert_eq!(account.acknowledge(12, 2), Finding::Right);
    account
}

#[test]
fn what_was_acknowledged_is_expected_exactly() {
    for (version, value, finding) in [
        (2, 12, Finding::Right),
        (2, 11, Finding::Wrong),
        (1, 11, Finding::Missing),
        (0, 0, Finding::Missing),
        (3, 12, Finding::Doubled),
    ] {
        assert_eq!(account().settle(version, value), finding, "{version} {value}");
    }
}

#[test]
fn what_is_unknown_happened_once_or_not_at_all() {
    for (version, value, finding) in [
        (2, 12, Finding::Right),
        (3, 13, Finding::Right),
        (2, 13, Finding::Wrong),
        (3, 12, Finding::Wrong),
        (1, 11, Finding::Missing),
        (4, 13, Finding::Doubled),
    ] {
        let mut account = account();
        account.leave_open(Open::Unknown { value: 13 });
        assert_eq!(account.settle(version, value), finding, "{version} {value}");
        assert!(account.is_settled());
    }
}

#[test]
fn what_was_accepted_happened_once() {
    for (version, value, finding) in [
        (3, 13, Finding::Right),
        (2, 12, Finding::Missing),
        (4, 13, Finding::Doubled),
        (3, 12, Finding::Wrong),
    ] {
        let mut account = account();
        account.leave_open(Open::Accepted { value: 13 });
        assert_eq!(account.settle(version, value), finding, "{version} {value}");
    }
}

#[test]
fn an_unknown_that_comes_after_it_was_found_absent_is_doubled() {
    let mut account = account();
    account.leave_open(Open::Unknown { value: 13 });
    assert_eq!(account.settle(2, 12), Finding::Right);
    assert_eq!(account.settle(3, 13), Finding::Doubled);
}

#[test]
fn an_answer_with_the_wrong_version_is_found_at_once() {
    assert_eq!(account().acknowledge(13, 2), Finding::Missing);
    assert_eq!(account().acknowledge(13, 4), Finding::Doubled);
}
