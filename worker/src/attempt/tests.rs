//! Attempts under test: how each way in which a handler can end is told.

use super::*;
use crate::json_product;
use crate::testing::{Bench, FakeJournal, FakeSource, Scripted, job, stored_job, workshop};
use overtime_protocol::{CallEnd, CallFailure, Chain, ChainNumber, Lane};

fn run(handler: Scripted, job: &Job, source: FakeSource) -> (Completion, Aftermath) {
    let mut journal = FakeJournal::of(source.clone());
    let (overlay, cancel) = (Overlay::default(), CancelFlag::default());
    workshop(vec![Arc::new(handler)], source).run(job, &overlay, cancel, &mut journal)
}

fn fault_of(outcome: &Outcome) -> (&'static str, &str, &str) {
    match outcome {
        Outcome::Done(_) => ("done", "", ""),
        Outcome::Rejected(fault) => ("rejected", &fault.code, &fault.detail),
        Outcome::Ephemeral(fault) => ("ephemeral", &fault.code, &fault.detail),
        Outcome::Defect(fault) => ("defect", &fault.code, &fault.detail),
        Outcome::Yielded => ("yielded", "", ""),
        Outcome::Cancelled => ("cancelled", "", ""),
        Outcome::Held(_) => ("held", "", ""),
    }
}

#[test]
fn a_refusal_writes_nothing_and_holds_only_while_what_was_read_does() {
    let handler = Scripted::new(|input| {
        input.put("k", "v")?;
        input.read("other")?;
        Err(Failure::input("wrong", "it is wrong"))
    });
    let (completion, aftermath) = run(handler, &job("x"), FakeSource::default());
    assert_eq!(fault_of(&completion.outcome), ("rejected", "wrong", "it is wrong"));
    assert!(completion.puts.is_empty());
    let expected: Vec<_> = completion.expects.iter().map(|expect| &expect.key[..]).collect();
    assert_eq!(expected, [b"k".as_slice(), b"other"]);
    assert_eq!(aftermath, Aftermath::Sound);
}

#[test]
fn a_panic_is_ephemeral_and_writes_nothing() {
    let handler = Scripted::new(|input| {
        input.put("k", "v")?;
        panic!("on purpose")
    });
    let (completion, aftermath) = run(handler, &job("x"), FakeSource::default());
    let (outcome, code, detail) = fault_of(&completion.outcome);
    assert_eq!((outcome, code), ("ephemeral", "panic"));
    assert!(detail.contains("on purpose"), "{detail}");
    assert!(completion.puts.is_empty());
    assert_eq!(aftermath, Aftermath::Shaken);
}

#[test]
fn a_handler_stops_where_it_looks_if_it_was_asked_to() {
    let stopping = || {
        Scripted::new(|input| {
            input.put("k", "v")?;
            assert!(input.is_cancelled() || input.attempt() == 1);
            Err(Failure::cancelled())
        })
    };
    let (completion, _) = run(stopping(), &job("x"), FakeSource::default());
    let (outcome, code, _) = fault_of(&completion.outcome);
    assert_eq!((outcome, code), ("defect", "not-cancelled"));

    let job = Job { attempt: 2, ..job("x") };
    let chain = Chain::new(ChainNumber(1), Lane::Interactive, vec![job.clone()]);
    chain.claims.cancel(0);
    let workshop = workshop(vec![Arc::new(stopping())], FakeSource::default());
    let cancel = CancelFlag::new(&chain.claims, 0);
    let (overlay, mut journal) = (Overlay::default(), FakeJournal::default());
    let (completion, _) = workshop.run(&job, &overlay, cancel, &mut journal);
    assert_eq!(fault_of(&completion.outcome).0, "cancelled");
    assert!(completion.puts.is_empty() && completion.expects.is_empty());
}

#[test]
fn a_result_may_be_16_mib_and_not_a_byte_more() {
    let sized = |len| Scripted::new(move |_| Ok(json_product(vec![0; len])));
    let (completion, _) = run(sized(PRODUCT_MAX_BYTES), &job("x"), FakeSource::default());
    assert!(matches!(completion.outcome, Outcome::Done(_)));
    let (completion, _) = run(sized(PRODUCT_MAX_BYTES + 1), &job("x"), FakeSource::default());
    let (outcome, code, _) = fault_of(&completion.outcome);
    assert_eq!((outcome, code), ("defect", "result-too-large"));
}

#[test]
fn a_stored_payload_is_loaded_by_its_tasks_id() {
    let job = stored_job(3);
    let source = FakeSource::default();
    source.store_payload(job.task, "from the journal");
    let handler = Scripted::new(|input| Ok(json_product(input.payload_shared())));
    let (completion, _) = run(handler, &job, source);
    let Outcome::Done(product) = completion.outcome else { panic!("it was not done") };
    assert_eq!(product.body, "from the journal");
}

#[test]
fn a_journal_that_cannot_be_read_is_ephemeral() {
    let nothing = || Scripted::new(|_| Ok(Product::default()));
    let (completion, _) = run(nothing(), &stored_job(3), FakeSource::default());
    let (outcome, code, _) = fault_of(&completion.outcome);
    assert_eq!((outcome, code), ("ephemeral", "journal-read"));

    let source = FakeSource::default();
    source.break_state();
    let reader = Scripted::new(|input| input.read("k").map(|_| Product::default()));
    let (completion, _) = run(reader, &job("x"), source);
    let (outcome, code, _) = fault_of(&completion.outcome);
    assert_eq!((outcome, code), ("ephemeral", "journal-read"));
}

#[test]
fn a_kind_without_a_handler_is_a_defect_and_no_panic() {
    let workshop = workshop(Vec::new(), FakeSource::default());
    let mut journal = FakeJournal::default();
    let (overlay, cancel) = (Overlay::default(), CancelFlag::default());
    let (completion, aftermath) = workshop.run(&job("x"), &overlay, cancel, &mut journal);
    let (outcome, code, _) = fault_of(&completion.outcome);
    assert_eq!((outcome, code, aftermath), ("defect", "no-handler", Aftermath::Sound));
}

#[test]
fn how_a_call_ended_is_told_whatever_becomes_of_the_attempt() {
    let told = |handler: Scripted| Bench::new(Arc::new(handler)).attempt(&job("")).call;
    let broken = CallEnd::Failed(CallFailure::Broken);
    assert_eq!(told(Scripted::new(|_| Ok(json_product("{}")))), CallEnd::Untold);
    let answered = Scripted::new(|input| {
        input.begin_call().answered();
        Err(Failure::ephemeral("busy", "no"))
    });
    assert_eq!(told(answered), CallEnd::Answered);
    let given_up = Scripted::new(|input| {
        let _call = input.begin_call();
        Err(Failure::ephemeral("busy", "no"))
    });
    assert_eq!(told(given_up), broken);
    let panicked = Scripted::new(|input| {
        let _call = input.begin_call();
        panic!("in the middle of a call");
    });
    assert_eq!(told(panicked), broken);
}
