//! What came of a study, as text for a terminal and as JSON. It computes sums and shares, and judges
//! nothing.

use super::replay::Replayed;
use super::slots::{failed, percentile, sorted};
use super::{Past, Study, Trial, spans};
use crate::remote::table;
use overtime_engine::gate::Sample;
use overtime_protocol::{CallEnd, Hour, UnixMillis};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// The studies, one upstream after the other.
pub(crate) fn text(studies: &[Study], slow: Duration) -> String {
    let told: Vec<String> = studies.iter().map(|study| told(study, slow)).collect();
    told.join("\n")
}

fn told(study: &Study, slow: Duration) -> String {
    let Past { name, calls, hours } = &study.past;
    // What others wrote must not steer the terminal.
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    let mut text = format!("{name}\n");
    if let Some(summary) = of_hours(hours) {
        let _ = write!(text, "{summary}\n\n{}\n", hours_table(hours, slow));
    }
    match of_calls(calls) {
        Some(summary) => {
            let rows: Vec<Vec<String>> =
                study.trials.iter().map(|trial| row(trial, calls)).collect();
            let columns = ["slow", "rule", "shed first", "times", "for", "held"];
            let _ = write!(text, "{summary}\n\n{}", table(&columns, &rows));
        }
        None => text.push_str("no call is known by itself\n"),
    }
    text
}

fn of_calls(calls: &[Sample]) -> Option<String> {
    let (first, last) = (calls.first()?.started, calls.last()?.started);
    let took = sorted(calls);
    let at = |percent| seconds(percentile(&took, percent));
    let busy = calls.iter().filter(|call| matches!(call.end, CallEnd::Busy { .. })).count();
    Some(format!(
        "{} calls in {}, from {first} to {last}\nfailed {}, busy {}; p10 {}, p50 {}, p90 {}, p99 {}",
        calls.len(),
        long(last.since(first)),
        percent(failed(calls), calls.len() as u64),
        percent(busy as u64, calls.len() as u64),
        at(10),
        at(50),
        at(90),
        at(99),
    ))
}

fn of_hours(hours: &[Hour]) -> Option<String> {
    let (first, last) = (hours.first()?.hour, hours.last()?.hour);
    let sum = |of: fn(&Hour) -> u64| hours.iter().map(of).sum::<u64>();
    let calls = sum(|hour| hour.calls);
    Some(format!(
        "{} hours with {calls} calls, from {first} to {last}\nfailed {}, busy {}",
        hours.len(),
        percent(sum(|hour| hour.failed), calls),
        percent(sum(|hour| hour.busy), calls),
    ))
}

/// In how many hours a percentile was slow: that an hour's p10 was means that nine of ten were.
fn hours_table(hours: &[Hour], slow: Duration) -> String {
    let over = |slow: Duration, of: fn(&Hour) -> Duration| {
        hours.iter().filter(|hour| of(hour) > slow).count().to_string()
    };
    let row = |slow| {
        vec![
            seconds(slow),
            over(slow, |hour| hour.p10),
            over(slow, |hour| hour.p50),
            over(slow, |hour| hour.p90),
        ]
    };
    let rows: Vec<Vec<String>> = spans(slow).into_iter().map(row).collect();
    table(&["slow", "hours with p10 over", "p50 over", "p90 over"], &rows)
}

fn row(trial: &Trial, calls: &[Sample]) -> Vec<String> {
    let mut row = vec![seconds(trial.slow), rule(trial).to_owned()];
    let Replayed { sheds, episodes, held } = &trial.replayed;
    match sheds.first() {
        None => row.push("never".to_owned()),
        Some(first) => row.extend([
            first.from.to_string(),
            episodes.to_string(),
            long(trial.replayed.shed_for()),
            percent(*held as u64, calls.len() as u64),
        ]),
    }
    row
}

fn rule(trial: &Trial) -> &'static str {
    trial.rule.map_or("all", |rule| rule.as_str())
}

/// The studies as one document.
pub(crate) fn json(studies: &[Study]) -> Value {
    let upstreams: Vec<Value> = studies.iter().map(document).collect();
    json!({ "upstreams": upstreams })
}

fn document(study: &Study) -> Value {
    let Past { name, calls, hours } = &study.past;
    let took = sorted(calls);
    let at = |percent| (!took.is_empty()).then(|| millis(percentile(&took, percent)));
    let time = |call: Option<&Sample>| call.map(|call| call.started.to_string());
    let trials: Vec<Value> =
        study.trials.iter().map(|trial| trial_document(trial, calls)).collect();
    json!({
        "name": name,
        "hours": hours.len(),
        "calls": calls.len(),
        "failed": failed(calls),
        "from": time(calls.first()),
        "to": time(calls.last()),
        "p10_ms": at(10),
        "p50_ms": at(50),
        "p90_ms": at(90),
        "p99_ms": at(99),
        "trials": trials,
    })
}

fn trial_document(trial: &Trial, calls: &[Sample]) -> Value {
    let replayed = &trial.replayed;
    let time = |at: UnixMillis| at.to_string();
    let sheds = replayed.sheds.iter().map(|shed| {
        json!({"from": time(shed.from), "until": time(shed.until), "rule": shed.rule.as_str()})
    });
    json!({
        "slow_ms": millis(trial.slow),
        "rule": rule(trial),
        "times": replayed.episodes,
        "shed_ms": millis(replayed.shed_for()),
        "held": replayed.held,
        "held_share": replayed.held as f64 / calls.len().max(1) as f64,
        "sheds": sheds.collect::<Vec<Value>>(),
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// As exactly as it matters: `12 ms`, `0.31 s`, `5 s`.
pub(super) fn seconds(span: Duration) -> String {
    if span < Duration::from_millis(100) {
        return format!("{} ms", span.as_millis());
    }
    let text = format!("{:.2}", span.as_secs_f64());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// In its two largest units: `2h 5m`, `12m 3s`.
pub(super) fn long(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let first = units.iter().position(|&(unit, _)| seconds >= unit).unwrap_or(3);
    let (unit, name) = units[first];
    let text = format!("{}{name}", seconds / unit);
    match units.get(first + 1) {
        Some((next, name)) if seconds % unit >= *next => {
            format!("{text} {}{name}", seconds % unit / next)
        }
        Some(_) | None => text,
    }
}

fn percent(part: u64, of: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / of.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_shares_are_as_long_as_they_have_to_be() {
        let told = [0, 99, 100, 312, 5_000, 2_500].map(|ms| seconds(Duration::from_millis(ms)));
        assert_eq!(told, ["0 ms", "99 ms", "0.1 s", "0.31 s", "5 s", "2.5 s"]);
        let told =
            [0, 59, 60, 723, 3_600, 3_659, 7_500, 90_000].map(|s| long(Duration::from_secs(s)));
        assert_eq!(told, ["0s", "59s", "1m", "12m 3s", "1h", "1h", "2h 5m", "1d 1h"]);
        assert_eq!((percent(1, 3), percent(0, 0)), ("33.3 %".to_owned(), "0.0 %".to_owned()));
    }
}
