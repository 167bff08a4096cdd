//! What goes on after a restart.

use super::completion::done;
use super::harness::{Stage, kinds, setup};
use crate::engine::Engine;
use crate::event::{Ask, Effect, Event, Freed, Steer, Submission, Wants, Wish};
use crate::limits::Limits;
use overtime_protocol::record::{Acceptance, Change, StartMark};
use overtime_protocol::{
    Chain, Chunk, Claim, Completion, Fate, Fault, Finding, Fingerprint, Form, Holder, Job, KeyHash,
    KindId, KindName, Lane, Now, Payload, Progress, ReplyTo, TaskId, TaskState, TenantId,
    Unfinished, UnixMillis, Verdict,
};
use std::time::Duration;

pub(super) fn unfinished(key: u64, kind: &str, started: Option<StartMark>) -> Unfinished {
    Unfinished {
        task: TaskId::from_key(key).unwrap(),
        acceptance: Acceptance {
            kind: KindName::new(kind).unwrap(),
            lane: Lane::Interactive,
            tenant: "default".into(),
            created_at: UnixMillis(1),
            due_at: None,
            urgency: 3,
            content_type: None,
            traceparent: None,
            form: Form::Single,
            payload: Payload::stored(5),
        },
        attempts: u32::from(started.is_some()),
        started,
        crashes: 0,
        next_at: None,
        fault: None,
        cursor: None,
        progress: None,
        payload_lost: false,
        claim: None,
        forgiven: 0,
        cancel_asked: false,
    }
}

fn mark(isolated: bool, crashes: u8) -> Option<StartMark> {
    Some(StartMark { at: UnixMillis(2), isolated, crashes })
}

/// Recovers, then lets the journal keep everything and the workers finish everything, one event
/// at a time; returns what was done in short words.
fn run(tasks: Vec<Unfinished>, clean: bool) -> Vec<String> {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    stage.engine.recover(tasks, clean, stage.now, &mut stage.out);
    play(&mut stage)
}

fn play(stage: &mut Stage) -> Vec<String> {
    let mut story = Vec::new();
    for _ in 0..50 {
        stage.engine.audit();
        stage.engine.dispatch(64, stage.now, &mut stage.out);
        stage.engine.audit();
        for effect in std::mem::take(&mut stage.out) {
            story.push(step(stage, effect));
        }
        stage.advance(Duration::from_millis(1));
        stage.engine.tick(64, stage.now, &mut stage.out);
    }
    assert_eq!(stage.engine.stats().tasks, 0);
    story
}

fn step(stage: &mut Stage, effect: Effect) -> String {
    match effect {
        Effect::Append(append) => {
            let what = match append.record.change.as_ref().unwrap() {
                Change::Started(mark) => format!("mark {} {}", mark.isolated, mark.crashes),
                Change::Parked(document) => {
                    format!("park {}", document.fault.as_ref().unwrap().code)
                }
                Change::Finished(document, _) if document.state == TaskState::Cancelled => {
                    "cancel".to_owned()
                }
                Change::Finished(..) => "finish".to_owned(),
                Change::Retrying { .. } => "retry".to_owned(),
                Change::Advanced(_) => "advance".to_owned(),
                Change::Resumed => "resume".to_owned(),
                Change::CancelAsked => "ask to cancel".to_owned(),
            };
            let fate = Fate::Durable { lsn: 1 };
            stage.event(Event::Judged(Verdict { ticket: append.ticket, fate }));
            format!("{} {what}", append.record.task.key())
        }
        Effect::Dispatch(chain) => {
            let job = &chain.jobs[0];
            let started = stage.now.monotonic;
            // Longer than what goes out in chains.
            let ended = started + Duration::from_millis(1);
            let completion = Completion { ended, ..done(job, started) };
            let freed = Some(Freed { chain: chain.number, lane: chain.lane });
            stage.event(Event::Completed { completion, freed });
            format!("{} run #{} in {}", job.task.key(), job.attempt, chain.lane.name())
        }
        Effect::Reply { .. } => "told".to_owned(),
        other => panic!("nobody asked for {other:?}"),
    }
}

/// What one tenant has left behind is in front of nobody else, nor of what somebody waits for.
#[test]
fn tenants_take_turns_when_a_backlog_is_taken_up() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    let mut tasks: Vec<_> = (1..=150).map(|key| unfinished(key, "call", None)).collect();
    tasks[148].acceptance.tenant = "other".into();
    let now = stage.now;
    stage.engine.recover(tasks, true, now, &mut stage.out);
    let (reply_to, wants, wait) = (ReplyTo(1), Wants::Document, Duration::from_secs(10));
    let task = TaskId::from_key(150).unwrap();
    stage.event(Event::Asked(Ask { reply_to, scope: None, task, wants, wait }));
    let story = play(&mut stage);
    let place = |line: &str| story.iter().position(|told| told == line).unwrap();
    for task in ["149", "150"] {
        let (marked, run) =
            (format!("{task} mark false 0"), format!("{task} run #1 in interactive"));
        assert!(place(&marked) <= 2, "{marked} comes {}th", place(&marked));
        let before = story[..place(&run)].iter().filter(|told| told.contains(" run "));
        assert!(before.count() <= 4, "{run} comes {}th", place(&run));
    }
}

