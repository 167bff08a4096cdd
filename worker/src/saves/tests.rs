//! Attempts that save, against a journal that conflicts, yields and stops when a test wants it to.

use crate::attempt::{Aftermath, CONFLICTS_MAX};
use crate::cancel::CancelFlag;
use crate::effects::{EFFECTS_MAX_BYTES, KEYS_MAX, Overlay};
use crate::testing::{FakeJournal, Scripted, job, task, workshop};
use crate::{CURSOR_MAX_BYTES, Failure, Input, json_product};
use bytes::Bytes;
use overtime_protocol::record::{Expect, Put, ReadMark};
use overtime_protocol::{
    Chain, ChainNumber, Completion, Fault, Go, Job, Lane, Outcome, Product, Progress, Ruling,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

type Ended = Result<Product, Failure>;

fn run(
    job: &Job,
    journal: &mut FakeJournal,
    script: impl Fn(&mut Input<'_>) -> Ended + Send + Sync + 'static,
) -> Completion {
    let workshop = workshop(vec![Arc::new(Scripted::new(script))], journal.source.clone());
    workshop.run(job, &Overlay::default(), CancelFlag::default(), journal).0
}

fn progress(done: u64) -> Progress {
    Progress { done, total: Some(9) }
}

fn number(value: Option<&Bytes>) -> u64 {
    value.map_or(0, |value| str::from_utf8(value).unwrap().parse().unwrap())
}

/// Increases a counter of the state.
fn count(input: &mut Input<'_>, key: &str) -> Result<u64, Failure> {
    let count = number(input.read(key)?.as_ref()) + 1;
    input.put(key, count.to_string())?;
    Ok(count)
}

/// Nine steps, each of which increases a counter and is saved.
fn nine_steps(input: &mut Input<'_>) -> Ended {
    for step in number(input.cursor()) + 1..=9 {
        count(input, "n")?;
        input.save(step.to_string(), progress(step))?;
    }
    Ok(json_product("{}"))
}

#[track_caller]
fn fault(completion: &Completion) -> &Fault {
    match &completion.outcome {
        Outcome::Rejected(fault) | Outcome::Ephemeral(fault) | Outcome::Defect(fault) => fault,
        Outcome::Done(_) | Outcome::Yielded | Outcome::Cancelled | Outcome::Held(_) => {
            panic!("{completion:?}")
        }
    }
}

#[test]
fn each_part_is_known_by_the_next() {
    let mut journal = FakeJournal::default();
    let completion = run(&job(""), &mut journal, |input| {
        assert!(input.cursor().is_none());
        nine_steps(input)
    });
    assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    assert_eq!((journal.sent, journal.kept.len()), (9, 9), "nothing conflicts");
    assert_eq!(journal.source.value(b"n").unwrap(), "9");
    assert_eq!(journal.kept[4].progress, progress(5));
    assert!(completion.puts.is_empty() && completion.progress.is_none());
}

#[test]
fn what_is_put_behind_the_last_save_goes_with_the_end() {
    let mut journal = FakeJournal::default();
    let completion = run(&job(""), &mut journal, |input| {
        input.put("a", "1")?;
        input.read("b")?;
        input.save("x", progress(1))?;
        input.put("a", "2")?;
        input.set_cursor("y", progress(2))?;
        Ok(json_product("{}"))
    });
    let read = ReadMark::At { lsn: 1, watermark: 0 };
    assert_eq!(completion.puts, [Put { key: "a".into(), value: Some("2".into()), read }]);
    assert_eq!((completion.expects, completion.progress), (vec![], Some(progress(2))));
    assert_eq!(journal.kept.len(), 1);
    assert_eq!(journal.kept[0].expects.len(), 1);
}

#[test]
fn a_part_that_deleted_a_key_knows_it_to_be_absent() {
    let mut journal = FakeJournal::default();
    journal.source.set(b"k", "old");
    let completion = run(&job(""), &mut journal, |input| {
        input.delete("k")?;
        input.save("x", progress(1))?;
        assert_eq!(input.read("k")?, None);
        Ok(json_product("{}"))
    });
    let read = ReadMark::At { lsn: 0, watermark: 0 };
    assert_eq!(completion.expects, [Expect { key: "k".into(), read }]);
}

#[test]
fn what_a_part_wrote_may_not_be_written_over_unseen() {
    let mut journal = FakeJournal::default();
    journal.before(3, |source| {
        source.write(b"n", Some("100".into()));
    });
    // It counts by itself, and reads the counter only at its start.
    let completion = run(&job(""), &mut journal, |input| {
        let mut count = number(input.read("n")?.as_ref());
        for step in number(input.cursor()) + 1..=9 {
            count += 1;
            input.put("n", count.to_string())?;
            input.save(step.to_string(), progress(step))?;
        }
        Ok(json_product("{}"))
    });
    assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    assert_eq!(journal.source.value(b"n").unwrap(), "107");
    assert_eq!((journal.sent, journal.kept.len()), (10, 9));
}

#[test]
fn after_a_conflict_the_handler_runs_again_from_what_was_kept() {
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let mut journal = FakeJournal::default();
    for send in [1, 4, 5, 6] {
        journal.before(send, |source| {
            let count = number(source.value(b"n").as_ref()) + 1;
            source.write(b"n", Some(count.to_string().into()));
        });
    }
    let completion = run(&job(""), &mut journal, move |input| {
        seen.fetch_add(1, Ordering::Relaxed);
        nine_steps(input)
    });
    assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    assert_eq!((runs.load(Ordering::Relaxed), journal.kept.len()), (5, 9));
    assert_eq!(journal.source.value(b"n").unwrap(), "13");
}

#[test]
fn a_conflict_counts_also_if_the_handler_does_not_heed_it() {
    let mut journal = FakeJournal::default();
    journal.rule(1, Ruling::Conflict);
    let completion = run(&job(""), &mut journal, |input| {
        count(input, "n")?;
        let saved = input.save("x", progress(1));
        assert_eq!(saved.is_err(), input.save("y", progress(2)).is_err());
        Ok(json_product("{}"))
    });
    assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    assert_eq!((journal.sent, journal.source.value(b"n").unwrap()), (3, "1".into()));
}

#[test]
fn endless_conflicts_end_the_attempt_for_a_while() {
    let mut journal = FakeJournal::default();
    for send in 1..=200 {
        journal.rule(send, Ruling::Conflict);
    }
    let completion = run(&job(""), &mut journal, nine_steps);
    assert_eq!((&*fault(&completion).code, journal.sent), ("contended", 65));
    assert_eq!(CONFLICTS_MAX, 64);
    assert!(matches!(completion.outcome, Outcome::Ephemeral(_)));
}

#[test]
fn it_goes_on_later_where_it_was_told_to_end() {
    for halt in 1..=9 {
        for ruling in [Ruling::Stop, Ruling::Kept { lsn: 0, go: Go::Yield }] {
            let mut journal = FakeJournal::default();
            journal.rule(halt, ruling);
            let completion = run(&job(""), &mut journal, nine_steps);
            assert!(matches!(completion.outcome, Outcome::Yielded), "{completion:?}");
            let again = Job { cursor: journal.cursor(), run: 2, ..job("") };
            let completion = run(&again, &mut journal, nine_steps);
            assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
            assert_eq!(journal.source.value(b"n").unwrap(), "9", "{ruling:?} at {halt}");
        }
    }
}

/// Fails in its third step, for which it has set a cursor.
fn fail_with(failure: fn() -> Failure) -> impl Fn(&mut Input<'_>) -> Ended + Send + Sync {
    move |input| {
        for step in 1..=3 {
            count(input, "n")?;
            input.set_cursor(step.to_string(), progress(step))?;
            if step < 3 {
                input.save(step.to_string(), progress(step))?;
            }
        }
        Err(failure())
    }
}

#[test]
fn what_was_put_with_a_cursor_is_kept_whatever_the_outcome() {
    type Way = (fn() -> Failure, &'static str);
    let kept: [Way; 2] =
        [(|| Failure::ephemeral("busy", "no"), "busy"), (|| Failure::defect("bug", "no"), "bug")];
    for (failure, code) in kept {
        let mut journal = FakeJournal::default();
        let completion = run(&job(""), &mut journal, fail_with(failure));
        assert_eq!(fault(&completion).code, code);
        assert_eq!((journal.cursor().unwrap(), journal.kept.len()), ("3".into(), 3));
        assert_eq!(journal.source.value(b"n").unwrap(), "3");
        assert!(completion.puts.is_empty() && completion.expects.is_empty());
    }
    let lost: [Way; 2] = [
        (|| Failure::input("wrong", "no"), "wrong"),
        (|| std::panic::resume_unwind(Box::new("on purpose")), "panic"),
    ];
    for (failure, code) in lost {
        let mut journal = FakeJournal::default();
        let completion = run(&job(""), &mut journal, fail_with(failure));
        assert_eq!(fault(&completion).code, code);
        assert_eq!((journal.cursor().unwrap(), journal.kept.len()), ("2".into(), 2));
    }
}

#[test]
fn without_a_cursor_a_failure_writes_nothing() {
    let mut journal = FakeJournal::default();
    let completion = run(&job(""), &mut journal, |input| {
        input.put("k", "v")?;
        Err(Failure::ephemeral("busy", "no"))
    });
    assert_eq!((&*fault(&completion).code, journal.sent), ("busy", 0));
}

#[test]
fn a_failure_stands_if_what_goes_with_it_is_kept_and_not_before() {
    let busy = || fail_with(|| Failure::ephemeral("busy", "no"));
    let mut journal = FakeJournal::default();
    journal.rule(3, Ruling::Kept { lsn: 0, go: Go::Yield });
    assert_eq!(fault(&run(&job(""), &mut journal, busy())).code, "busy");

    let mut journal = FakeJournal::default();
    journal.rule(3, Ruling::Stop);
    let completion = run(&job(""), &mut journal, busy());
    assert!(matches!(completion.outcome, Outcome::Yielded), "{completion:?}");

    let mut journal = FakeJournal::default();
    journal.rule(3, Ruling::Conflict);
    assert_eq!(fault(&run(&job(""), &mut journal, busy())).code, "busy");
    assert_eq!(journal.sent, 6, "it ran again");
}

#[test]
fn one_that_is_to_be_cancelled_ends_with_its_next_save() {
    let chain = Chain::new(ChainNumber(1), Lane::Interactive, vec![job("")]);
    let claims = chain.claims.clone();
    let script = Scripted::new(move |input| {
        if input.cursor().is_none() {
            claims.cancel(0);
        }
        nine_steps(input)
    });
    let mut journal = FakeJournal::default();
    let workshop = workshop(vec![Arc::new(script)], journal.source.clone());
    let cancel = CancelFlag::new(&chain.claims, 0);
    let (completion, aftermath) =
        workshop.run(&chain.jobs[0], &Overlay::default(), cancel, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Cancelled), "{completion:?}");
    assert_eq!((journal.cursor().unwrap(), aftermath), ("1".into(), Aftermath::Sound));

    let mut journal = FakeJournal::default();
    journal.rule(1, Ruling::Conflict);
    let (completion, _) = workshop.run(&chain.jobs[0], &Overlay::default(), cancel, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Cancelled), "{completion:?}");
    assert_eq!(journal.sent, 1);
}

#[test]
fn a_conflict_over_what_others_of_its_chain_wrote_is_read_from_the_journal() {
    let mut journal = FakeJournal::default();
    journal.source.set(b"n", "5");
    let mut overlay = Overlay::default();
    let read = ReadMark::At { lsn: 0, watermark: 0 };
    overlay.extend(task(7), 1, &[Put { key: "n".into(), value: Some("90".into()), read }]);
    let script = Arc::new(Scripted::new(nine_steps));
    let workshop = workshop(vec![script], journal.source.clone());
    let (completion, _) = workshop.run(&job(""), &overlay, CancelFlag::default(), &mut journal);
    assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    assert_eq!((journal.sent, journal.source.value(b"n").unwrap()), (10, "14".into()));
}

#[test]
fn an_attempt_may_save_more_keys_and_bytes_than_it_may_write_at_once() {
    let mut journal = FakeJournal::default();
    let completion = run(&job(""), &mut journal, |input| {
        for part in 0..4 {
            input.read("often")?;
            for key in 0..KEYS_MAX as u64 - 1 {
                input.put(format!("{part}/{key}"), "v")?;
            }
            input.save("x", progress(part))?;
        }
        for part in 0..3 {
            input.put(format!("big/{part}"), vec![0; EFFECTS_MAX_BYTES / 2])?;
            input.save("x", progress(part))?;
        }
        Ok(json_product("{}"))
    });
    assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    assert_eq!((journal.sent, journal.kept.len()), (7, 7));
}

#[test]
fn cursors_are_bounded() {
    let long = |len| {
        move |input: &mut Input<'_>| {
            input.save(vec![0; len], progress(1))?;
            Ok(json_product("{}"))
        }
    };
    let completion = run(&job(""), &mut FakeJournal::default(), long(CURSOR_MAX_BYTES));
    assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    let completion = run(&job(""), &mut FakeJournal::default(), long(CURSOR_MAX_BYTES + 1));
    assert_eq!(fault(&completion).code, "cursor-too-large");
}
