//! Kinds that a service serves: cursors, progress, coming back, and cancelling.

use super::scripted::{Asked, Scripted, answer};
use crate::cancel::CancelFlag;
use crate::effects::Overlay;
use crate::testing::{Bench, FakeJournal, job, workshop};
use crate::upstream::HttpKind;
use crate::{CallItem, Failure, Handler};
use overtime_protocol::{
    CallEnd, CallFailure, Chain, ChainNumber, Completion, Fault, Job, Kind, Lane, Outcome, Product,
    Progress, UnixMillis, UpstreamId,
};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn kind(service: &Scripted) -> Arc<HttpKind> {
    let kind = Kind::durable("invoice.send").calling(UpstreamId(0));
    Arc::new(HttpKind::new(kind, service.route(), 4))
}

fn attempt(service: &Scripted, journal: &mut FakeJournal) -> Completion {
    attempt_within(None, service, journal)
}

fn attempt_within(
    call_limit: Option<Duration>,
    service: &Scripted,
    journal: &mut FakeJournal,
) -> Completion {
    let job = Job { cursor: journal.cursor(), call_limit, ..job("{}") };
    let workshop = workshop(vec![kind(service)], journal.source.clone());
    workshop.run(&job, &Overlay::default(), CancelFlag::default(), journal).0
}

/// Serves three pages, one a call, and then says so.
fn pages(asked: &Asked) -> Vec<u8> {
    let page: u64 = asked.field("overtime-cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let fields = format!("Overtime-Cursor: {}\r\nOvertime-Progress: {}/3", page + 1, page + 1);
    match page {
        2 => answer(&format!("200 OK\r\n{fields}"), "all"),
        _ => answer(&format!("200 OK\r\n{fields}\r\nOvertime-Continue: true"), "part"),
    }
}

#[test]
fn a_service_may_ask_to_be_called_again_from_its_cursor() {
    let service = Scripted::new(pages);
    let mut journal = FakeJournal::default();
    let completion = attempt(&service, &mut journal);
    let Outcome::Done(product) = completion.outcome else { panic!("{completion:?}") };
    assert_eq!(product.body, "all");
    assert_eq!(completion.call, CallEnd::Answered);
    assert_eq!(completion.progress, Some(Progress { done: 3, total: Some(3) }));
    let kept: Vec<_> = journal.kept.iter().map(|chunk| &chunk.cursor[..]).collect();
    assert_eq!(kept, [b"1", b"2"]);
    assert_eq!(service.asked().len(), 3);
    assert!(service.asked().iter().all(|asked| asked.field("overtime-attempt") == Some("1")));
}

#[test]
fn a_cursor_is_kept_whatever_the_status() {
    let service = Scripted::new(|asked| match asked.field("overtime-cursor") {
        None => answer("503 Away\r\nOvertime-Cursor: half\r\nOvertime-Progress: 5/10", "later"),
        Some(cursor) => answer("200 OK", cursor),
    });
    let mut journal = FakeJournal::default();
    let completion = attempt(&service, &mut journal);
    let Outcome::Ephemeral(fault) = completion.outcome else { panic!("{completion:?}") };
    assert_eq!(fault.code, "upstream-503");
    assert_eq!(completion.call, CallEnd::Failed(CallFailure::Status(503)));
    assert_eq!(journal.cursor().unwrap(), "half");
    assert_eq!(journal.kept[0].progress, Progress { done: 5, total: Some(10) });
    let Outcome::Done(product) = attempt(&service, &mut journal).outcome else {
        panic!("it failed again")
    };
    assert_eq!(product.body, "half");
}

#[test]
fn progress_without_a_cursor_leaves_the_cursor_where_it_is() {
    let service = Scripted::new(|_| answer("503 Away\r\nOvertime-Progress: 1/2", ""));
    let mut journal = FakeJournal::default();
    assert!(matches!(attempt(&service, &mut journal).outcome, Outcome::Ephemeral(_)));
    assert_eq!(journal.cursor().unwrap(), "");
    assert!(matches!(attempt(&service, &mut journal).outcome, Outcome::Ephemeral(_)));
    let is_sent = |asked: &Asked| asked.field("overtime-cursor").is_some();
    assert!(!service.asked().iter().any(is_sent), "an empty cursor is none");
}

#[test]
fn whoever_tells_nothing_saves_nothing() {
    let service = Scripted::new(|_| answer("200 OK", "x"));
    let mut journal = FakeJournal::default();
    let completion = attempt(&service, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Done(_)));
    assert_eq!((completion.progress, journal.sent), (None, 0));
}

