//! What a selftest has shown, as lines for people or as JSON for programs.

use super::Options;
use super::calls::{Calls, KIND};
use super::flood::Bulk;
use super::starts::Starts;
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::time::Duration;

/// Beside a flood a single call may take that long at p99 on any machine: nobody notices.
const BOUND_MS: f64 = 50.0;
/// Or so many times as long as it takes quietly, if the machine is slow even then: the flood takes
/// all processors, so whoever calls shares them with it; a call that waited for bulk to be through
/// would take a thousand times as long.
const BOUND_FACTOR: f64 = 10.0;
/// Failures that are told.
const FAILURES_TOLD: usize = 5;

/// What was measured in one span.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Phase {
    seconds: f64,
    /// Calls that were answered as they should be.
    calls: u64,
    failed: u64,
    failures: Vec<String>,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// How late our own threads woke, at p99: the machine's part, which is in no other number.
    woke_late_p99_ms: f64,
    lanes: Vec<Starts>,
}

impl Phase {
    pub(super) fn new(calls: Calls, lanes: Vec<Starts>) -> Self {
        let Calls { span, mut took, mut woke_late, mut failures } = calls;
        took.sort_unstable();
        woke_late.sort_unstable();
        let failed = failures.len() as u64;
        failures.truncate(FAILURES_TOLD);
        Self {
            seconds: span.as_secs_f64(),
            calls: took.len() as u64,
            failed,
            failures,
            p50_ms: at_ms(&took, 0.5),
            p99_ms: at_ms(&took, 0.99),
            max_ms: at_ms(&took, 1.0),
            woke_late_p99_ms: at_ms(&woke_late, 0.99),
            lanes,
        }
    }
}

/// What a share of `quantile` of the sorted spans did not exceed.
fn at_ms(sorted: &[Duration], quantile: f64) -> f64 {
    let place = (sorted.len() as f64 * quantile).ceil() as usize;
    let span = sorted.get(place.saturating_sub(1)).copied().unwrap_or_default();
    span.as_secs_f64() * 1e3
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    is_isolated: bool,
    verdict: String,
    kind: &'static str,
    rate: u32,
    streams: u32,
    processors: usize,
    /// What a single call may take at p99 beside the flood.
    bound_ms: f64,
    quiet: Phase,
    flooded: Phase,
    bulk: Bulk,
}

impl Report {
    pub(super) fn new(options: &Options, quiet: Phase, flooded: Phase, bulk: Bulk) -> Self {
        let bound_ms = BOUND_MS.max(BOUND_FACTOR * quiet.p99_ms);
        let (is_isolated, verdict) = judge(&quiet, &flooded, &bulk, bound_ms);
        Self {
            is_isolated,
            verdict,
            kind: KIND,
            rate: options.rate,
            streams: options.streams,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            bound_ms,
            quiet,
            flooded,
            bulk,
        }
    }

    /// Whether bulk left single calls alone.
    pub(super) fn is_isolated(&self) -> bool {
        self.is_isolated
    }
}

/// Whether all is well, and that in a sentence.
fn judge(quiet: &Phase, flooded: &Phase, bulk: &Bulk, bound_ms: f64) -> (bool, String) {
    let failed_of = |phase: &Phase| {
        let Phase { calls, failed, .. } = phase;
        format!("{failed} of {} single calls were not answered 200", thousands(calls + failed))
    };
    if quiet.failed > 0 {
        return (false, format!("not shown: {} even quietly", failed_of(quiet)));
    }
    if bulk.items == 0 || flooded.calls == 0 {
        return (false, "not shown: there was no flood, or nobody called beside it".to_owned());
    }
    let (items, p99, before) = (thousands(bulk.items), flooded.p99_ms, quiet.p99_ms);
    if flooded.failed > 0 {
        let text = format!("not isolated: beside {items} bulk items {}", failed_of(flooded));
        return (false, text);
    }
    if flooded.p99_ms > bound_ms {
        let text = format!(
            "not isolated: beside {items} bulk items one single call in a hundred took more than \
             {p99:.1} ms, where {bound_ms:.0} ms is the bound ({before:.1} ms quietly)"
        );
        return (false, text);
    }
    let text = format!(
        "isolated: while {items} bulk items came in, 99 of 100 single calls took at most {p99:.1} ms \
         ({before:.1} ms quietly; the bound is {bound_ms:.0} ms)"
    );
    (true, text)
}

/// A number as people read it.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { kind, rate, streams, processors, bulk, .. } = self;
        writeln!(
            out,
            "A private server on {processors} processors, called {rate} times a second."
        )?;
        writeln!(out)?;
        writeln!(out, "{kind}          calls        p50        p99        max")?;
        for (name, phase) in self.phases() {
            let Phase { calls, p50_ms, p99_ms, max_ms, .. } = phase;
            writeln!(
                out,
                "  {name:<17}{:>11}  {p50_ms:>6.2} ms  {p99_ms:>6.2} ms  {max_ms:>6.1} ms",
                thousands(*calls)
            )?;
        }
        writeln!(out)?;
        writeln!(out, "from lane to handler    starts        p50        p99")?;
        for (name, phase) in self.phases() {
            for Starts { lane, count, p50_ms, p99_ms } in &phase.lanes {
                let count = thousands(*count);
                writeln!(
                    out,
                    "  {name:<8}{lane:<12}{count:>8}  {p50_ms:>6} ms  {p99_ms:>6} ms at most"
                )?;
            }
        }
        writeln!(out)?;
        let (items, per_second) = (thousands(bulk.items), thousands(bulk.items_per_second as u64));
        writeln!(
            out,
            "bulk from {streams} streams: {items} items, {per_second} a second, {:.1} MB/s",
            bulk.megabytes_per_second
        )?;
        for failure in self.quiet.failures.iter().chain(&self.flooded.failures) {
            writeln!(out, "a call failed: {failure}")?;
        }
        let late = self.flooded.woke_late_p99_ms;
        writeln!(out, "this machine woke our own callers up to {late:.1} ms late (p99)")?;
        writeln!(out)?;
        writeln!(out, "{}", self.verdict)
    }
}

impl Report {
    fn phases(&self) -> [(&'static str, &Phase); 2] {
        [("quiet", &self.quiet), ("flooded", &self.flooded)]
    }
}

#[cfg(test)]
mod tests;
