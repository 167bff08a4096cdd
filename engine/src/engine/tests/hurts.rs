//! What hurt tenants is noted, some seconds together, and not forgotten when the disk is full.

use super::harness::check;

#[test]
fn what_hurt_whom_is_noted_after_a_while() {
    check(
        1,
        "submit a call tenant=acme wait=1s
        > append a accepted
        durable
        > dispatch interactive a#1
        +1s
        > append a started
        > reply a 202 running
        submit b call tenant=other wait=1s
        > append b accepted
        durable
        +1s
        > reply b 202 queued
        +9s
        > note acme 1 0 0 in 10s other 1 0 0 in 10s
        submit c call tenant=acme wait=0s
        > append c accepted
        durable
        > reply c 202 queued
        +20s",
    );
}

#[test]
fn a_full_disk_puts_off_a_note_and_loses_nothing() {
    check(
        1,
        "submit a call tenant=acme wait=1s
        > append a accepted
        durable
        > dispatch interactive a#1
        +1s
        > append a started
        > reply a 202 running
        +10s
        > note acme 1 0 0 in 10s
        full note
        +10s
        > note acme 1 0 0 in 20s
        durable note
        +60s",
    );
}

#[test]
fn on_the_way_out_nothing_is_left_to_be_noted_later() {
    check(
        1,
        "submit a call tenant=acme wait=9s
        > append a accepted
        durable
        > dispatch interactive a#1
        drain
        grace-ends
        > reply a 202 running
        > note acme 1 0 0 in 0s",
    );
}

#[test]
fn on_the_way_out_a_full_disk_is_asked_once() {
    check(
        1,
        "submit a call tenant=acme wait=9s
        > append a accepted
        durable
        > dispatch interactive a#1
        drain
        grace-ends
        > reply a 202 running
        > note acme 1 0 0 in 0s
        full note",
    );
}

#[test]
fn a_failed_journal_is_told_nothing_more() {
    check(
        1,
        "submit a call tenant=acme wait=1s
        > append a accepted
        durable
        > dispatch interactive a#1
        +1s
        > append a started
        > reply a 202 running
        poison
        +10s",
    );
}
