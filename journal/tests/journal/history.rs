//! The hours of upstreams: entries of a ring that are read in their order.

use crate::support::*;
use overtime_protocol::record::Record;
use overtime_protocol::{
    Answer, Clock, HOUR, HOUR_SPACE, HOURS_KEPT, HistoryFilter, Hour, Query, UnixMillis,
    UpstreamName, hour_name, hour_of, keep,
};
use std::time::Duration;

const HOUR_MS: u64 = HOUR.as_secs() * 1_000;

fn name() -> UpstreamName {
    UpstreamName::new("bank").unwrap()
}

/// An hour that began so many hours before this one, with as many calls.
fn kept(ago: u64) -> Record {
    let hour = Hour {
        hour: began(ago),
        calls: ago,
        failed: 2,
        busy: 1,
        p10: Duration::from_millis(10),
        p25: Duration::from_millis(25),
        p50: Duration::from_millis(50),
        p75: Duration::from_millis(75),
        p90: Duration::from_millis(90),
        p99: Duration::from_millis(99),
        max: Duration::from_micros(100_900),
    };
    let put = keep(HOUR_SPACE, &hour_name(&name(), hour.hour), &hour);
    Record { puts: vec![put], ..plain(HOURS_KEPT * 2 - ago) }
}

fn began(ago: u64) -> UnixMillis {
    UnixMillis(hour_of(Clock::start().now().unix).0 - ago * HOUR_MS)
}

fn ask(running: &Running, filter: HistoryFilter) -> String {
    match running.ask(Query::History(Box::new(filter))) {
        Answer::Value { content_type: "application/json", body } => {
            String::from_utf8(body.to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn all() -> HistoryFilter {
    HistoryFilter { name: name(), from: None, to: None, limit: 100, after: None }
}

/// The calls of each hour that is told.
fn calls(text: &str) -> Vec<u64> {
    let entries = text.split("\"calls\":").skip(1);
    entries.map(|rest| rest.split(',').next().unwrap().parse().unwrap()).collect()
}

fn next(text: &str) -> Option<UnixMillis> {
    let rest = text.split("\"next\":\"").nth(1)?;
    Some(rest.split('"').next()?.parse().unwrap())
}

#[test]
fn the_oldest_comes_first_and_a_span_has_what_began_in_it() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.append_all([kept(30), kept(20), kept(3)]);
    let text = ask(&running, all());
    assert_eq!(calls(&text), [30, 20, 3]);
    let first = format!(
        "{{\"name\":\"bank\",\"hours\":[{{\"hour\":\"{}\",\"calls\":30,\"failed\":2,\"busy\":1,\
         \"p10_ms\":10,\"p25_ms\":25,\"p50_ms\":50,\"p75_ms\":75,\"p90_ms\":90,\"p99_ms\":99,\"max_ms\":100}}",
        began(30)
    );
    assert!(text.starts_with(&first) && next(&text).is_none(), "{text}");
    let later = UnixMillis(began(20).0 + 1);
    for (from, to, expected) in [
        (Some(began(20)), None, vec![20, 3]),
        (Some(later), None, vec![3]),
        (None, Some(began(20)), vec![30, 20]),
        (Some(began(19)), Some(began(4)), vec![]),
    ] {
        assert_eq!(calls(&ask(&running, HistoryFilter { from, to, ..all() })), expected);
    }
    let other = HistoryFilter { name: UpstreamName::new("other").unwrap(), ..all() };
    assert_eq!(calls(&ask(&running, other)), []);
    let backwards = HistoryFilter { from: Some(began(3)), to: Some(began(4)), ..all() };
    assert!(matches!(running.ask(Query::History(Box::new(backwards))), Answer::Problem(_)));
}

#[test]
fn a_page_goes_on_where_the_one_before_ended() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.append_all([9, 7, 5, 4, 2].map(kept));
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let text = ask(&running, HistoryFilter { limit: 2, after, ..all() });
        assert!(calls(&text).len() <= 2, "{text}");
        seen.extend(calls(&text));
        after = next(&text);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [9, 7, 5, 4, 2]);
}

#[test]
fn what_has_left_the_ring_is_not_shown_though_nothing_took_its_place() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.append_all([HOURS_KEPT + 4, HOURS_KEPT - 2, 1].map(kept));
    assert_eq!(calls(&ask(&running, all())), [HOURS_KEPT - 2, 1]);
}
