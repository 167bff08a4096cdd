//! Tasks that call an upstream, one story a test. What a gate decides is tested where it decides.

use super::harness::{Stage, check, setup};
use super::recovery::unfinished;
use crate::engine::Engine;
use crate::event::Effect;
use crate::gate::{Phase, Saved};
use crate::limits::Limits;
use overtime_protocol::record::StartMark;
use overtime_protocol::{UnixMillis, UpstreamId};

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
fn a_few_retries_pass_while_first_attempts_wait() {
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
        submit e pay
        > append e accepted
        durable
        done b
        > append b succeeded
        > dispatch background a#2
        done c
        > append c succeeded
        > dispatch interactive d#1
        done a
        > append a succeeded
        > dispatch interactive e#1
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

#[test]
fn who_waits_for_a_task_that_has_left_its_line_is_not_remembered_there() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["submit a pay", "submit b pay", "durable"]);
    for number in 0..200 {
        let (submit, cancel) =
            (format!("submit t{number} pay wait=10s"), format!("cancel x t{number}"));
        stage.tell(&[&submit, "durable", &cancel, "durable"]);
    }
    let noted = stage.engine.lines.get(UpstreamId(0)).noted();
    assert!(noted < 10, "{noted} are noted, and the line is empty");
}

#[test]
fn who_waits_for_a_retry_that_comes_to_a_shed_upstream_has_its_address_at_once() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["submit a pay wait=60s", "durable", "hold op bank", "durable"]);
    let seen = stage.tell(&["fail a", "durable", "+20s", "durable"]);
    assert!(seen.contains("> reply a 202 held"), "{seen}");
}

#[test]
fn whatever_is_held_after_a_restart_is_in_nobodys_way() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["hold op bank", "durable"]);
    let now = stage.now;
    let held = (1..=2_000).map(|key| unfinished(key, "pay", None));
    let tasks = held.chain([unfinished(3_000, "upsert", None)]).collect();
    stage.engine.recover(tasks, true, now, &mut stage.out);
    let mut seen = String::new();
    for _ in 0..60 {
        seen += &stage.tell(&["+1ms", "durable"]);
    }
    assert_eq!(seen.matches("dispatch").count(), 1, "{seen}");
    assert_eq!(seen.matches("started").count(), 1, "what is held is not marked: {seen}");
}

#[test]
fn a_suspect_that_is_held_does_not_hold_the_others_up_and_goes_when_it_may() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["hold op bank", "durable"]);
    let (now, mark) = (stage.now, StartMark { at: UnixMillis(2), isolated: true, crashes: 1 });
    let tasks = [(1, "pay"), (2, "pay"), (3, "upsert")];
    let tasks = tasks.map(|(key, kind)| unfinished(key, kind, Some(mark))).into();
    stage.engine.recover(tasks, false, now, &mut stage.out);
    let seen = stage.tell(&["+1ms", "durable", "+1ms", "durable", "+1ms", "durable"]);
    assert_eq!(seen.matches("dispatch").count(), 1, "{seen}");
    let mut seen = stage.tell(&["release op bank"]);
    for task in ["own0", "own1"] {
        for _ in 0..20 {
            seen += &stage.tell(&["+100ms", "durable"]);
        }
        assert_eq!(seen.matches("dispatch").count(), 1, "{seen}");
        seen = stage.tell(&[&format!("done {task}"), "durable"]);
    }
}

#[test]
fn a_call_ends_once_and_what_is_told_of_it_later_changes_nothing() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    let calls = |stage: &Stage| {
        let view = stage.engine.gates.view(UpstreamId(0), stage.now);
        (view.places_taken, view.ends.answered, stage.engine.bulk_calls.of(UpstreamId(0)))
    };
    stage.tell(&["submit a pay bulk wait=0s", "durable", "wants a 2"]);
    assert_eq!(calls(&stage), (2, 0, 2));
    stage.tell(&["wants a 0 1"]);
    assert_eq!(calls(&stage), (1, 1, 1));
    stage.tell(&["wants a 0 1", "wants a 0 77"]);
    assert_eq!(calls(&stage), (1, 1, 1), "it had ended, and there never was one");

    // The worker has the next body by then.
    stage.tell(&["submit b pay bulk wait=0s", "durable", "done a"]);
    assert_eq!(calls(&stage), (0, 1, 0), "what was not told has ended with the run");
    stage.tell(&["wants b 1", "wants b 0 2"]);
    assert_eq!(calls(&stage), (1, 1, 1), "another's call is none of its own");
    stage.tell(&["wants b 0 3", "done b", "durable"]);
    assert_eq!(calls(&stage), (0, 2, 0));
}

