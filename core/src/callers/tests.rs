use super::*;
use overtime_protocol::Policy;
use overtime_protocol::http::{Deframer, Limits, Step};
use overtime_protocol::keyring::{KeyEntry, SecretHash};

fn key(secret: char) -> String {
    format!("ot_abcdefghij_{}", secret.to_string().repeat(64))
}

/// Callers with one key of `acme` that expires at 1,000, with these lanes.
fn callers(lanes: LaneSet) -> Callers {
    let acme = TenantName::new("acme").unwrap();
    let mut ring = KeyRing::default();
    let secret = SecretHash::of(&"5".repeat(64));
    let expires = Some(UnixMillis(1_000));
    ring.add("abcdefghij", KeyEntry { tenant: acme.clone(), secret, expires });
    ring.allow(acme, Policy { lanes, ..Policy::default() });
    let mut callers = Callers::default();
    callers.set_keys(Arc::new(ring), |_| TenantId(7));
    callers
}

fn head(fields: &str) -> Head {
    let text = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    match Deframer::new().advance(text.as_bytes(), &Limits::default()).1 {
        Ok(Step::Head(head)) => head,
        other => panic!("{text:?} is no head: {other:?}"),
    }
}

#[test]
fn without_a_ring_everybody_is_the_default_tenant_and_may_do_everything() {
    let callers = Callers::default();
    for fields in ["", "Authorization: Bearer x\r\n", "Authorization: Basic eDp5\r\n"] {
        let caller = callers.of_head(&head(fields)).unwrap();
        assert_eq!((caller.tenant, caller.scope.clone()), (TenantId(0), Scope::All));
        assert_eq!(caller.name(), "default");
        assert!(caller.may_use(Lane::Control).is_ok() && callers.still_lets_in(&caller));
    }
}

#[test]
fn a_key_says_who_calls() {
    let mut callers = callers(LaneSet::ALL);
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        let caller = callers.of_head(&head(&format!("Authorization: {scheme} {}\r\n", key('5'))));
        let caller = caller.unwrap();
        assert_eq!((caller.tenant, caller.name()), (TenantId(7), "acme"));
        assert_eq!(caller.scope, Scope::Own("acme".into()));
        assert!(callers.still_lets_in(&caller));
    }
    callers.set_time(UnixMillis(999));
    let caller = callers.of(Some(&key('5'))).unwrap();
    callers.set_time(UnixMillis(1_000));
    assert!(callers.of(Some(&key('5'))).is_err() && !callers.still_lets_in(&caller));
}

#[test]
fn without_a_key_that_counts_nobody_is_let_in() {
    let callers = callers(LaneSet::ALL);
    let challenge = |fields: &str| {
        let problem = callers.of_head(&head(fields)).unwrap_err();
        assert_eq!((problem.code, problem.challenge.is_some()), (Code::Unauthorized, true));
        problem.challenge.unwrap()
    };
    assert_eq!(challenge(""), CHALLENGE);
    let wrong = key('6');
    for value in ["Basic eDp5", "Bearer", "Bearer x", &key('5'), &format!("Bearer{}", key('5'))] {
        assert_eq!(challenge(&format!("Authorization: {value}\r\n")), CHALLENGE_AGAIN, "{value}");
    }
    assert_eq!(challenge(&format!("Authorization: Bearer {wrong}\r\n")), CHALLENGE_AGAIN);
}

#[test]
fn whoever_came_before_keys_were_asked_for_is_not_let_in_again() {
    let callers = callers(LaneSet::ALL);
    assert!(!callers.still_lets_in(&Caller::anybody()));
}

#[test]
fn lanes_bound_what_a_caller_may_do() {
    let callers = callers(LaneSet::NONE.with(Lane::Interactive));
    let caller = callers.of(Some(&key('5'))).unwrap();
    assert!(caller.may_use(Lane::Interactive).is_ok());
    let refused = caller.may_use(Lane::Bulk).unwrap_err();
    assert_eq!(refused.code, Code::ForbiddenLane);
    assert_eq!(refused.detail, "The tenant acme may not use the lane bulk.");
}