#[test]
fn each_recovered_task_is_marked_before_it_starts() {
    let story = run(vec![unfinished(1, "echo", None), unfinished(2, "upsert", None)], false);
    let expected = [
        "1 mark false 0",
        "2 mark false 0",
        "1 run #1 in interactive",
        "2 run #1 in interactive",
        "1 finish",
        "2 finish",
    ];
    assert_eq!(story, expected);
}

#[test]
fn suspects_run_one_at_a_time_beside_the_others() {
    let tasks = vec![
        unfinished(1, "echo", mark(false, 0)),
        unfinished(2, "echo", mark(true, 1)),
        unfinished(3, "echo", None),
    ];
    let story = run(tasks, false);
    let suspects: Vec<&str> =
        story.iter().map(String::as_str).filter(|line| !line.starts_with('3')).collect();
    let expected = [
        "1 mark true 1",
        "1 run #2 in background",
        "1 finish",
        "2 mark true 2",
        "2 run #2 in background",
        "2 finish",
    ];
    assert_eq!(suspects, expected);
    assert!(story.contains(&"3 run #1 in interactive".to_owned()));
}

/// Lets the one worker send a chunk that ends at this cursor, and tells what the engine does once
/// that is on disk, but for the ruling.
fn save(stage: &mut Stage, chain: &Chain, cursor: &'static str) -> Vec<String> {
    let Job { task, run, .. } = chain.jobs[0];
    let progress = Progress { done: cursor.parse().unwrap(), total: None };
    let cursor = cursor.into();
    let chunk = Chunk { task, run, cursor, progress, puts: Vec::new(), expects: Vec::new() };
    stage.event(Event::Advanced { chunk, chain: chain.number });
    let advance = stage.out.pop().expect("a chunk is appended");
    step(stage, advance);
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    let effects = std::mem::take(&mut stage.out).into_iter();
    let effects = effects.filter(|effect| !matches!(effect, Effect::Rule { .. }));
    effects.map(|effect| step(stage, effect)).collect()
}

#[test]
fn a_suspect_that_comes_further_is_none_any_more() {
    let mut stage = Stage::new(Engine::new(setup(40, Limits::default(), 1)));
    let progress = Some(Progress { done: 5, total: None });
    let saved = unfinished(1, "echo", mark(true, 1));
    let saved = Unfinished { cursor: Some("5".into()), progress, ..saved };
    let tasks = vec![saved, unfinished(2, "echo", mark(false, 0))];
    stage.engine.recover(tasks, false, stage.now, &mut stage.out);
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    let marked = stage.out.pop().expect("a suspect is marked before it starts");
    assert_eq!(step(&mut stage, marked), "1 mark true 2");
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    let Some(Effect::Dispatch(chain)) = stage.out.pop() else { panic!("it has not started") };
    // It has been there before.
    assert_eq!(save(&mut stage, &chain, "5"), [""; 0]);
    assert_eq!(save(&mut stage, &chain, "6"), ["1 mark false 0", "2 mark true 1"]);
    assert_eq!(save(&mut stage, &chain, "7"), ["2 run #2 in background"]);
}

#[test]
fn the_third_crash_parks() {
    let story = run(vec![unfinished(1, "echo", mark(true, 2))], false);
    assert_eq!(story, ["1 park crashed-server"]);
}

#[test]
fn a_crash_beside_others_is_never_the_third() {
    let story = run(vec![unfinished(1, "echo", mark(false, 2))], false);
    assert_eq!(story[0], "1 mark true 2");
}

#[test]
fn after_an_orderly_end_nobody_is_suspected() {
    let story = run(vec![unfinished(1, "echo", mark(true, 2))], true);
    assert_eq!(story, ["1 mark false 0", "1 run #2 in background", "1 finish"]);
}

#[test]
fn what_was_asked_to_end_does_not_run_again() {
    let asked = Unfinished { cancel_asked: true, ..unfinished(1, "echo", mark(true, 2)) };
    assert_eq!(run(vec![asked], false), ["1 cancel"]);
}

