//! The rules of an upsert, each shown on the stored document.

use super::*;
use crate::contacts::delete::Delete;
use crate::source::Source;
use crate::testing::Bench;
use serde_json::Value;
use std::sync::Arc;

fn bench() -> Bench {
    Bench::new(Arc::new(Upsert))
}

fn document(bench: &Bench) -> String {
    let value = bench.source.state(b"contacts/a@b").unwrap().value.expect("it was upserted");
    String::from_utf8(value.to_vec()).unwrap()
}

/// The document up to its version: without what depends on the clock.
fn content(bench: &Bench) -> String {
    let document = document(bench);
    document.split(",\"version\"").next().unwrap().to_owned()
}

/// Upserts each payload into one contact, and compares what is stored in the end.
fn check(payloads: &[&str], expected: &str) {
    let bench = bench();
    for payload in payloads {
        bench.answer(payload);
    }
    assert_eq!(content(&bench), expected, "after {payloads:?}");
}

fn refused(payload: &str, code: &str, detail: &str) {
    let fault = bench().rejection(payload);
    assert_eq!(fault.code, code, "{payload}: {}", fault.detail);
    assert!(fault.detail.contains(detail), "{payload}: {}", fault.detail);
}

#[test]
fn a_new_contact_is_stored_as_it_is_shown() {
    let bench = bench();
    let payload = r#"{"company":"C","email":"A@B","first_name":"F","last_name":"L","phone":"1",
        "tags":["x", "y"],"fields":{"n":1}}"#;
    assert_eq!(bench.answer(payload), r#"{"email":"a@b","version":1,"created":true}"#);
    let document: Value = serde_json::from_str(&document(&bench)).unwrap();
    let (created, updated) = (&document["created_at"], &document["updated_at"]);
    assert_eq!(created, updated);
    assert_eq!(created.as_str().unwrap().len(), "2026-11-21T02:14:50.000Z".len());
    let expected = concat!(
        r#"{"email":"a@b","first_name":"F","last_name":"L","phone":"1","company":"C","#,
        r#""tags":["x","y"],"fields":{"n":1}"#
    );
    assert_eq!(content(&bench), expected);
}

