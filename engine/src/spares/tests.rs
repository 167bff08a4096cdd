//! Spares, without an engine around them.

use super::*;
use std::time::Duration;

fn at(ms: u64) -> Monotonic {
    Monotonic::default() + Duration::from_millis(ms)
}

fn out(spares: &mut Spares, chain: u64, lane: Lane, ms: u64) {
    spares.start(ChainNumber(chain), lane, TenantId(chain as u32), at(ms));
}

#[test]
fn a_chain_of_the_foreground_is_long_after_a_second() {
    let mut spares = Spares::new(2);
    out(&mut spares, 1, Lane::Interactive, 0);
    out(&mut spares, 2, Lane::Bulk, 0);
    out(&mut spares, 3, Lane::Control, 10);
    assert_eq!(spares.next_deadline(), Some(at(1_000)));
    let popped = [999, 1_000, 1_009, 1_010, 9_999].map(|ms| spares.pop_long(at(ms)));
    assert_eq!(popped, [None, Some(TenantId(1)), None, Some(TenantId(3)), None]);
    assert_eq!((spares.waiting(), spares.next_deadline()), (2, None));
    assert_eq!(spares.stand_in(0), Some(Lane::Interactive));
    assert_eq!(spares.stand_in(0), Some(Lane::Control));
    let ends = [1, 2, 3].map(|chain| spares.end(ChainNumber(chain)));
    let left = |charge, long_of: Option<u32>| Left { charge, long_of: long_of.map(TenantId) };
    let [first, second, third] = ends;
    assert_eq!((first, third), (left(Charge::Spare, Some(1)), left(Charge::Spare, Some(3))));
    assert_eq!(second, left(Charge::Lane, None));
}

#[test]
fn what_is_through_is_not_waited_for() {
    let mut spares = Spares::new(2);
    for chain in 1..=3 {
        out(&mut spares, chain, Lane::Interactive, chain);
    }
    assert_eq!(spares.end(ChainNumber(2)), Left { charge: Charge::Lane, long_of: None });
    assert_eq!(spares.next_deadline(), Some(at(1_001)));
    assert_eq!(spares.end(ChainNumber(1)).charge, Charge::Lane);
    assert_eq!(spares.next_deadline(), Some(at(1_003)));
    let news = [3, 3].map(|chain| spares.is_long_now(ChainNumber(chain)));
    assert_eq!(news, [Some(TenantId(3)), None]);
    let long_of = Some(TenantId(3));
    assert_eq!(spares.end(ChainNumber(3)), Left { charge: Charge::Lane, long_of });
    assert_eq!((spares.waiting(), spares.next_deadline()), (0, None));
    assert!(spares.long.is_empty() && spares.young.chains.is_empty());
}

#[test]
fn so_many_are_asked_for_as_are_wanted_and_may_be() {
    let mut spares = Spares::new(2);
    for chain in 1..=3 {
        out(&mut spares, chain, Lane::Interactive, 0);
        assert!(spares.pop_long(at(1_000)).is_some());
    }
    assert_eq!((spares.ask(0, at(1_000)), spares.ask(0, at(1_000))), (2, 0));
    spares.hired(at(1_000));
    spares.refused(at(2_000));
    assert_eq!(spares.stand_in(0), Some(Lane::Interactive));
    assert_eq!(spares.ask(1, at(1_999)), 0, "the system has none");
    assert_eq!(spares.next_deadline(), Some(at(2_000)));
    assert_eq!(spares.ask(1, at(2_000)), 1);
}

#[test]
fn a_spare_goes_that_was_not_needed_between_two_looks() {
    let mut spares = Spares::new(4);
    spares.hired(at(0));
    spares.hired(at(5));
    assert_eq!(spares.next_deadline(), Some(at(30_000)));
    // Both had nothing to do in the end, but one of them did for a while.
    assert_eq!(spares.look(2, 2, at(30_000)), 0);
    out(&mut spares, 1, Lane::Interactive, 31_000);
    assert!(spares.pop_long(at(32_000)).is_some());
    assert_eq!(spares.stand_in(1), Some(Lane::Interactive));
    assert_eq!(spares.look(2, 2, at(59_999)), 0);
    assert_eq!(spares.look(2, 2, at(60_000)), 1);
    assert_eq!(spares.look(1, 1, at(90_000)), 1);
    assert_eq!(spares.next_deadline(), None);
}

#[test]
fn whoever_may_have_none_is_given_none() {
    let mut spares = Spares::new(0);
    out(&mut spares, 1, Lane::Interactive, 0);
    assert_eq!(spares.pop_long(at(5_000)), Some(TenantId(1)));
    assert_eq!((spares.ask(0, at(5_000)), spares.waiting()), (0, 1));
    assert_eq!(spares.end(ChainNumber(1)).charge, Charge::Lane);
    assert_eq!((spares.next_deadline(), spares.waiting()), (None, 0));
}