#[test]
fn a_suspect_that_is_cancelled_makes_room_for_the_next() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    let tasks = (1..=3).map(|key| unfinished(key, "echo", mark(false, 0))).collect();
    stage.engine.recover(tasks, false, stage.now, &mut stage.out);
    let (reply_to, scope, wish) = (ReplyTo(1), None, Wish::Cancel);
    let task = TaskId::from_key(2).unwrap();
    stage.event(Event::Steered(Steer { reply_to, scope, task, wish }));
    let story = play(&mut stage);
    let expected = [
        "2 cancel",
        "1 mark true 1",
        "told",
        "1 run #2 in background",
        "1 finish",
        "3 mark true 1",
        "3 run #2 in background",
        "3 finish",
    ];
    assert_eq!(story, expected);
}

#[test]
fn a_single_call_goes_on_from_where_it_saved() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    let saved = Unfinished { cursor: Some("7".into()), ..unfinished(1, "echo", mark(false, 0)) };
    stage.engine.recover(vec![saved], false, stage.now, &mut stage.out);
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    let marked = stage.out.pop().expect("a suspect is marked before it starts");
    assert_eq!(step(&mut stage, marked), "1 mark true 1");
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    let [Effect::Dispatch(chain)] = &stage.out[..] else { panic!("{:?}", stage.out) };
    assert_eq!(chain.jobs[0].cursor.as_ref().expect("it was saved"), "7");
}

#[test]
fn a_kind_without_a_handler_is_left_to_the_journal() {
    let mut engine = Engine::new(setup(4, Limits::default(), 1));
    let mut out = Vec::new();
    let known = kinds().len();
    engine.recover(vec![unfinished(1, "gone", None)], false, Default::default(), &mut out);
    assert!(out.is_empty() && known > 0);
    assert_eq!((engine.stats().unhandled, engine.stats().tasks), (1, 0));
}

#[test]
fn due_times_survive() {
    let now = Now { unix: UnixMillis(5_000), ..Now::default() };
    let mut later = unfinished(1, "echo", None);
    later.acceptance.due_at = Some(UnixMillis(8_000));
    assert_eq!(starts_after(later, now), Duration::from_secs(3));
}

#[test]
fn nobody_waits_longer_than_was_meant_because_the_clock_was_set_back() {
    const HOUR_MS: u64 = 3_600_000;
    // All of this was decided on two hours ahead of what the clock says now.
    let (now, then) = (Now { unix: UnixMillis(HOUR_MS), ..Now::default() }, 3 * HOUR_MS);
    let mut delayed = unfinished(1, "echo", None);
    delayed.acceptance.created_at = UnixMillis(then);
    delayed.acceptance.due_at = Some(UnixMillis(then + 7_000));
    assert_eq!(starts_after(delayed.clone(), now), Duration::from_secs(7));
    let retry = kinds().iter().find(|kind| kind.name.as_str() == "echo").unwrap().retry;
    let next_at = Some(UnixMillis(then + 1));
    let retried = Unfinished { attempts: 2, next_at, ..delayed };
    assert_eq!(starts_after(retried.clone(), now), retry.bound(2));
    // Who asks to be left alone for longer is.
    let told = Duration::from_mins(10);
    let fault = Fault { retry_after: Some(told), ..Fault::input("busy", "later") };
    let fault = Some(fault);
    let next_at = Some(UnixMillis(u64::MAX));
    assert_eq!(starts_after(Unfinished { fault, next_at, ..retried }, now), told);
}

/// How long a task is held back that a former process has left.
fn starts_after(task: Unfinished, now: Now) -> Duration {
    let mut engine = Engine::new(setup(4, Limits::default(), 1));
    engine.recover(vec![task], false, now, &mut Vec::new());
    engine.next_deadline().unwrap().since(now.monotonic)
}

#[test]
fn an_attempt_that_is_not_the_one_at_hand_ends_nothing() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    let recovered = vec![unfinished(1, "upsert", None)];
    stage.event(Event::Recovered { unfinished: recovered, clean: true });
    let (mut others, mut appended) = (0, 0);
    for _ in 0..10 {
        stage.engine.dispatch(64, stage.now, &mut stage.out);
        for effect in std::mem::take(&mut stage.out) {
            match effect {
                Effect::Append(append) => {
                    appended += u32::from(others > 0);
                    let fate = Fate::Durable { lsn: 1 };
                    stage.event(Event::Judged(Verdict { ticket: append.ticket, fate }));
                }
                Effect::Dispatch(chain) => {
                    others += 2;
                    let job = &chain.jobs[0];
                    for (attempt, run) in [(job.attempt + 1, job.run), (job.attempt, job.run + 1)] {
                        let done = done(job, stage.now.monotonic);
                        let completion = Completion { attempt, run, ..done };
                        stage.event(Event::Completed { completion, freed: None });
                    }
                }
                other => panic!("nobody asked for {other:?}"),
            }
        }
    }
    assert_eq!((others, appended, stage.engine.stats().stale), (2, 0, 2));
}

