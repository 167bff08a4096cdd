//! Single calls that save on their way: what they have done is kept, whatever becomes of the
//! attempt, and nobody else waits for them.

use super::harness::check;

#[test]
fn a_save_takes_the_acceptance_along_and_the_start_mark_follows() {
    check(
        4,
        "
        submit a upsert
        > dispatch interactive a#1
        chunk a 1
        > append a accepted advanced
        durable
        > ruling go on
        +1ms
        > append a started
        chunk a 2
        > append a advanced
        durable
        > ruling go on
        done a
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn a_save_makes_a_task_durable_whose_kind_is_not() {
    check(
        4,
        "
        submit a echo wait=10ms
        > dispatch interactive a#1
        chunk a 1
        > append a accepted advanced
        durable
        > ruling go on
        +1ms
        > append a started
        +10ms
        > reply a 202 running
        done a
        > append a succeeded
    ",
    );
}

#[test]
fn a_caller_whose_wait_is_over_is_told_with_the_save() {
    check(
        4,
        "
        submit a echo wait=10ms
        > dispatch interactive a#1
        chunk a 1
        > append a accepted advanced
        +10ms
        > append a accepted started
        durable a
        > reply a 202 running
        > ruling go on
        durable a
    ",
    );
}

#[test]
fn the_retry_goes_on_from_what_was_saved() {
    check(
        4,
        "
        submit a upsert wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        chunk a 1
        > append a advanced
        durable
        > ruling go on
        fail a
        > append a retrying
        durable
        +2s
        > dispatch background a#2 from=1
        chunk a 2
        > append a advanced
        conflict a 7
        > ruling conflict
        chunk a 2
        > append a advanced
        durable
        > ruling go on
        fail a
        > append a retrying
    ",
    );
}

#[test]
fn only_attempts_that_came_no_further_are_used_up() {
    check(
        4,
        "
        submit a twice wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        chunk a 1
        > append a advanced
        durable
        > ruling go on
        fail a
        > append a retrying
        durable
        +2s
        > dispatch background a#2 from=1
        chunk a 2
        > append a advanced
        durable
        > ruling go on
        fail a
        > append a retrying
        durable
        +2s
        > dispatch background a#3 from=2
        chunk a 2
        > append a advanced
        durable
        > ruling go on
        fail a
        > append a parked
    ",
    );
}

#[test]
fn a_conflict_at_the_end_runs_the_rest_again() {
    check(
        4,
        "
        submit a upsert wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        chunk a 1
        > append a advanced
        durable
        > ruling go on
        puts a
        > append a succeeded
        conflict a 7
        > dispatch interactive a#1 from=1
        chunk a 2
        > append a advanced
        durable
        > ruling go on
        puts a
        > append a succeeded
        durable
    ",
    );
}

#[test]
fn a_single_call_is_not_preempted_but_stops_when_the_server_leaves() {
    check(
        1,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        submit b call wait=0s
        > append b accepted
        durable
        > reply b 202 queued
        +2s
        > append a started
        chunk a 1
        > append a advanced
        durable
        > ruling go on
        chunk a 2
        > append a advanced
        drain
        grace-ends
        durable
        > ruling yield
        yield a
    ",
    );
}

#[test]
fn a_save_without_room_on_the_disk_is_refused_if_nobody_was_told_yet() {
    check(
        4,
        "
        submit a echo
        > dispatch interactive a#1
        chunk a 1
        > append a accepted advanced
        full a
        > ruling stop
        > reply a 503 disk no
        yield a
        submit b call wait=0s
        > append b accepted
        durable
        > reply b 202 queued
        > dispatch interactive b#1
        chunk b 1
        > append b advanced
        full b
        +1s
        > append b started
        > append b advanced
    ",
    );
}

#[test]
fn a_save_behind_an_acceptance_that_met_a_full_disk_decides() {
    check(
        4,
        "
        submit a upsert
        > dispatch interactive a#1
        +1ms
        > append a accepted started
        chunk a 1
        > append a accepted advanced
        full a
        durable a
        > ruling go on
        submit b echo wait=10ms
        > dispatch interactive b#1
        chunk b 1
        > append b accepted advanced
        +10ms
        > append a started
        > append b accepted started
        durable b
        > reply b 202 running
        > ruling go on
        full b
        done b
        > append b succeeded
    ",
    );
}

#[test]
fn a_kind_that_saves_is_not_brief_and_gives_back_the_jobs_behind_it() {
    check(
        4,
        "
        submit w echo
        > dispatch interactive w#1
        done w
        > reply w 200 memory
        submit x echo
        > dispatch interactive x#1
        submit y echo
        > dispatch interactive y#1
        submit b echo
        submit c echo
        submit d echo
        done x
        > reply x 200 memory
        > dispatch interactive b#1 c#1 d#1
        done b
        > reply b 200 memory
        chunk c 1
        > recall b
        > append c accepted advanced
        recalled c 2
        > dispatch interactive d#1
        durable
        > ruling go on
        done y
        > reply y 200 memory
        submit e echo
        > dispatch interactive e#1
    ",
    );
}

#[test]
fn the_line_of_a_hot_key_does_not_wait_for_one_that_saves() {
    check(
        4,
        "
        submit a upsert
        > dispatch interactive a#1
        submit b upsert
        > dispatch interactive b#1
        submit c upsert
        > dispatch interactive c#1
        submit d upsert
        > dispatch interactive d#1
        puts a
        > append a succeeded
        puts b
        > append b succeeded
        puts c
        > append c succeeded
        puts d
        > append d succeeded
        conflict a 9
        > dispatch interactive a#1
        conflict b 9
        conflict c 9
        conflict d 9
        puts a
        > append a succeeded
        durable a
        > reply a 200 disk
        > dispatch interactive b#1 c#1 d#1
        chunk b 1
        > recall b
        > append b accepted advanced
        recalled b 1
        > dispatch interactive c#1 d#1
        puts c
        > append c succeeded
        puts d
        > append d succeeded
        durable b
        > ruling go on
        puts b
        > append b succeeded
        durable
        > reply c 200 disk
        > reply d 200 disk
        > reply b 200 disk
    ",
    );
}

#[test]
fn a_job_in_the_middle_of_a_hot_chain_may_save() {
    check(
        4,
        "
        submit a upsert
        > dispatch interactive a#1
        submit b upsert
        > dispatch interactive b#1
        submit c upsert
        > dispatch interactive c#1
        submit d upsert
        > dispatch interactive d#1
        puts a
        > append a succeeded
        puts b
        > append b succeeded
        puts c
        > append c succeeded
        puts d
        > append d succeeded
        conflict a 9
        > dispatch interactive a#1
        conflict b 9
        conflict c 9
        conflict d 9
        puts a
        > append a succeeded
        durable a
        > reply a 200 disk
        > dispatch interactive b#1 c#1 d#1
        puts b
        > append b succeeded
        chunk c 1
        > recall b
        > append c accepted advanced
        recalled c 2
        durable b
        > reply b 200 disk
        > dispatch interactive d#1
        durable c
        > ruling go on
    ",
    );
}

#[test]
fn what_a_save_has_accepted_stays_accepted_though_another_acceptance_finds_no_room() {
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
        done a
        > append a succeeded
        full a
        full a
        +1s
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}
