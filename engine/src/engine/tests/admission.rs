//! What becomes of single callers when too many wait, one story a test.

use super::harness::{Stage, check, check_within, setup};
use crate::engine::{Engine, Setup};
use crate::event::Effect;
use crate::limits::Limits;
use overtime_protocol::{Answer, Lane};
use std::fmt::Write;
use std::time::Duration;

/// As many as may stand in the lane of one worker.
const ROOM: usize = 16;

/// One worker has `a`, and as many wait in the lane as may.
fn crowded(story: &str) -> String {
    let mut text = "submit a echo\n> dispatch interactive a#1\n".to_owned();
    for number in 0..ROOM {
        writeln!(text, "submit t{number} echo").unwrap();
    }
    text + story
}

#[test]
fn whoever_comes_when_too_many_wait_is_told_202_and_its_task_is_background_work() {
    check(
        1,
        &crowded(
            "
            +100ms
            submit x echo
            > append x accepted
            durable
            > reply x 202 queued
            > dispatch background x#1
            done x
            > append x succeeded
            durable
        ",
        ),
    );
}

#[test]
fn nobody_is_put_off_behind_a_journal_that_stands_still() {
    check(
        1,
        &crowded(
            "
            +100ms
            submit x echo
            > append x accepted
            +10ms
            submit y echo
            > append y accepted
            +1ms
            submit z echo
            > reply z 503 overloaded no
            durable
            > reply x 202 queued
            > reply y 202 queued
            > dispatch background x#1
            submit again echo
            > append again accepted
        ",
        ),
    );
}

/// Those who come at once behind a stall are those who waited meanwhile, and no overload.
#[test]
fn whoever_comes_behind_a_stall_of_the_journal_is_served() {
    let mut stage = Stage::new(Engine::new(setup(200, Limits::default(), 7)));
    let stall = ["submit a upsert", "done a"].into_iter().chain(["+100ms"; 6]).chain(["durable"]);
    let burst = (0..64).map(|number| format!("submit t{number} upsert"));
    let lines: Vec<String> = stall.map(str::to_owned).chain(burst).collect();
    for line in lines {
        stage.play(&line);
        stage.describe(&mut String::new());
    }
    let stats = stage.engine.stats();
    assert!(stats.queued[Lane::Interactive] > ROOM as u64, "nobody had to stand");
    assert_eq!((stats.cut_for_room, stats.trimmed, stats.refused), (0, 0, 0));
}

#[test]
fn before_the_lane_is_judged_everybody_waits_and_then_the_newest_wait_no_more() {
    check(
        1,
        &crowded(
            "
            submit x echo
            submit y upsert
            +1ms
            > append y accepted
            durable
            +99ms
            > reply y 202 queued
            > append x accepted
            > dispatch background y#1
            durable
            > reply x 202 queued
        ",
        ),
    );
}

#[test]
fn whoever_insists_on_an_answer_is_refused() {
    check(
        1,
        &crowded(
            "
            +100ms
            submit x echo strict
            > reply x 503 overloaded no
            submit y echo strict wait=0s
            > append y accepted
        ",
        ),
    );
}

#[test]
fn whoever_insists_and_waits_already_is_refused_if_nothing_of_it_is_recorded() {
    check(
        1,
        &crowded(
            "
            submit x echo strict
            submit y upsert strict
            +1ms
            > append y accepted
            +99ms
            > reply x 503 overloaded no
            > dispatch background y#1
            durable
            > reply y 202 running
        ",
        ),
    );
}

#[test]
fn whoever_waited_for_the_journal_until_it_was_too_late_is_put_off_too() {
    check(
        1,
        &crowded(
            "
            submit x echo key=k wait=1s
            > inquire for x
            +100ms
            +2s
            found x
            > append x accepted
            durable
            > reply x 202 queued
            > dispatch background x#1
        ",
        ),
    );
}

#[test]
fn whoever_may_get_a_spare_worker_is_not_told_that_it_takes_too_long() {
    for (most, cut) in [(1, 1), (4, 0)] {
        let setup = setup(1, Limits::default(), 7);
        let plan = setup.plan.up_to(most);
        let mut stage = Stage::new(Engine::new(Setup { plan, ..setup }));
        stage.engine.admission.note_exec(Duration::from_mins(1));
        for line in ["submit a echo", "submit b echo", "submit c echo"] {
            stage.play(line);
            stage.describe(&mut String::new());
        }
        assert_eq!(stage.engine.stats().cut_as_hopeless, cut, "up to {most} workers");
    }
}

#[test]
fn whoever_is_put_off_is_told_why_and_when_it_will_be_through() {
    let mut stage = Stage::new(Engine::new(setup(1, Limits::default(), 7)));
    for line in crowded("+100ms").lines().filter(|line| !line.starts_with('>')) {
        stage.play(line);
        stage.describe(&mut String::new());
    }
    (0..100).for_each(|_| stage.engine.admission.note_exec(Duration::from_secs(1)));
    for number in 0..101 {
        stage.play(&format!("submit x{number} echo"));
        stage.describe(&mut String::new());
    }
    stage.play("durable");
    let told = stage.out.iter().rev().find_map(|effect| match effect {
        Effect::Reply { answer: Answer::Accepted { retry_after, .. }, .. } => Some(*retry_after),
        _ => None,
    });
    // One runs, and a hundred wait for the only worker.
    let told = told.expect("the last is told 202");
    assert!((100..=151).contains(&told.as_secs()), "{told:?}");
    stage.describe(&mut String::new());
    stage.play("why w x50");
    let explained = stage.out.iter().any(|effect| match effect {
        Effect::Explain { explanation, .. } => explanation.reason.contains("background work"),
        _ => false,
    });
    assert!(explained, "{:?}", stage.out);
}

