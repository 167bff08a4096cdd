//! One table: each kind alone and with bulk beside.

use super::{OfKind, Options};
use crate::bar::{Bar, write_bars};
use crate::bulk::tally::BulkSummary;
use crate::load::Work;
use crate::measurement::Summary;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// Beside bulk, the median of a kind may be this much of what it is alone, plus the next.
const P50_OVER_QUIET: f64 = 1.5;
/// A median below this is not looked at: nobody sees a tenth of a millisecond.
const P50_FREE_MS: f64 = 0.5;

#[derive(Debug, Serialize)]
struct Row {
    kind: Work,
    quiet: Summary,
    beside_bulk: Summary,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    rate: u32,
    streams: usize,
    body_bytes: usize,
    kinds: Vec<Row>,
    pub(super) bulk: BulkSummary,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(
        options: &Options,
        (quiet, beside): (&[OfKind], &[OfKind]),
        bulk: BulkSummary,
    ) -> Self {
        let kinds: Vec<Row> = quiet
            .iter()
            .zip(beside)
            .map(|((kind, quiet), (_, beside))| Row {
                kind: *kind,
                quiet: quiet.summary.clone(),
                beside_bulk: beside.summary.clone(),
            })
            .collect();
        let mut bars: Vec<Bar> = kinds.iter().flat_map(bars).collect();
        bars.push(Bar::none("bulk that went wrong", bulk.faults));
        Self {
            rate: options.rate,
            streams: options.streams,
            body_bytes: options.body_bytes,
            kinds,
            bulk,
            bars,
        }
    }
}

fn bars(row: &Row) -> [Bar; 2] {
    let limit = (row.quiet.latency.p50_ms * P50_OVER_QUIET).max(P50_FREE_MS);
    let errors = row.quiet.error_count() + row.beside_bulk.error_count();
    [
        Bar::at_most(
            format!("{} p50 beside bulk", row.kind),
            row.beside_bulk.latency.p50_ms,
            limit,
        ),
        Bar::none(format!("{} that went wrong", row.kind), errors),
    ]
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "{} small calls a second; beside: {} clients that stream bodies of {:.1} MB\n",
            self.rate,
            self.streams,
            self.body_bytes as f64 / 1e6
        )?;
        writeln!(
            out,
            "{:<17}{:>8}{:>10}{:>10}{:>12}{:>10}{:>10}{:>8}",
            "ms", "per s", "p50", "p99", "beside: p50", "p99", "p99.9", "errors"
        )?;
        for Row { kind, quiet, beside_bulk } in &self.kinds {
            let (alone, beside) = (quiet.latency, beside_bulk.latency);
            writeln!(
                out,
                "{kind:<17}{:>8.0}{:>10.3}{:>10.3}{:>12.3}{:>10.3}{:>10.3}{:>8}",
                quiet.rate,
                alone.p50_ms,
                alone.p99_ms,
                beside.p50_ms,
                beside.p99_ms,
                beside.p999_ms,
                quiet.error_count() + beside_bulk.error_count()
            )?;
        }
        writeln!(out, "\nbulk {}\n", self.bulk)?;
        write_bars(out, &self.bars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Quantiles;

    fn row_of(quiet_ms: f64, beside_ms: f64) -> Row {
        let summary = |p50_ms| {
            let latency = Quantiles { p50_ms, ..Quantiles::default() };
            Summary { latency, ..Summary::default() }
        };
        Row { kind: Work::Echo, quiet: summary(quiet_ms), beside_bulk: summary(beside_ms) }
    }

    #[test]
    fn a_median_may_grow_a_little_and_a_tiny_one_more() {
        for (quiet_ms, beside_ms, is_met) in
            [(1.0, 1.5, true), (1.0, 1.6, false), (0.1, 0.4, true), (0.1, 0.6, false)]
        {
            assert_eq!(bars(&row_of(quiet_ms, beside_ms))[0].is_met, is_met);
        }
    }
}
