//! Errors: of items, of bodies, and of handlers that fail the task.

use super::{bulk_job, by, count_line, counters, counting, fault, ndjson, result, run};
use crate::bulk::Pace;
use crate::cancel::CancelFlag;
use crate::testing::{FakeJournal, FakeSource, Scripted, job, stored_job, workshop};
use crate::{Failure, json_product};
use overtime_protocol::bulk::{ERRORS_MAX_BYTES, errors_key};
use overtime_protocol::{Form, Go, Job, Outcome, Progress, Ruling};
use serde_json::Value;
use std::sync::Arc;

/// The lines of all blocks.
fn lines(source: &FakeSource, job: &Job) -> Vec<Value> {
    let blocks = (0..).map_while(|block| source.value(&errors_key(job.task, block)));
    let text: Vec<u8> = blocks.flatten().collect();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn all_errors_are_kept_and_the_first_hundred_are_shown() {
    let job = ndjson((0..1_000).map(|n| if n % 2 == 0 { "\"x".into() } else { count_line(n) }));
    let mut journal = FakeJournal::default();
    let completion = run(counting(), &job, by(33), &mut journal);
    let source = journal.source.clone();
    let result = result(completion, &source);
    assert_eq!(counters(&result), [1_000, 500, 500]);
    assert_eq!(result["state"], "succeeded");
    assert_eq!(result["id"], job.task.to_string());
    let all = lines(&source, &job);
    assert_eq!(all.len(), 500);
    assert_eq!(all[..100], result["errors"].as_array().unwrap()[..]);
    assert_eq!((&all[499]["index"], &all[499]["code"]), (&998.into(), &"invalid-json".into()));
}

#[test]
fn what_is_told_of_a_malformed_body_is_short_however_long_what_is_wrong_is() {
    let name = "é".repeat(100_000);
    let body = format!("{name},{name}\na,b\n");
    let job = bulk_job("text/csv", body);
    let completion = run(counting(), &job, by(33), &mut FakeJournal::default());
    let Outcome::Rejected(fault) = completion.outcome else { panic!("{:?}", completion.outcome) };
    assert_eq!(fault.code, "malformed-body");
    assert!(fault.detail.len() <= 4 * 1024, "{} bytes", fault.detail.len());
    assert!(fault.members.is_some_and(|members| members.contains("\"offset\":0")));
}

#[test]
fn the_first_errors_survive_a_restart() {
    let job = ndjson((0..300).map(|_| "nonsense".into()));
    for halt in [1, 3, 9] {
        let mut journal = FakeJournal::default();
        journal.rule(halt, Ruling::Kept { lsn: 0, go: Go::Yield });
        run(counting(), &job, by(30), &mut journal);
        let again = Job { cursor: journal.cursor(), run: 2, ..job.clone() };
        let completion = run(counting(), &again, by(17), &mut journal);
        let source = journal.source.clone();
        let result = result(completion, &source);
        let all = lines(&source, &job);
        assert_eq!(all.len(), 300);
        assert_eq!(all[..100], result["errors"].as_array().unwrap()[..], "halted at {halt}");
    }
}

#[test]
fn errors_beyond_the_bound_are_only_counted() {
    let detail = "x".repeat(4_000);
    let refusing = Arc::new(Scripted::new(move |_| Err(Failure::input("refused", detail.clone()))));
    let job = ndjson((0..5_000).map(|n| n.to_string()));
    let mut journal = FakeJournal::default();
    journal.rule(4, Ruling::Stop);
    run(refusing.clone(), &job, by(1_000), &mut journal);
    let again = Job { cursor: journal.cursor(), run: 2, ..job.clone() };
    let completion = run(refusing, &again, by(1_000), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [5_000, 0, 5_000]);
    let blocks = (0..).map_while(|block| source.value(&errors_key(job.task, block)));
    let bytes: usize = blocks.map(|block| block.len()).sum();
    assert!(bytes <= ERRORS_MAX_BYTES && bytes > ERRORS_MAX_BYTES - 5_000, "{bytes}");
    let all = lines(&source, &job);
    assert_eq!(all.last().unwrap()["truncated"], true);
    assert_eq!(all[all.len() - 2]["index"], all.len() - 2);
}

#[test]
fn what_comes_before_a_broken_place_is_kept() {
    for items in [1, 2, 3, 100] {
        let body = "[{\"k\":0},{\"k\":\"x\"},{\"k\":0},{\"k\":}]";
        let mut journal = FakeJournal::default();
        let job = bulk_job("application/json", body);
        let completion = run(counting(), &job, by(items), &mut journal);
        assert!(matches!(completion.outcome, Outcome::Rejected(_)), "{completion:?}");
        assert!(completion.puts.is_empty());
        assert_eq!(completion.progress.map(|progress| progress.done), Some(3));
        let fault = fault(&completion);
        assert_eq!(fault.code, "malformed-body");
        let offset = body.find("}]").unwrap();
        assert!(fault.detail.contains(&format!("at byte {offset}:")), "{}", fault.detail);
        let members = format!("\"items\":3,\"succeeded\":2,\"failed\":1,\"offset\":{offset}");
        assert_eq!(fault.members.as_deref(), Some(&*members));
        assert_eq!(journal.source.value(b"n/0").unwrap(), "2");
        assert_eq!(lines(&journal.source, &job).len(), 1);
    }
}

#[test]
fn a_body_that_is_broken_from_the_start_writes_nothing() {
    let mut journal = FakeJournal::default();
    let completion = run(counting(), &bulk_job("text/csv", "a,a\n1,2\n"), by(1), &mut journal);
    let members = fault(&completion).members.as_deref();
    assert_eq!(members, Some("\"items\":0,\"succeeded\":0,\"failed\":0,\"offset\":0"));
    assert!(journal.kept.is_empty());
}

/// Fails the task once at item 5, in the way that the test says.
fn failing(
    fail: impl Fn() -> Result<overtime_protocol::Product, Failure> + Send + Sync + 'static,
) -> Arc<Scripted> {
    let inner = counting();
    Arc::new(Scripted::new(move |input| match (input.item(), input.attempt()) {
        (Some(5), 1) => fail(),
        _ => inner.run(input),
    }))
}

#[test]
fn a_defect_keeps_what_came_before_the_item() {
    let job = ndjson((0..9).map(|_| count_line(0)));
    let handler = failing(|| Err(Failure::defect("broken", "for good")));
    for items in [1, 4, 5, 100] {
        let mut journal = FakeJournal::default();
        let completion = run(handler.clone(), &job, by(items), &mut journal);
        let fault = fault(&completion);
        assert_eq!(fault.code, "broken");
        assert!(fault.detail.starts_with("item 5: "), "{}", fault.detail);
        assert_eq!(journal.source.value(b"n/0").unwrap(), "5", "{items} a chunk");
        let again = Job { attempt: 2, run: 2, cursor: journal.cursor(), ..job.clone() };
        let completion = run(handler.clone(), &again, by(items), &mut journal);
        let source = journal.source.clone();
        assert_eq!(counters(&result(completion, &source)), [9, 9, 0]);
        assert_eq!(source.value(b"n/0").unwrap(), "9");
    }
}

#[test]
fn jobs_that_cannot_be_run_end_at_once() {
    let mut journal = FakeJournal::default();
    let completion = run(counting(), &bulk_job("text/plain", "x"), by(1), &mut journal);
    assert_eq!(fault(&completion).code, "unsupported-media-type");
    let job = Job { cursor: Some("nonsense".into()), ..bulk_job("text/csv", "k\n1\n") };
    let completion = run(counting(), &job, by(1), &mut journal);
    assert_eq!(fault(&completion).code, "cursor-unreadable");
    assert!(matches!(completion.outcome, Outcome::Defect(_)));

    let csv = bulk_job("text/csv", "");
    let job = Job { payload: stored_job(1).payload, ..csv };
    let completion = run(counting(), &job, by(1), &mut journal);
    assert_eq!(fault(&completion).code, "journal-read");
    journal.source.store_payload(job.task, "k\n1\n");
    let handler = Arc::new(Scripted::new(|input| {
        assert_eq!(input.content_type().map(|text| &**text), Some("application/json"));
        assert_eq!(input.payload_len(), input.payload_bytes().len() as u64);
        Ok(json_product("{}"))
    }));
    let completion = run(handler, &job, by(1), &mut journal);
    assert_eq!(counters(&result(completion, &journal.source.clone())), [1, 1, 0]);
}

#[test]
fn an_item_has_no_cursor_of_its_own() {
    let handler = Arc::new(Scripted::new(|input| {
        assert!(input.cursor().is_none());
        input.save("x", Progress::default())?;
        Ok(json_product("{}"))
    }));
    let job = ndjson((0..3).map(count_line));
    let completion = run(handler, &job, by(1), &mut FakeJournal::default());
    assert_eq!(fault(&completion).code, "save-in-bulk");
    assert!(matches!(completion.outcome, Outcome::Defect(_)));
}

#[test]
fn a_kind_without_a_handler_is_a_defect() {
    let workshop = workshop(Vec::new(), FakeSource::default());
    let job = Job { form: Form::Bulk, ..job("") };
    let (completion, _) = workshop.run_bulk(
        &job,
        Pace::default(),
        CancelFlag::default(),
        &mut FakeJournal::default(),
    );
    assert_eq!(fault(&completion).code, "no-handler");
}