#[test]
fn whoever_comes_with_a_known_key_waits_like_the_first() {
    check(
        1,
        "
        submit a echo key=k
        > inquire for a
        found a
        > dispatch interactive a#1
        +1ms
        > append a accepted started
        durable
        submit t0 echo
        submit t1 echo
        submit t2 echo
        submit t3 echo
        submit t4 echo
        submit t5 echo
        submit t6 echo
        submit t7 echo
        submit t8 echo
        submit t9 echo
        submit u0 echo
        submit u1 echo
        submit u2 echo
        submit u3 echo
        submit u4 echo
        submit u5 echo
        +100ms
        submit again echo key=k
        > inquire for again
        found again held-by=a
        done a
        > append a succeeded
        > dispatch interactive t0#1 t1#1 t2#1 t3#1 t4#1 t5#1 t6#1 t7#1
        durable
        > reply a 200 disk
        > reply again 200 disk
    ",
    );
}

#[test]
fn whoever_waits_again_has_its_task_back_in_the_lane_once_there_is_room() {
    let story = crowded(
        "
        +100ms
        submit x echo
        submit y echo
        durable
        ask p document y wait=5s
    ",
    );
    let mut stage = Stage::new(Engine::new(setup(1, Limits::default(), 7)));
    let mut play = |line: &str| {
        stage.play(line);
        stage.describe(&mut String::new());
        stage.engine.stats().queued
    };
    let mut queued = overtime_protocol::PerLane::<u64>::default();
    for line in story.lines().map(str::trim).filter(|line| !line.starts_with('>')) {
        queued = play(line);
    }
    // `x` runs in the background, and there is no room for `y`.
    assert_eq!((queued[Lane::Interactive], queued[Lane::Background]), (ROOM as u64, 1));
    play("done a");
    let room = play("ask q document y wait=5s");
    let queued = (room[Lane::Interactive], room[Lane::Background]);
    // `a` was over at once, so the next eight went out together.
    assert_eq!(queued, (ROOM as u64 - 8 + 1, 0));
}

/// Whoever helps looks past what it may not take, and leaves it where it stands.
#[test]
fn retries_keep_their_order_however_often_somebody_looks_for_what_was_put_off() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 7)));
    let mut seen = String::new();
    let mut play = |stage: &mut Stage, line: &str| {
        seen.clear();
        stage.play(line);
        stage.describe(&mut seen);
        seen.clone()
    };
    for name in ["r0", "r1", "r2"] {
        play(&mut stage, &format!("submit {name} upsert wait=0s"));
        for line in ["durable".to_owned(), format!("fail {name}"), "durable".into(), "+1h".into()] {
            play(&mut stage, &line);
        }
    }
    // Four run, and as many stand as may before four workers.
    let names: Vec<String> = (0..4 + 13).map(|number| format!("t{number}")).collect();
    names.iter().for_each(|name| drop(play(&mut stage, &format!("submit {name} echo"))));
    for line in ["+100ms", "submit x echo", "durable"] {
        play(&mut stage, line);
    }
    assert_eq!(stage.engine.stats().queued[Lane::Background], 3);
    for name in &names {
        assert!(stage.has(name), "{name} has not started");
        play(&mut stage, &format!("done {name}"));
    }
    for line in ["durable", "+100ms", "+100ms"] {
        play(&mut stage, line);
    }
    for _ in 0..2 {
        stage.engine.dispatch(64, stage.now, &mut stage.out);
    }
    assert_eq!(play(&mut stage, ""), "> dispatch interactive x#1\n");
    let next = "> append r0 succeeded\n> dispatch background r1#2\n";
    assert_eq!(play(&mut stage, "done r0"), next);
}

#[test]
fn without_admission_everybody_waits() {
    let mut limits = Limits::default();
    limits.admission.enabled = false;
    check_within(
        1,
        limits,
        &crowded(
            "
            +1s
            submit x echo
            submit y echo strict
            +1s
        ",
        ),
    );
}

#[test]
fn a_process_without_memory_takes_nothing_new_and_ends_what_it_has() {
    check(
        1,
        "
        submit a upsert bytes=2000
        > dispatch interactive a#1
        submit b upsert bytes=800
        +1ms
        > append a accepted started
        > append b accepted
        durable
        pressure alarm
        submit c upsert
        +1ms
        > append c accepted
        pressure full
        submit d upsert
        > reply d 503 memory no
        puts a
        > append a succeeded
        > dispatch interactive b#1 stored c#1
        durable
        > reply a 200 disk
        pressure fine
        submit e upsert
    ",
    );
}

/// Whoever is looked at for company, and is too long for it, has not started by that.
#[test]
fn how_fast_the_lane_is_worked_off_counts_each_start_once() {
    let mut stage = Stage::new(Engine::new(setup(1, Limits::default(), 7)));
    let (brief, long) = (overtime_protocol::KindId(0), overtime_protocol::KindId(1));
    stage.engine.brief.note(brief, Duration::ZERO);
    stage.engine.brief.note(long, Duration::from_secs(1));
    let names: Vec<String> = (0..40).map(|number| format!("t{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        stage.play(&format!("submit {name} {}", ["echo", "upsert"][number % 2]));
        stage.describe(&mut String::new());
    }
    stage.play("+100ms");
    stage.describe(&mut String::new());
    // Ten of them end within an interval, and nine start: the next one when it has been judged.
    for name in &names[..10] {
        stage.play(&format!("+10ms done {name}"));
        stage.describe(&mut String::new());
    }
    let ninety = stage.engine.admission.until_started(90, 1);
    assert_eq!(ninety, Some(Duration::from_secs(1)));
}
