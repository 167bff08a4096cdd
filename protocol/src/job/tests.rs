//! Claims by one thread; `interleavings` has them with several.

use super::*;

#[test]
fn claims_go_on_until_they_are_recalled() {
    let claims = Claims::default();
    assert_eq!((claims.claim(), claims.claim(), claims.are_recalled()), (1, 2, false));
    assert_eq!((claims.clone().recall(), claims.are_recalled()), (3, true));
    assert!(claims.claim() >= usize::MAX / 2, "behind the last of any chain");
}

#[test]
fn the_job_that_was_asked_for_last_is_to_be_cancelled() {
    let claims = Claims::default();
    let cancelled = || (0..3).filter(|&place| claims.is_cancelled(place)).collect::<Vec<_>>();
    assert_eq!(cancelled(), []);
    claims.clone().cancel(1);
    assert_eq!(cancelled(), [1]);
    claims.cancel(0);
    assert_eq!((cancelled(), claims.claim()), (vec![0], 1));
}
