//! Reports, of measurements that were made up.

use super::*;

fn phase(took_ms: &[u64], failures: usize) -> Phase {
    let calls = Calls {
        span: Duration::from_secs(1),
        took: took_ms.iter().map(|&ms| Duration::from_millis(ms)).collect(),
        woke_late: Vec::new(),
        failures: vec!["answered 503".to_owned(); failures],
    };
    let starts = Starts { lane: "interactive", count: 1_234, p50_ms: 0.05, p99_ms: 0.2 };
    Phase::new(calls, vec![starts])
}

fn report(quiet: Phase, flooded: Phase, items: u64) -> Report {
    let options = Options {
        seconds: 1,
        rate: 100,
        streams: 4,
        data: ".".into(),
        output: crate::output::Output::default(),
    };
    Report::new(&options, quiet, flooded, Bulk { items, ..Bulk::default() })
}

#[test]
fn the_bound_is_what_nobody_notices_or_ten_times_what_is_usual() {
    for (quiet, flooded, is_isolated) in
        [(1, 50, true), (1, 51, false), (9, 90, true), (9, 91, false)]
    {
        let report = report(phase(&[quiet], 0), phase(&[flooded], 0), 1);
        assert_eq!(report.is_isolated(), is_isolated, "{quiet} and then {flooded}");
        let begin = if is_isolated { "isolated:" } else { "not isolated:" };
        assert!(report.verdict.starts_with(begin), "{}", report.verdict);
    }
}

#[test]
fn a_call_that_failed_beside_the_flood_is_not_isolated() {
    let report = report(phase(&[1], 0), phase(&[1], 7), 1_000);
    let verdict = "not isolated: beside 1,000 bulk items 7 of 8 single calls were not answered 200";
    assert_eq!((report.is_isolated(), &*report.verdict), (false, verdict));
    assert_eq!(report.flooded.failures.len(), FAILURES_TOLD);
}

#[test]
fn a_call_that_fails_quietly_or_a_flood_that_is_none_shows_nothing() {
    let calm = || phase(&[1], 0);
    for report in [
        report(phase(&[1], 1), calm(), 1),
        report(calm(), calm(), 0),
        report(calm(), phase(&[], 0), 1),
    ] {
        assert!(!report.is_isolated() && report.verdict.starts_with("not shown"), "{report}");
    }
}

#[test]
fn quantiles_are_those_of_calls_that_were_made() {
    let hundred: Vec<u64> = (1..=100).rev().collect();
    let Phase { p50_ms, p99_ms, max_ms, .. } = phase(&hundred, 0);
    assert_eq!((p50_ms, p99_ms, max_ms), (50.0, 99.0, 100.0));
}

#[test]
fn people_get_all_of_it_and_the_verdict_last() {
    let text = report(phase(&[1], 0), phase(&[2], 0), 1_234_567).to_string();
    assert!(
        text.contains("  flooded interactive    1,234    0.05 ms     0.2 ms at most"),
        "{text}"
    );
    assert!(text.lines().last().unwrap().contains("while 1,234,567 bulk items came in"), "{text}");
}