#[test]
fn items_are_delivered_each_under_its_own_name() {
    let service = Scripted::new(|asked| match &asked.body[..] {
        b"2" => answer("422 No", "two"),
        b"3" => answer("200 OK\r\nOvertime-Cursor: x\r\nOvertime-Continue: true", ""),
        _ => answer("200 OK", "x"),
    });
    let calls = kind(&service).item_calls().unwrap();
    assert_eq!((calls.upstream(), calls.parallel()), (UpstreamId(0), 4));
    let job = Job { content_type: Some("application/json".into()), attempt: 2, ..job("") };
    let call = |index: u64| {
        let text = index.to_string().into();
        calls.call(&job, &CallItem { index, text: &text, now: UnixMillis(1_000), limit: None })
    };
    assert_eq!(call(1), (Ok(()), CallEnd::Answered));
    let (Err(Failure::Input(fault)), CallEnd::Answered) = call(2) else { panic!("it is wrong") };
    assert_eq!(fault.code, "upstream-422");
    let (Err(Failure::Defect(fault)), CallEnd::Answered) = call(3) else { panic!("it is odd") };
    assert_eq!(fault.code, "continue-in-bulk");
    let asked = service.asked().remove(0);
    assert_eq!(asked.field("idempotency-key"), Some(&*format!("{}-1", job.task)));
    assert_eq!(asked.field("content-type"), Some("application/json"));
    assert_eq!(asked.field("overtime-attempt"), Some("2"));
}

/// Never answers.
fn hang() -> ! {
    loop {
        thread::park();
    }
}

/// Whether it ended as a probe does that is given up.
fn is_given_up(fault: &Fault) -> bool {
    fault.code == "upstream-timeout" && fault.detail.contains("this probe")
}

#[test]
fn a_probe_that_hangs_is_given_up_also_if_it_is_continued() {
    let service = Scripted::new(|asked| match asked.field("overtime-cursor") {
        None => pages(asked),
        Some(_) => hang(),
    });
    let mut journal = FakeJournal::default();
    let limit = Some(Duration::from_millis(900));
    let completion = attempt_within(limit, &service, &mut journal);
    let Outcome::Ephemeral(fault) = &completion.outcome else { panic!("{completion:?}") };
    assert!(is_given_up(fault), "{fault:?}");
    assert_eq!(completion.call, CallEnd::Failed(CallFailure::Timeout));
    assert_eq!((service.asked().len(), &*journal.cursor().unwrap()), (2, &b"1"[..]));
}

#[test]
fn an_item_that_is_a_probe_is_given_up() {
    let service = Scripted::new(|_| hang());
    let calls = kind(&service).item_calls().unwrap();
    let (text, limit) = ("1".into(), Some(Duration::from_millis(50)));
    let item = CallItem { index: 1, text: &text, now: UnixMillis(1_000), limit };
    let (result, end) = calls.call(&job(""), &item);
    assert_eq!(end, CallEnd::Failed(CallFailure::Timeout));
    assert!(matches!(&result, Err(Failure::Ephemeral(fault)) if is_given_up(fault)), "{result:?}");
}

#[test]
fn a_handler_that_calls_is_told_how_long_it_may_take() {
    for call_limit in [None, Some(Duration::from_secs(8))] {
        let handler = crate::testing::Scripted::new(move |input| {
            assert_eq!(input.call_limit(), call_limit);
            Ok(Product::default())
        });
        let completion = Bench::new(Arc::new(handler)).attempt(&Job { call_limit, ..job("") });
        assert!(matches!(completion.outcome, Outcome::Done(_)), "{completion:?}");
    }
}

#[test]
fn malformed_fields_park_the_task() {
    let service = Scripted::new(|_| answer("200 OK\r\nOvertime-Continue: true", "x"));
    let completion = attempt(&service, &mut FakeJournal::default());
    let Outcome::Defect(fault) = completion.outcome else { panic!("{completion:?}") };
    assert_eq!(fault.code, "malformed-continue");
    assert_eq!(completion.call, CallEnd::Answered);
}

#[test]
fn what_is_to_be_cancelled_is_not_called() {
    let service = Scripted::new(pages);
    let chain = Chain::new(ChainNumber(1), Lane::Interactive, vec![job("{}")]);
    chain.claims.cancel(0);
    let mut journal = FakeJournal::default();
    let workshop = workshop(vec![kind(&service)], journal.source.clone());
    let cancel = CancelFlag::new(&chain.claims, 0);
    let (completion, _) = workshop.run(&chain.jobs[0], &Overlay::default(), cancel, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Cancelled), "{completion:?}");
    assert_eq!(completion.call, CallEnd::Untold);
    assert_eq!(service.connections(), 0);
}

#[test]
fn who_has_had_its_turn_gives_way_at_its_cursor() {
    let mut journal = FakeJournal::default();
    let handler = crate::testing::Scripted::new(|input| {
        input.save("1", Progress { done: 1, total: None })?;
        Err(input.give_way())
    });
    let workshop = workshop(vec![Arc::new(handler)], journal.source.clone());
    let overlay = Overlay::default();
    let (completion, _) = workshop.run(&job("{}"), &overlay, CancelFlag::default(), &mut journal);
    assert!(matches!(completion.outcome, Outcome::Yielded), "{completion:?}");
    assert_eq!(journal.cursor().unwrap(), "1");
}