#[test]
fn whoever_repeats_a_request_waits_for_its_task_of_a_former_process() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    let (key, fingerprint) = (KeyHash([7; 16]), Fingerprint([8; 16]));
    let claim = Some(Claim { key, fingerprint });
    let task = Unfinished { claim, ..unfinished(1, "upsert", None) };
    stage.engine.begin_recovery();
    stage.event(Event::Recovered { unfinished: vec![task], clean: true });
    stage.event(Event::RecoveryEnded);
    stage.event(Event::Submitted(Submission {
        reply_to: ReplyTo(1),
        tenant: TenantId::default(),
        kind: KindId(0),
        form: Form::Single,
        wait: Duration::from_secs(10),
        urgency: 3,
        delay: Duration::ZERO,
        payload: Payload::seal(vec!["abc".into()]),
        content_type: None,
        traceparent: None,
        key: Some(key),
        strict: false,
    }));
    let inquiry = stage.out.iter().position(|effect| matches!(effect, Effect::Inquire(_)));
    let Effect::Inquire(inquiry) = stage.out.remove(inquiry.unwrap()) else { unreachable!() };
    // The journal knows the task too, and that it has not ended.
    let task = TaskId::from_key(1).unwrap();
    let holder = Some(Box::new(Holder { task, fingerprint, replay: None }));
    let finding = Finding::Key { fingerprint, holder };
    stage.event(Event::Found { ticket: inquiry.ticket, finding });
    assert_eq!(stage.engine.stats().waiters, 1);
    assert_eq!(play(&mut stage).iter().filter(|told| *told == "told").count(), 1);
}

#[test]
fn few_are_marked_ahead_of_their_start_and_nobody_new_waits_for_them() {
    let tasks = (1..=2_000).map(|key| unfinished(key, "upsert", None)).collect();
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    stage.engine.recover(tasks, false, stage.now, &mut stage.out);
    while stage.engine.has_work_to_start() {
        stage.engine.dispatch(64, stage.now, &mut stage.out);
        stage.engine.audit();
    }
    let marks = stage.out.iter().filter(|effect| matches!(effect, Effect::Append(_))).count();
    assert_eq!(marks, 512);
    stage.out.clear();
    stage.play("submit new upsert");
    assert!(
        matches!(&stage.out[..], [Effect::Dispatch(chain)] if chain.jobs.len() == 1),
        "{:?}",
        stage.out
    );
}

#[test]
fn whoever_waits_goes_before_those_that_were_marked() {
    let tasks = (1..=20).map(|key| unfinished(key, "call", None)).collect();
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    stage.engine.recover(tasks, false, stage.now, &mut stage.out);
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    let marks = std::mem::take(&mut stage.out);
    // All workers are busy when the marks are on disk, and somebody comes.
    for name in ["a", "b", "c", "d", "e"] {
        stage.play(&format!("submit {name} upsert"));
    }
    stage.describe(&mut String::new());
    for effect in marks {
        let Effect::Append(append) = effect else { panic!("{effect:?}") };
        assert!(append.is_awaited, "it starts when the mark is durable");
        let fate = Fate::Durable { lsn: 1 };
        stage.event(Event::Judged(Verdict { ticket: append.ticket, fate }));
    }
    stage.play("submit late upsert");
    stage.play("done b");
    let started = stage.out.iter().filter_map(|effect| match effect {
        Effect::Dispatch(chain) => Some(chain.jobs[0].task.key()),
        _ => None,
    });
    let started: Vec<_> = started.collect();
    assert!(!started.is_empty() && started.iter().all(|&key| key > 20), "{started:?}");
}

#[test]
fn a_backlog_waits_while_the_archive_is_behind_and_new_work_does_not() {
    let tasks = (1..=3).map(|key| unfinished(key, "call", None)).collect();
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 1)));
    stage.event(Event::Strained(true));
    stage.engine.recover(tasks, false, stage.now, &mut stage.out);
    assert!(!stage.engine.has_work_to_start());
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    assert!(stage.out.is_empty(), "{:?}", stage.out);
    stage.play("submit new upsert");
    assert!(matches!(&stage.out[..], [Effect::Dispatch(_)]), "{:?}", stage.out);
    stage.out.clear();
    stage.event(Event::Strained(false));
    assert!(stage.engine.has_work_to_start());
    stage.engine.dispatch(64, stage.now, &mut stage.out);
    assert_eq!(stage.out.len(), 3, "{:?}", stage.out);
}

#[test]
fn crashes_of_long_ago_do_not_make_a_crash_beside_others_a_tasks_own() {
    let before = || Unfinished { crashes: 2, ..unfinished(1, "echo", None) };
    assert_eq!(run(vec![before()], false)[0], "1 mark false 2");
    let marked = Unfinished { crashes: 2, ..unfinished(1, "echo", mark(true, 2)) };
    assert_eq!(run(vec![marked], true)[0], "1 mark false 2");
}