#[test]
fn who_joins_a_task_that_stands_in_line_has_its_address_as_soon_as_that_is_held() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["submit a pay", "submit b pay", "durable"]);
    stage.tell(&["submit first pay key=k wait=0s", "found first", "durable"]);
    let joined = ["submit joined pay key=k wait=30s", "found joined"];
    let seen = stage.tell(&joined);
    assert!(!seen.contains("reply"), "it waits for a place: {seen}");
    let seen = stage.tell(&["hold op bank"]);
    assert!(seen.contains("> reply joined 202 held"), "{seen}");
    let joined = ["submit late pay key=k wait=30s", "found late"];
    let seen = stage.tell(&joined);
    assert!(seen.contains("> reply late 202 held"), "{seen}");
}

#[test]
fn however_many_join_a_task_in_line_it_is_noted_once() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["submit a pay", "submit b pay", "durable"]);
    stage.tell(&["submit first pay key=k wait=0s", "found first", "durable"]);
    for number in 0..50 {
        let submit = format!("submit t{number} pay key=k wait=30s");
        stage.tell(&[&submit, &format!("found t{number}")]);
    }
    assert_eq!(stage.engine.lines.get(UpstreamId(0)).noted(), 1);
}

/// One whose upstream was shed by its own calls, of which the first probe may go at once.
fn shed() -> Stage {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    let saved = Saved { phase: Phase::Shed, since_ms: stage.now.unix.0, ..Saved::default() };
    stage.engine.gates.restore(UpstreamId(0), &saved, stage.now);
    stage
}

#[test]
fn only_a_probe_is_told_how_long_it_may_take() {
    let mut stage = shed();
    let seen = stage.tell(&["submit a pay wait=0s", "durable"]);
    assert!(seen.contains("> dispatch interactive a#1 within 8s"), "{seen}");
    let lines = ["done a", "durable", "release op bank", "submit b pay wait=0s", "durable"];
    let seen = stage.tell(&lines);
    assert!(seen.contains("> dispatch interactive b#1\n"), "{seen}");
}

#[test]
fn only_a_probe_that_is_an_item_is_told_how_long_it_may_take() {
    let mut stage = shed();
    let seen = stage.tell(&["submit a pay bulk wait=0s", "durable", "wants a 4"]);
    assert!(seen.contains("> grant 1 calls within 8s"), "{seen}");
    let seen = stage.tell(&["release op bank", "+10s", "wants a 2 1"]);
    assert!(seen.contains("> grant 2 calls\n"), "{seen}");
}

#[test]
fn eight_probes_are_out_at_most_and_the_end_of_one_lets_the_next_go() {
    let mut stage = shed();
    let mut seen = String::new();
    for number in 0..20 {
        seen += &stage.tell(&[&format!("submit t{number} pay wait=0s"), "durable", "+1s"]);
    }
    assert_eq!(seen.matches("within 8s").count(), 8, "{seen}");
    let seen = stage.tell(&["fail t0", "durable"]);
    assert_eq!(seen.matches("within 8s").count(), 1, "{seen}");
}

#[test]
fn a_line_of_which_time_lets_none_go_is_not_looked_at() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["submit a pay wait=0s", "durable", "hold op bank", "durable"]);
    stage.tell(&["fail a", "durable", "+20s", "durable"]);
    let line = stage.engine.lines.get(UpstreamId(0));
    assert_eq!((line.len(), line.timer), (1, None), "only a person lets it go");
}

#[test]
fn why_a_task_waits_for_an_upstream_that_has_asked_for_time_says_so() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    let until = stage.now.unix.0 + 60_000;
    let saved = Saved { paused_until_ms: Some(until), ..Saved::default() };
    stage.engine.gates.restore(UpstreamId(0), &saved, stage.now);
    stage.tell(&["submit a pay wait=0s", "durable"]);
    stage.play("why w a");
    let said = stage.out.iter().find_map(|effect| match effect {
        Effect::Explain { explanation, .. } => Some(&*explanation.reason),
        _ => None,
    });
    let wanted = "The upstream bank has asked to be left alone for a while; 1 tasks wait for it.";
    assert_eq!(said, Some(wanted));
    let seen = stage.tell(&["+60s"]);
    assert!(seen.contains("> dispatch interactive a#1"), "{seen}");
}
