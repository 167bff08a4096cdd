//! Whose tasks a caller sees: those of others are the journal's to answer, whatever they do.

use super::harness::{Stage, check, setup};
use crate::engine::Engine;
use crate::event::{Effect, Event, Steer, Wish};
use crate::limits::Limits;
use overtime_protocol::{Code, ReplyTo, Scope, TaskId};

#[test]
fn live_tasks_of_others_are_left_to_the_journal() {
    check(
        2,
        "
        submit a call tenant=acme wait=0s
        > append a accepted
        ask x result a as=acme
        > read ReplyTo(1) as acme
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        ask x document a as=acme
        > reply x document running
        ask x document a
        > reply x document running
        ask y document a as=other
        > read ReplyTo(4) as other
        ask y document a as=other wait=10s
        > read ReplyTo(5) as other
        ask y result a as=other
        > read ReplyTo(6) as other
        why y a as=other
        > read ReplyTo(7) as other
        cancel y a as=other
        > read ReplyTo(8) as other
        retry y a as=other
        > read ReplyTo(9) as other
        cancel x a as=acme
        > stop 0 of a
        > append a cancel-asked
        ",
    );
}

#[test]
fn a_parked_task_is_steered_by_its_own_tenant_alone() {
    check(
        2,
        "
        submit a upsert tenant=acme wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        defect a
        > append a parked
        durable
        cancel y a as=other
        > inquire for a
        retry x a as=acme
        cancel z a as=other
        parked a tenant=acme
        > read ReplyTo(1) as other
        > append a resumed
        > read ReplyTo(3) as other
        retry y a as=other
        > read ReplyTo(4) as other
        durable
        > reply x 202 queued
        > dispatch background a#2 stored
        done a
        > append a succeeded
        durable
        cancel y a as=other
        > inquire for a
        cancel x a as=acme
        parked a not tenant=acme
        > read ReplyTo(5) as other
        > reply x 409 already-finished yes
        cancel y a as=other
        > inquire for a
        parked a unknown
        > reply y 404 unknown-task no
        ",
    );
}

/// Until all tasks of a former process are known, a task of others waits as long as one that may
/// never have been.
#[test]
fn while_tasks_are_taken_up_those_of_others_are_as_unknown_as_the_rest() {
    let mut stage = Stage::new(Engine::new(setup(2, Limits::default(), 1)));
    let other = stage.engine.tenant("other");
    stage.engine.begin_recovery();
    let mut tasks = vec![
        super::recovery::unfinished(1, "call", None),
        super::recovery::unfinished(2, "no-longer-handled", None),
    ];
    tasks.iter_mut().for_each(|task| task.acceptance.tenant = "acme".into());
    stage.event(Event::Recovered { unfinished: tasks, clean: true });
    stage.out.clear();
    let acme = stage.engine.tenant("acme");
    for (caller, scope) in [other, acme].into_iter().enumerate() {
        for key in [1, 2, 3] {
            let task = TaskId::from_key(key).unwrap();
            let reply_to = ReplyTo(10 * caller as u64 + key);
            let scope = Some(scope);
            stage.event(Event::Steered(Steer { reply_to, scope, task, wish: Wish::Retry }));
        }
    }
    assert_eq!(told(&mut stage), [(11, "409".to_owned())], "its own, which is live, at once");
    stage.event(Event::RecoveryEnded);
    let expected = [(1, "other"), (2, "other"), (3, "inquiry"), (12, "409"), (13, "inquiry")];
    let expected: Vec<_> = expected.map(|(to, what)| (to, what.to_owned())).into();
    let mut found = told(&mut stage);
    // One question for both.
    found.push((13, "inquiry".to_owned()));
    found.sort();
    assert_eq!(found, expected);
}

/// Who was told what: an answer's status, or in whose name the journal is asked.
fn told(stage: &mut Stage) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    for effect in std::mem::take(&mut stage.out) {
        match effect {
            Effect::Reply { to, answer } => {
                let overtime_protocol::Answer::Problem(problem) = answer else { continue };
                assert!(matches!(problem.code, Code::NotParked | Code::UnhandledKind));
                told.push((to.0, problem.code.status().to_string()));
            }
            Effect::Read(read) => {
                let Scope::Own(own) = read.scope else { panic!("{read:?} for all") };
                told.push((read.reply_to.0, own.to_string()));
            }
            Effect::Inquire(_) => told.push((3, "inquiry".to_owned())),
            _ => {}
        }
    }
    told
}