#[test]
fn what_is_not_sent_stays_and_null_removes() {
    let first = r#"{"email":"a@b","first_name":"F","phone":"1","tags":["x"],"fields":{"n":1}}"#;
    check(
        &[first, r#"{"email":"a@b","phone":"2"}"#],
        r#"{"email":"a@b","first_name":"F","phone":"2","tags":["x"],"fields":{"n":1}"#,
    );
    let removal = r#"{"email":"a@b","first_name":null,"phone":null,"tags":null,"fields":null}"#;
    check(&[first, removal], r#"{"email":"a@b""#);
}

#[test]
fn tags_are_replaced_as_a_whole_and_fields_name_by_name() {
    check(
        &[
            r#"{"email":"a@b","tags":["x","y"],"fields":{"one":1,"two":2,"three":{"a":1}}}"#,
            r#"{"email":"a@b","tags":["z"],"fields":{"two":null,"three":{"b":2},"four":[]}}"#,
        ],
        r#"{"email":"a@b","tags":["z"],"fields":{"four":[],"one":1,"three":{"b":2}}"#,
    );
    check(
        &[r#"{"email":"a@b","fields":{"n":1}}"#, r#"{"email":"a@b","fields":{"n":null}}"#],
        r#"{"email":"a@b""#,
    );
}

#[test]
fn numbers_and_texts_keep_every_character() {
    check(
        &[
            r#"{"email":"a@b","first_name":"\u00e9\"\n","fields":{"p":0.10,"i":123456789012345678901234567890,"e\u0041":"\ud83d\ude00"}}"#,
            r#"{"email":"a@b"}"#,
        ],
        r#"{"email":"a@b","first_name":"\u00e9\"\n","fields":{"eA":"\ud83d\ude00","i":123456789012345678901234567890,"p":0.10}"#,
    );
}

#[test]
fn versions_count_upserts_and_start_again_after_a_deletion() {
    let bench = bench();
    let payload = r#"{"email":"a@b"}"#;
    bench.answer(payload);
    let created_at = |bench: &Bench| {
        let document: Value = serde_json::from_str(&document(bench)).unwrap();
        document["created_at"].clone()
    };
    let created = created_at(&bench);
    assert_eq!(bench.answer(payload), r#"{"email":"a@b","version":2,"created":false}"#);
    assert_eq!(created_at(&bench), created);
    Bench::sharing(Arc::new(Delete), bench.source.clone()).answer(payload);
    assert_eq!(bench.answer(payload), r#"{"email":"a@b","version":1,"created":true}"#);
}

#[test]
fn a_refusal_names_the_member() {
    refused(r#"{"email":"a@b","nick":1}"#, "invalid-input", "`nick`");
    refused(r#"{"email":"a@b","version":1}"#, "invalid-input", "`version`");
    refused(r#"{"email":"a@b","email":"c@d"}"#, "invalid-input", "`email`");
    refused(r#"{"email":"a@b","phone":5}"#, "invalid-input", "`phone` must be a string or null");
    refused(r#"{"email":"a@b","company":["x"]}"#, "invalid-input", "an array");
    refused(r#"{"email":"a@b","last_name":"\ud800"}"#, "invalid-input", "`last_name`");
    refused(r#"{"email":"a@b","tags":"x"}"#, "invalid-input", "`tags`");
    refused(r#"{"email":"a@b","tags":["x",null]}"#, "invalid-input", "`tags[1]`");
    refused(r#"{"email":"a@b","fields":[]}"#, "invalid-input", "`fields`");
    refused(r#"{"email":"a@b","fields":{"x":1,"x":2}}"#, "invalid-input", "`x` is named twice");
    refused(r#"{"email":"a@b","fields":{"x":["\ud800"]}}"#, "invalid-input", "`fields.x`");
    refused(r#"{"phone":"1"}"#, "invalid-email", "is missing");
    refused(r#"{"email":"a"}"#, "invalid-email", "no @");
    refused("[\"a@b\"]", "invalid-input", "object");
    refused("{\"email\":\n\"a@b\",}", "malformed-json", "line 2 column 7");
}

#[test]
fn deep_nesting_is_refused_on_a_workers_small_stack() {
    let deep = "[".repeat(30_000) + &"]".repeat(30_000);
    let payload = format!(r#"{{"email":"a@b","fields":{{"x":{deep}}}}}"#);
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let thread = small.spawn(move || refused(&payload, "invalid-input", "recursion limit"));
    thread.unwrap().join().unwrap();
}

#[test]
fn every_bound_holds_to_the_last_unit() {
    let tags = |count| format!(r#"{{"email":"a@b","tags":{:?}}}"#, vec!["t"; count]);
    bench().answer(&tags(64));
    refused(&tags(65), "too-many-tags", "65");

    let fields = |from, to| {
        let fields: Vec<_> = (from..to).map(|n| format!("\"f{n}\":{n}")).collect();
        format!(r#"{{"email":"a@b","fields":{{{}}}}}"#, fields.join(","))
    };
    let full = bench();
    full.answer(&fields(0, 256));
    full.answer(&fields(0, 256));
    assert_eq!(full.rejection(&fields(256, 257)).code, "too-many-fields");

    let sized = |name, len: usize| format!(r#"{{"email":"a@b","{name}":"{}"}}"#, "x".repeat(len));
    refused(&sized("phone", DOCUMENT_MAX_BYTES), "contact-too-large", "the body");
    let half = bench();
    half.answer(&sized("phone", DOCUMENT_MAX_BYTES / 2));
    let fault = half.rejection(&sized("company", DOCUMENT_MAX_BYTES / 2));
    assert!(fault.detail.contains("the contact is"), "{}", fault.detail);
}

#[test]
fn a_damaged_document_is_no_fault_of_the_caller() {
    for damaged in ["", "{", "[]", "{\"version\":\"1\"}", "{\"version\":1,\"fields\":[]}"] {
        let bench = bench();
        bench.source.set(b"contacts/a@b", damaged);
        let outcome = bench.attempt(&crate::testing::job(r#"{"email":"a@b"}"#)).outcome;
        let overtime_protocol::Outcome::Defect(fault) = outcome else { panic!("{damaged}") };
        assert_eq!(fault.code, "contact-unreadable");
    }
}
