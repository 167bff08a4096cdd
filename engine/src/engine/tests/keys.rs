//! Idempotency keys: what becomes of a request that comes again.

use super::harness::{check, check_within};
use crate::limits::Limits;

#[test]
fn the_first_waits_for_the_journal_and_then_runs_like_any_other() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        puts a
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn a_kind_of_memory_is_kept_on_disk_if_it_has_a_key() {
    check(
        2,
        "
        submit a echo key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        done a
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn a_repetition_attaches_to_the_task_that_runs() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        submit b upsert key=k
        > inquire for b
        found b
        submit c upsert key=k wait=0s
        > inquire for c
        found c
        > append a accepted started
        durable
        > reply c 202 running
        done a
        > append a succeeded
        durable
        > reply a 200 disk
        > reply b 200 disk
    ",
    );
}

#[test]
fn two_that_ask_at_once_make_one_task() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        submit b upsert key=k
        > inquire for b
        found b
        > dispatch interactive b#1
        found a
        puts b
        > append b succeeded
        durable
        > reply b 200 disk
        > reply a 200 disk
    ",
    );
}

#[test]
fn what_was_read_before_the_holder_ended_is_read_again() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        submit b upsert key=k
        > inquire for b
        found a
        > dispatch interactive a#1
        puts a
        > append a succeeded
        durable
        > reply a 200 disk
        found b
        > inquire for b
        found b held-by=a ended
        > reply b 409 cancelled no
    ",
    );
}

#[test]
fn another_payload_is_refused_live_or_not_and_nothing_runs() {
    check(
        2,
        "
        submit a call key=k wait=0s
        > inquire for a
        found a payload=x
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        submit b call key=k
        > inquire for b
        found b payload=y held-by=a first=x
        > reply b 422 idempotency-key-reused no
        done a
        > append a succeeded
        durable
        submit c call key=k
        > inquire for c
        found c payload=y held-by=a first=x ended
        > reply c 422 idempotency-key-reused no
    ",
    );
}

#[test]
fn whoever_insists_is_told_that_it_has_not_ended_and_whether_it_is_on_disk() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        submit b upsert key=k strict
        > inquire for b
        found b
        > reply b 409 in-progress unknown
        +1ms
        > append a accepted started
        durable
        submit c upsert key=k strict
        > inquire for c
        found c
        > reply c 409 in-progress yes
    ",
    );
}

#[test]
fn a_repetition_is_told_the_end_that_is_on_its_way() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        puts a
        > append a succeeded
        submit b upsert key=k wait=0s
        > inquire for b
        found b
        durable
        > reply a 200 disk
        > reply b 200 disk
    ",
    );
}

#[test]
fn a_full_table_refuses_new_work_and_no_repetition() {
    let limits = Limits { tasks_max: 1, ..Limits::default() };
    check_within(
        2,
        limits,
        "
        submit a upsert key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        submit b upsert key=k
        > inquire for b
        found b
        submit c upsert key=m
        > inquire for c
        found c
        > reply c 503 backlog no
        puts a
        > append a succeeded
        durable
        > reply a 200 disk
        > reply b 200 disk
    ",
    );
}

#[test]
fn a_journal_that_fails_leaves_nobody_waiting_for_a_key() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        poison
        > reply a 503 journal-failed unknown
    ",
    );
}

#[test]
fn a_task_that_was_given_up_holds_no_key() {
    check(
        2,
        "
        submit a upsert key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        +1ms
        > append a accepted started
        full
        > reply a 503 disk no
        submit b upsert key=k
        > inquire for b
        found b
        > dispatch interactive b#1
        done a
        puts b
        > append b succeeded
        durable
        > reply b 200 disk
    ",
    );
}

#[test]
fn a_repetition_waits_until_all_of_the_former_process_is_known() {
    check(
        2,
        "
        submit a call key=k wait=0s
        > inquire for a
        found a
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        recovering
        submit b call key=m
        > inquire for b
        found b held-by=a
        recovered
        > inquire for b
        found b held-by=a ended
        > reply b 409 cancelled no
    ",
    );
}

#[test]
fn nobody_waits_for_a_task_of_a_server_that_leaves() {
    check(
        4,
        "
        submit a call key=k
        > inquire for a
        found a
        > append a accepted
        durable
        > dispatch interactive a#1
        submit b call key=k
        > inquire for b
        drain
        grace-ends
        > reply a 202 running
        > note default 1 0 0 in 0s
        found b
        > reply b 202 running
        ask x document a wait=10s
        > reply x document running
    ",
    );
}

#[test]
fn nobody_waits_longer_than_he_wants_for_the_tasks_of_a_former_process() {
    check(
        4,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        recovering
        submit b call key=m wait=2s
        > inquire for b
        found b held-by=a
        submit c call key=m wait=0s
        > inquire for c
        found c held-by=a
        > read ReplyTo(2) as default
        submit d call key=m strict
        > inquire for d
        found d held-by=a
        > reply d 409 in-progress yes
        +2s
        > append a started
        > read ReplyTo(1) as default
        submit e call key=m wait=2s
        > inquire for e
        found e held-by=a
        grace-ends
        > read ReplyTo(4) as default
        recovered
    ",
    );
}
