//! Which records somebody waits for: those go to the journal at once, the others may wait for company.

use super::harness::{Stage, setup};
use crate::engine::Engine;
use crate::event::Effect;
use crate::limits::Limits;

/// For each record that the last of these lines appends, whether it is awaited.
fn awaited(lines: &[&str]) -> Vec<bool> {
    let (last, before) = lines.split_last().unwrap();
    let mut stage = Stage::new(Engine::new(setup(2, Limits::default(), 7)));
    stage.tell(before);
    stage.play(last);
    let is_awaited = |effect: &Effect| match effect {
        Effect::Append(append) => Some(append.is_awaited),
        _ => None,
    };
    let awaited: Vec<_> = stage.out.iter().filter_map(is_awaited).collect();
    assert!(!awaited.is_empty(), "nothing was appended: {:?}", stage.out);
    awaited
}

#[test]
fn an_acceptance_is_awaited_even_by_whoever_does_not_wait_for_the_result() {
    assert_eq!(awaited(&["submit a call wait=0s"]), [true]);
}

#[test]
fn the_mark_of_an_attempt_that_runs_is_awaited_by_nobody() {
    assert_eq!(awaited(&["submit a call wait=0s", "durable", "+1ms"]), [false]);
}

#[test]
fn an_end_is_awaited_as_long_as_a_caller_is() {
    let accepted = ["submit a call wait=1s", "durable"];
    assert_eq!(awaited(&[&accepted[..], &["done a"]].concat()), [true]);
    assert_eq!(awaited(&[&accepted[..], &["+1s", "durable", "done a"]].concat()), [false]);
    assert_eq!(awaited(&["submit a call wait=0s", "durable", "done a"]), [false]);
    assert_eq!(
        awaited(&["submit a call wait=0s", "durable", "ask b document a wait=1s", "done a"]),
        [true]
    );
}

#[test]
fn an_end_that_brings_its_acceptance_is_awaited() {
    assert_eq!(awaited(&["submit a upsert", "done a"]), [true]);
}

#[test]
fn an_end_that_changes_keys_is_awaited_by_whoever_reads_them() {
    assert_eq!(awaited(&["submit a upsert wait=0s", "durable", "puts a"]), [true]);
    assert_eq!(awaited(&["submit a upsert wait=0s", "durable", "done a"]), [false]);
}

#[test]
fn an_end_is_awaited_by_those_who_stand_behind_it_in_the_line_of_a_key() {
    let both = ["submit a upsert wait=0s", "submit b upsert wait=0s", "durable"];
    assert_eq!(awaited(&[&both[..], &["puts a", "conflict a 7", "done a"]].concat()), [true]);
}

#[test]
fn an_end_is_awaited_by_whoever_wants_it() {
    let asked = ["submit a call wait=0s", "durable", "cancel b a wait=0s", "durable"];
    assert_eq!(awaited(&[&asked[..], &["done a"]].concat()), [true]);
}

#[test]
fn a_followed_task_keeps_nothing_back() {
    assert_eq!(awaited(&["submit a call wait=0s", "durable", "follow a", "+1ms"]), [true]);
}
