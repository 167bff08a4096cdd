//! What is published of tasks that somebody follows.

use super::harness::check;

#[test]
fn what_is_durable_of_a_followed_task_is_published() {
    check(
        1,
        "
        submit a twice wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        follow a
        +1ms
        > append a started
        fail a
        > append a retrying
        durable a
        > publish a#1 running
        durable a
        > publish a#1 retrying
        ",
    );
}

#[test]
fn a_start_that_was_on_its_way_when_the_first_follower_came_is_published() {
    check(
        1,
        "
        submit a upsert wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        +1ms
        > append a started
        follow a
        durable
        > publish a#1 running
        done a
        > append a succeeded
        durable
        > publish a#1 succeeded
        ",
    );
}

#[test]
fn each_chunk_is_published_once_it_is_kept() {
    check(
        1,
        "
        submit a upsert bulk wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch bulk a#1
        follow a
        chunk a 10
        > append a advanced
        conflict a 7
        > ruling conflict
        chunk a 10
        > append a advanced
        durable
        > publish a#1 progress
        > ruling go on
        ",
    );
}

#[test]
fn nothing_is_published_once_nobody_follows_any_more() {
    check(
        1,
        "
        submit a upsert wait=0s
        > append a accepted
        follow a
        unfollow a
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        done a
        > append a succeeded
        durable
        ",
    );
}

#[test]
fn a_start_that_a_second_acceptance_tells_is_published() {
    check(
        4,
        "
        submit a upsert
        > dispatch interactive a#1
        chunk a 1
        > append a accepted advanced
        +1ms
        > append a accepted started
        durable a
        > ruling go on
        follow a
        durable a
        > publish a#1 running
    ",
    );
}
