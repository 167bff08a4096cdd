//! What the engine does, one story a test.

use super::harness::{Stage, check, check_within, setup};
use crate::engine::Engine;
use crate::limits::Limits;
use overtime_protocol::Lane;

#[test]
fn memory_kinds_are_answered_without_the_journal() {
    check(
        2,
        "
        submit a echo
        > dispatch interactive a#1
        +5ms done a
        > reply a 200 memory
    ",
    );
}

#[test]
fn a_quick_durable_task_is_one_record() {
    check(
        2,
        "
        submit a upsert
        > dispatch interactive a#1
        +200us puts a
        > append a succeeded
        +1ms durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn one_that_outlives_the_linger_is_accepted_beside_its_run() {
    check(
        2,
        "
        submit a upsert
        > dispatch interactive a#1
        +1ms
        > append a accepted started
        durable
        +1ms puts a
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn one_that_waits_in_its_lane_is_accepted_and_marked_once_it_runs_long() {
    check(
        1,
        "
        submit a echo
        > dispatch interactive a#1
        submit b upsert
        +1ms
        > append b accepted
        durable
        done a
        > reply a 200 memory
        > dispatch interactive b#1
        +1ms
        > append b started
        durable
        done b
        > append b succeeded
        durable
        > reply b 200 disk
    ",
    );
}

#[test]
fn fall_over_answers_202_and_the_same_attempt_goes_on() {
    check(
        2,
        "
        submit a echo wait=50ms
        > dispatch interactive a#1
        +50ms
        > append a accepted started
        +3ms durable
        > reply a 202 running
        +1s done a
        > append a succeeded
        durable
    ",
    );
}

#[test]
fn a_deadline_before_the_record_is_durable_holds_and_then_tells_that_nobody_knows() {
    check(
        2,
        "
        submit a upsert wait=50ms
        > dispatch interactive a#1
        +1ms
        > append a accepted started
        +50ms
        +1999ms
        +1ms
        > reply a 503 undecided unknown
        durable
        done a
        > append a succeeded
        durable
    ",
    );
}

#[test]
fn a_result_that_becomes_durable_during_the_hold_is_sent() {
    check(
        2,
        "
        submit a upsert wait=50ms
        > dispatch interactive a#1
        +500us puts a
        > append a succeeded
        +1s
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn asynchronous_tasks_start_once_they_are_durable() {
    check(
        2,
        "
        submit a upsert wait=0ms
        > append a accepted
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
fn kinds_that_act_outside_start_once_they_are_durable() {
    check(
        2,
        "
        submit a call
        > append a accepted
        durable
        > dispatch interactive a#1
        +500us done a
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn a_delayed_task_starts_no_earlier() {
    check(
        2,
        "
        submit a upsert delay=2s wait=1s
        > append a accepted
        durable
        +1s
        > reply a 202 queued
        +999ms
        +1ms
        > dispatch interactive a#1
    ",
    );
}

#[test]
fn wrong_input_fails_and_is_told_once_durable() {
    check(
        2,
        "
        submit a upsert
        > dispatch interactive a#1
        reject a
        > append a failed
        durable
        > reply a 422 bad yes
    ",
    );
}

#[test]
fn an_ephemeral_end_is_retried_in_the_background() {
    check(
        2,
        "
        submit a upsert wait=5s
        > dispatch interactive a#1
        fail a
        > append a accepted retrying
        durable
        +1s
        > dispatch background a#2
        done a
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn used_up_attempts_park() {
    check(
        2,
        "
        submit a twice wait=5s
        > dispatch interactive a#1
        fail a
        > append a accepted retrying
        durable
        +1s
        > dispatch background a#2
        fail a
        > append a parked
        durable
        > reply a 202 parked
    ",
    );
}

#[test]
fn a_defect_parks_at_once_with_its_acceptance() {
    check(
        2,
        "
        submit a upsert
        > dispatch interactive a#1
        defect a
        > append a accepted parked
        durable
        > reply a 202 parked
    ",
    );
}

#[test]
fn attempts_that_conflict_run_again_as_one_chain() {
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
        durable a
        > reply a 200 disk
        conflict b 9
        > dispatch interactive b#1
        conflict c 9
        conflict d 9
        puts b
        > append b succeeded
        durable b
        > reply b 200 disk
        > dispatch interactive c#1 d#1
        puts c
        > append c succeeded
        puts d
        > append d succeeded
        durable
        > reply c 200 disk
        > reply d 200 disk
    ",
    );
}

#[test]
fn a_job_of_a_chain_may_conflict_again() {
    check(
        3,
        "
        submit a upsert
        > dispatch interactive a#1
        submit b upsert
        > dispatch interactive b#1
        puts a
        > append a succeeded
        conflict a 9
        > dispatch interactive a#1
        puts b
        > append b succeeded
        conflict b 9
        puts a
        > append a succeeded
        conflict a 9
        > dispatch interactive b#1 a#1
        puts b
        > append b succeeded
        fail a
        > append a accepted retrying
        durable
        > reply b 200 disk
        +1s
        > dispatch background a#2
    ",
    );
}

#[test]
fn those_that_somebody_waits_for_go_first() {
    check(
        1,
        "
        submit busy echo
        > dispatch interactive busy#1
        submit a upsert wait=0ms
        > append a accepted
        durable
        > reply a 202 queued
        submit b echo
        done busy
        > reply busy 200 memory
        > dispatch interactive b#1
        done b
        > reply b 200 memory
        > dispatch interactive a#1
    ",
    );
}

#[test]
fn a_long_poll_makes_its_task_waited_for() {
    check(
        1,
        "
        submit busy echo
        > dispatch interactive busy#1
        submit a upsert wait=0ms
        > append a accepted
        submit b upsert wait=0ms
        > append b accepted
        durable
        > reply a 202 queued
        > reply b 202 queued
        ask poll document b wait=10s
        done busy
        > reply busy 200 memory
        > dispatch interactive b#1
        +500us done b
        > append b succeeded
        > dispatch interactive a#1
        durable
        > reply poll document succeeded
    ",
    );
}

#[test]
fn a_long_poll_ends_with_the_document_either_way() {
    check(
        1,
        "
        submit a upsert wait=0ms
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        ask now document a
        > reply now document running
        ask later document a wait=100ms
        ask result result a
        > reply result 202 running
        +1ms
        > append a started
        durable
        +99ms
        > reply later document running
    ",
    );
}

#[test]
fn what_a_crash_would_forget_is_not_shown() {
    check(
        1,
        "
        submit a upsert
        > dispatch interactive a#1
        ask x document a
        > read ReplyTo(1)
        +1ms
        > append a accepted started
        ask y document a
        > read ReplyTo(2)
        durable
        ask z document a
        > reply z document running
    ",
    );
}

#[test]
fn less_urgent_tasks_go_later_but_never_last_for_ever() {
    check(
        1,
        "
        submit busy echo
        > dispatch interactive busy#1
        submit low upsert u=7
        submit b upsert
        done busy
        > reply busy 200 memory
        > dispatch interactive b#1
        done b
        > append b succeeded
        > dispatch interactive low#1
    ",
    );
}

#[test]
fn floors_hold_against_a_flood() {
    check(
        10,
        "
        submit a1 echo
        > dispatch interactive a1#1
        submit a2 echo
        > dispatch interactive a2#1
        submit a3 echo
        > dispatch interactive a3#1
        submit a4 echo
        > dispatch interactive a4#1
        submit a5 echo
        > dispatch interactive a5#1
        submit a6 echo
        > dispatch interactive a6#1
        submit a7 echo
        > dispatch interactive a7#1
        submit a8 echo
        > dispatch interactive a8#1
        submit a9 echo
        > dispatch interactive a9#1
        submit a10 echo
        submit c control
        > dispatch control c#1
        submit c2 control
        done a1
        > reply a1 200 memory
        > dispatch control c2#1
    ",
    );
}

#[test]
fn each_bound_refuses_by_name() {
    let limits = Limits { tasks_max: 1, ..Limits::default() };
    check_within(
        2,
        limits,
        "
        submit a upsert
        > dispatch interactive a#1
        submit b upsert
        > reply b 503 backlog no
    ",
    );
    let limits = Limits { payload_memory_max_bytes: 10, ..Limits::default() };
    check_within(
        2,
        limits,
        "
        submit a upsert bytes=8
        > dispatch interactive a#1
        submit b upsert bytes=8
        > reply b 503 payload-memory no
        submit c upsert bytes=2
        > dispatch interactive c#1
    ",
    );
    let limits = Limits { appends_max: 1, ..Limits::default() };
    check_within(
        2,
        limits,
        "
        submit a upsert wait=0ms
        > append a accepted
        submit b upsert
        > reply b 503 journal no
    ",
    );
    let limits = Limits { waiters_max: 1, ..Limits::default() };
    check_within(
        2,
        limits,
        "
        submit a call
        > append a accepted
        durable
        > dispatch interactive a#1
        ask b document a wait=1s
        > reply b 503 waiters no
    ",
    );
}

#[test]
fn a_full_disk_refuses_what_was_not_accepted() {
    check(
        2,
        "
        submit a upsert wait=0ms
        > append a accepted
        full
        > reply a 503 disk no
        submit b upsert
        > dispatch interactive b#1
        puts b
        > append b succeeded
        full
        > reply b 503 disk no
        submit c upsert
        > dispatch interactive c#1
        +1ms
        > append c accepted started
        full
        > reply c 503 disk no
        puts c
        submit d echo
        > dispatch interactive d#1
    ",
    );
}

#[test]
fn a_full_disk_never_loses_what_was_accepted() {
    check(
        2,
        "
        submit a call
        > append a accepted
        durable
        > dispatch interactive a#1
        +500us done a
        > append a succeeded
        full
        +1s
        > append a succeeded
        full
        +1s
        > append a succeeded
        durable
        > reply a 200 disk
    ",
    );
}

#[test]
fn a_failed_journal_tells_each_caller_what_is_known() {
    check(
        4,
        "
        submit volatile echo
        > dispatch interactive volatile#1
        submit appending upsert wait=0ms
        > append appending accepted
        submit ended upsert
        > dispatch interactive ended#1
        puts ended
        > append ended succeeded
        submit accepted call
        > append accepted accepted
        durable accepted
        > dispatch interactive accepted#1
        poison
        > reply volatile 503 journal-failed no
        > reply appending 503 journal-failed unknown
        > reply ended 503 journal-failed unknown
        > reply accepted 503 journal-failed yes
        submit late echo
        > reply late 503 journal-failed no
    ",
    );
}

#[test]
fn a_drain_refuses_new_tasks_and_finishes_old_ones_within_grace() {
    check(
        1,
        "
        submit a upsert
        > dispatch interactive a#1
        submit b echo
        submit c upsert wait=0ms
        > append c accepted
        drain
        submit d echo
        > reply d 503 draining no
        durable
        > reply c 202 queued
        puts a
        > append a succeeded
        > dispatch interactive b#1
        durable
        > reply a 200 disk
        grace-ends
        > append b accepted started
        > note default 1 1 0 in 0s
        durable
        > reply b 202 running
        done b
        > append b succeeded
    ",
    );
}

#[test]
fn brief_attempts_go_out_together_and_come_back_if_one_of_them_blocks() {
    check(
        1,
        "
        submit a echo
        > dispatch interactive a#1
        submit b echo
        submit c echo
        submit d echo
        done a
        > reply a 200 memory
        > dispatch interactive b#1 c#1 d#1
        done b
        > reply b 200 memory
        +1ms
        > recall b
        recalled b 2
        done c
        > reply c 200 memory
        > dispatch interactive d#1
    ",
    );
}

#[test]
fn a_task_that_runs_again_alone_does_not_stand_for_the_chain_it_came_from() {
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
        puts b
        > append b succeeded
        done y
        > reply y 200 memory
        conflict b 7
        > dispatch interactive b#1
        puts b
        > append b succeeded
        +1ms
        > recall b
    ",
    );
}

#[test]
fn an_end_that_meets_a_full_disk_behind_its_acceptance_is_tried_again_and_never_refused() {
    check(
        4,
        "
        submit a upsert wait=10s
        > dispatch interactive a#1
        +1ms
        > append a accepted started
        puts a
        > append a succeeded
        full a
        durable a
        > reply a 200 disk
    ",
    );
}

#[test]
fn a_task_that_rests_is_accepted_with_its_end_if_its_acceptance_met_a_full_disk() {
    check(
        4,
        "
        submit a upsert wait=10s
        > dispatch interactive a#1
        +1ms
        > append a accepted started
        defect a
        > append a accepted parked
        full a
        durable a
        > reply a 202 parked
    ",
    );
}

#[test]
fn a_caller_that_asks_after_the_journal_failed_does_not_wait() {
    check(
        1,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        poison
        ask b document a wait=10s
        > reply b document running
    ",
    );
}

#[test]
fn whoever_asks_again_and_again_takes_one_place_in_the_lane() {
    let mut stage = Stage::new(Engine::new(setup(1, Limits::default(), 7)));
    for line in ["submit a call wait=0s", "submit b call wait=0s"] {
        stage.play(line);
    }
    let mut text = String::new();
    stage.describe(&mut text);
    stage.play("durable");
    for _ in 0..100 {
        stage.play("ask c document b wait=10s");
    }
    assert_eq!(
        stage.engine.queues[Lane::Interactive].len(),
        1,
        "among those that somebody waits for"
    );
}

#[test]
fn bulk_starts_from_disk_and_is_committed_chunk_by_chunk() {
    check(
        1,
        "
        submit a upsert bulk wait=1s
        > append a accepted
        durable
        > dispatch bulk a#1
        chunk a 10
        > append a advanced
        durable
        > ruling go on
        chunk a 20
        > append a advanced
        conflict a 7
        > ruling conflict
        chunk a 19
        > append a advanced
        full a
        +1s
        > append a started
        > reply a 202 running
        > append a advanced
        durable
        > ruling go on
        done a
        > append a succeeded
        ask b result a
        > reply b 202 running
    ",
    );
}

#[test]
fn bulk_makes_room_at_its_cursor_once_it_had_its_slice_and_others_wait() {
    check(
        1,
        "
        submit a upsert bulk wait=0s
        > append a accepted
        submit b upsert bulk wait=0s
        > append b accepted
        submit c upsert bulk wait=0s
        > append c accepted
        durable
        > reply a 202 queued
        > reply b 202 queued
        > reply c 202 queued
        > dispatch bulk a#1
        > dispatch bulk b#1
        chunk a 10
        > append a advanced
        durable
        > ruling go on
        +1s
        > append a started
        > append b started
        chunk a 20
        > append a advanced
        durable
        > ruling yield
        yield a
        > dispatch bulk c#1
        done c
        > append c succeeded
        > dispatch bulk a#1 from=20
    ",
    );
}

#[test]
fn a_chunk_of_a_run_that_is_over_changes_nothing() {
    check(
        1,
        "
        submit a upsert bulk wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch bulk a#1
        done a
        > append a succeeded
        chunk a 10
        > ruling stop
        durable
    ",
    );
}

#[test]
fn a_large_payload_has_its_file_before_its_record_and_loses_it_after_its_end() {
    check(
        1,
        "
        submit a upsert bytes=65536
        > spool a
        +1ms
        spooled a
        > append a accepted
        durable
        > dispatch interactive a#1
        done a
        > append a succeeded
        durable
        > reply a 200 disk
        > unspool a
        submit b upsert bytes=65535
        > dispatch interactive b#1
    ",
    );
}

#[test]
fn a_large_payload_without_room_on_the_disk_is_refused() {
    check(
        1,
        "
        submit a upsert bytes=65536 wait=0s
        > spool a
        spool-full a
        > reply a 503 disk no
        submit b upsert bytes=65536 wait=0s
        > spool b
        spooled b
        > append b accepted
        full b
        > reply b 503 disk no
        > unspool b
    ",
    );
}

#[test]
fn a_large_payload_that_waits_for_a_worker_is_not_in_memory() {
    check(
        1,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        submit b call bytes=65536 wait=0s
        > spool b
        spooled b
        > append b accepted
        durable
        > reply b 202 queued
        done a
        > append a succeeded
        > dispatch interactive b#1 spooled
    ",
    );
}

#[test]
fn an_end_that_no_record_can_hold_parks_its_task() {
    check(
        1,
        "
        submit a upsert
        > dispatch interactive a#1
        puts a
        > append a succeeded
        too-large a
        > append a accepted parked
        durable a
        > reply a 202 parked
    ",
    );
}

#[test]
fn a_chunk_that_no_record_can_hold_stops_its_worker_and_parks_its_task() {
    check(
        1,
        "
        submit a upsert bulk wait=10s
        > append a accepted
        durable
        > dispatch bulk a#1
        chunk a 10
        > append a advanced
        too-large a
        > ruling stop
        > append a parked
        yield a
        durable a
        > reply a 202 parked
    ",
    );
}

#[test]
fn a_cause_that_says_how_long_to_wait_is_waited_for_whatever_the_policy_says() {
    check(
        1,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        busy a 500h
        > append a retrying
        durable
        +499h
        +1h
        > dispatch background a#2
    ",
    );
}

#[test]
fn payloads_that_are_read_again_leave_memory_for_others() {
    let limits = Limits { payload_memory_max_bytes: 150_000, ..Limits::default() };
    check_within(
        4,
        limits,
        "
        submit a call bytes=65536 delay=1s wait=0s
        > spool a
        spooled a
        > append a accepted
        durable
        > reply a 202 queued
        submit b call bytes=65536 delay=1s wait=0s
        > spool b
        spooled b
        > append b accepted
        durable
        > reply b 202 queued
        submit c call bytes=65536 delay=1s wait=0s
        > spool c
        spooled c
        > append c accepted
        durable
        > reply c 202 queued
        +1s
        > dispatch interactive a#1 spooled
        why x b
        > explain x queued waits for memory
        submit d upsert
        > dispatch interactive d#1
        cancel y b
        > append b cancelled
        done a
        > append a succeeded
        > dispatch interactive c#1 spooled
    ",
    );
}
