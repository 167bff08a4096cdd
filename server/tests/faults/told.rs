//! Who waits while the disk breaks is told what is known, and a read that fails is told to its reader
//! alone.

use crate::client::Answer;
use crate::ledger::Mix;
use crate::series::Series;
use crate::server::{Server, wait_until};
use crate::tracer::{self, Fault, Injection, Tracer, When};
use std::thread;

const UPSERT: &str = r#"{"email":"ada@example.com"}"#;

fn upsert(server: &Server) -> Answer {
    let answer = server.ask("POST /v1/tasks/contacts.upsert", &["Idempotency-Key: one"], UPSERT);
    answer.expect("whoever was let in is answered")
}

fn eio(call: &'static str) -> Fault {
    Fault { call, injection: Injection::Error("EIO"), when: When::From(1), file: None }
}

#[test]
fn callers_are_told_what_is_known_when_a_sync_fails() {
    if !tracer::is_there() {
        return;
    }
    let series = Series::new();
    let server = series.place.start();
    let notes = series.place.file("strace");
    let (sleeper, caller) = thread::scope(|scope| {
        // It is on no disk while somebody waits for it.
        let sleeper = scope.spawn(|| server.post("/v1/tasks/sleep?wait=60s", r#"{"ms":60000}"#));
        wait_until("somebody waits", || server.metric("overtime_waiters") > 0.0);
        let tracer = Tracer::attach(&server, "journal-commit", &eio("fdatasync"), &notes);
        let caller = upsert(&server);
        let struck = tracer.wait().struck_at;
        assert!(struck.is_some(), "an upsert is synced");
        (sleeper.join().expect("it was answered"), caller)
    });
    for (answer, known) in [(&caller, "unknown"), (&sleeper, "no")] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.member("code"), "journal-failed", "{answer:?}");
        assert_eq!(answer.member("submitted"), known, "{answer:?}");
    }
    assert_eq!(server.wait().code(), Some(1));
    let said = series.place.stderr();
    assert!(said.contains("the journal failed: the log could not be synced"), "{said}");
    let server = series.place.start();
    assert_eq!(upsert(&server).json()["version"], 1, "it happens once, whether or not it had");
}

#[test]
fn a_read_that_fails_concerns_its_reader_alone() {
    if !tracer::is_there() {
        return;
    }
    let series = Series::new();
    let server = series.place.start();
    series.load(&server, Mix::Usual);
    assert!(server.stop().success());
    // What another life has left is in no cache of this one.
    let server = series.place.start();
    let notes = series.place.file("strace");
    let tracer = Tracer::attach(&server, "journal-list", &eio("pread64"), &notes);
    let list = server.get("/v1/tasks?limit=3");
    assert_eq!((list.status, list.member("code").as_str()), (500, "internal"), "{list:?}");
    assert_eq!(server.get("/v1/contacts/of-many-1@example.com").status, 200);
    assert!(tracer.detach().struck_at.is_some());
    assert_eq!(server.get("/v1/tasks?limit=3").status, 200);
    assert!(server.is_ready());
    drop(server);
    series.audit(0);
}
