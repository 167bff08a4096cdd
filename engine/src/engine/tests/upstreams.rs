//! Tasks that call an upstream, one story a test. What a gate decides is tested where it decides.

use super::harness::{Stage, check, setup};
use crate::engine::Engine;
use crate::limits::Limits;
use overtime_protocol::UpstreamId;

#[test]
fn a_first_attempt_counts_as_one_and_a_second_as_a_retry() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    let mut share = |lines: &[&str]| {
        for line in lines {
            stage.play(line);
            stage.describe(&mut String::new());
        }
        stage.engine.gates.view(UpstreamId(0), stage.now).retry_share
    };
    assert_eq!(share(&["submit a pay", "durable", "fail a", "durable"]), 0.0);
    assert_eq!(share(&["+10s", "done a"]), 0.5);
}

#[test]
fn no_more_call_at_a_time_than_may_and_others_pass_them_by() {
    check(
        8,
        "
        submit a pay
        > append a accepted
        submit b pay
        > append b accepted
        submit c pay
        > append c accepted
        durable
        > dispatch interactive a#1
        > dispatch interactive b#1
        submit e echo
        > dispatch interactive e#1
        why w c
        > explain w queued waits for upstream
        done a
        > append a succeeded
        > dispatch interactive c#1
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn who_waits_for_what_is_held_has_its_address_at_once_and_no_attempt_is_used() {
    check(
        8,
        "
        hold op bank
        > reply op upstream bank held
        > gate shed
        > keep gate/bank
        submit a pay wait=10s
        > append a accepted
        durable
        > reply a 202 held
        submit s pay wait=10s strict
        > reply s 503 upstream-shed no
        +60s
        > note default 1 1 0 in 60s
        ask q document a
        > reply q document held
        release op bank
        > reply op upstream bank ramping
        > gate ramping
        > keep gate/bank
        > dispatch interactive a#1
        done a
        > append a succeeded
    ",
    );
}

#[test]
fn one_that_is_held_can_be_cancelled() {
    check(
        8,
        "
        hold op bank
        > reply op upstream bank held
        > gate shed
        > keep gate/bank
        submit a pay wait=0s
        > append a accepted
        durable
        > reply a 202 held
        cancel c a
        > append a cancelled
        durable
        > reply c document cancelled
        release op bank
        > reply op upstream bank ramping
        > gate ramping
        > keep gate/bank
    ",
    );
}

#[test]
fn the_first_attempts_of_others_go_before_retries() {
    check(
        8,
        "
        submit a pay
        > append a accepted
        submit b pay
        > append b accepted
        durable
        > dispatch interactive a#1
        > dispatch interactive b#1
        fail a
        > append a retrying
        durable
        submit c pay
        > append c accepted
        durable
        > dispatch interactive c#1
        +60s
        > append b started
        > append c started
        > reply a 202 queued
        > reply b 202 running
        > reply c 202 running
        > keep gate/bank
        submit d pay
        > append d accepted
        durable
        done b
        > append b succeeded
        > dispatch interactive d#1
    ",
    );
}

#[test]
fn the_latest_calls_are_kept_in_a_while_and_on_the_way_out() {
    check(
        8,
        "
        submit a pay
        > append a accepted
        durable
        > dispatch interactive a#1
        done a
        > append a succeeded
        durable
        > reply a 200 disk
        +60s
        > keep calls/bank gate/bank
        durable
        +60s
        submit b pay
        > append b accepted
        durable
        > dispatch interactive b#1
        done b
        > append b succeeded
        durable
        > reply b 200 disk
        drain
        grace-ends
        > keep calls/bank gate/bank
    ",
    );
}

#[test]
fn the_hours_that_an_upstream_had_are_read_from_the_journal_if_there_is_such_an_upstream() {
    check(
        8,
        "
        history op bank
        > read ReplyTo(0)
        history op bunk
        > reply op 404 unknown-upstream no
    ",
    );
}
