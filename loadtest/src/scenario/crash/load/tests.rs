//! A round led by made-up answers: each kind of answer, and none, must leave the ledger expecting
//! exactly what a server may then hold.

use super::super::ledger::Finding;
use super::*;

const CONTACT: &str = r#"{"email":"e","version":1,"created":true}"#;
const ACCEPTED: &str = r#"{"id":"T","state":"queued","attempts":0}"#;

fn round(connections: usize) -> Round {
    let target = "127.0.0.1:1".parse().unwrap();
    Round { target, connections, kill_at: Instant::now() + Duration::from_secs(60), seed: 9 }
}

/// Sends upserts until one goes to an account that lasts; says which, and its value.
fn upsert<K: FnMut() -> anyhow::Result<()>>(load: &mut Load<'_, K>) -> (usize, u64) {
    loop {
        let now = Instant::now();
        assert!(matches!(load.next(0, now, now), Next::Send(_)));
        match load.sent[0].upsert() {
            Some((account, value)) if account < load.ledger.lasting() => return (account, value),
            _ => {}
        }
    }
}

fn answer<K: FnMut() -> anyhow::Result<()>>(load: &mut Load<'_, K>, status: u16, body: &str) {
    let now = Instant::now();
    let response = Response { status, head: b"", body: body.as_bytes() };
    load.answered(Exchange { slot: 0, sent_at: now, answered_at: now, response });
}

#[test]
fn each_answer_leaves_its_own_expectation() {
    let unknown = r#"{"submitted":"unknown"}"#;
    let refused = r#"{"submitted":"no"}"#;
    for (status, body, if_absent, if_there) in [
        (200, CONTACT, Finding::Missing, Finding::Right),
        (202, ACCEPTED, Finding::Missing, Finding::Right),
        (503, unknown, Finding::Right, Finding::Right),
        (503, refused, Finding::Right, Finding::Doubled),
    ] {
        for (version, expected) in [(0, if_absent), (1, if_there)] {
            let mut ledger = Ledger::new(4);
            let mut load = Load::new(round(1), &mut ledger, || Ok(()));
            let (account, value) = upsert(&mut load);
            answer(&mut load, status, body);
            assert!(load.nonsense.is_none());
            let found = if version == 0 { 0 } else { value };
            let finding = ledger.account(account).settle(version, found);
            assert_eq!(finding, expected, "{status} {body} version {version}");
        }
    }
}

#[test]
fn a_lost_answer_is_unknown_and_its_contact_rests_until_it_is_compared() {
    let mut ledger = Ledger::new(1);
    let mut load = Load::new(round(1), &mut ledger, || Ok(()));
    upsert(&mut load);
    assert_eq!(load.broken(0, Loss::Answer, &Broken::Closed), AfterBreak::Reconnect);
    let now = Instant::now();
    for _ in 0..100 {
        assert!(matches!(load.next(0, now, now), Next::Send(_)));
        assert!(load.sent[0].upsert().is_none_or(|(account, _)| account != 0));
    }
    assert_eq!(ledger.counts().unknown, 1);
}

#[test]
fn connections_never_share_a_contact() {
    let mut ledger = Ledger::new(10);
    let mut load = Load::new(round(4), &mut ledger, || Ok(()));
    let mut owners = [None; 10];
    let now = Instant::now();
    for turn in 0..4_000 {
        let slot = turn % 4;
        load.next(slot, now, now);
        let Some((account, _)) = load.sent[slot].upsert() else { continue };
        if let Some(owner) = owners.get_mut(account) {
            assert_eq!(*owner.get_or_insert(slot), slot, "account {account}");
        }
    }
    assert!(owners.iter().all(Option::is_some), "{owners:?}");
}

#[test]
fn at_its_moment_it_kills_once_and_sends_nothing_more() {
    let (mut ledger, mut kills) = (Ledger::new(1), 0);
    let round = round(1);
    let mut load = Load::new(round, &mut ledger, || {
        kills += 1;
        Ok(())
    });
    assert_eq!(load.turn(round.kill_at - GLANCE), Turn::Until(round.kill_at));
    for late in [Duration::ZERO, GLANCE] {
        assert!(matches!(load.turn(round.kill_at + late), Turn::Until(_)));
    }
    assert!(matches!(load.next(0, round.kill_at, round.kill_at), Next::Retire));
    assert_eq!(load.broken(0, Loss::Answer, &Broken::Closed), AfterBreak::Retire);
    assert!(load.outcome().is_ok());
    assert_eq!(kills, 1);
}

#[test]
fn an_answer_that_no_server_should_give_fails_the_round() {
    for (status, body) in [(200, "{}"), (202, "{}"), (422, "{}"), (500, "")] {
        let mut ledger = Ledger::new(1);
        let mut load = Load::new(round(1), &mut ledger, || Ok(()));
        upsert(&mut load);
        answer(&mut load, status, body);
        assert!(load.outcome().is_err(), "{status}");
    }
}
