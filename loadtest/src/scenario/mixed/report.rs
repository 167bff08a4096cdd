//! One table: each kind alone and with bulk beside.

use super::{OfKind, Options};
use crate::bar::{Bar, write_bars};
use crate::bulk::tally::BulkSummary;
use crate::load::Work;
use crate::measurement::Summary;
use serde::Serialize;
use std::fmt::{Display, Formatter};

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
        let mut bars: Vec<Bar> = kinds.iter().map(bar).collect();
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

fn bar(row: &Row) -> Bar {
    let errors = row.quiet.error_count() + row.beside_bulk.error_count();
    Bar::none(format!("{} that went wrong", row.kind), errors)
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

    #[test]
    fn an_error_in_either_part_misses_the_bar() {
        let summary =
            |count| Summary { errors: [("broken".to_owned(), count)].into(), ..Summary::default() };
        for (quiet, beside, is_met) in [(0, 0, true), (1, 0, false), (0, 1, false)] {
            let (quiet, beside_bulk) = (summary(quiet), summary(beside));
            assert_eq!(bar(&Row { kind: Work::Echo, quiet, beside_bulk }).is_met, is_met);
        }
    }
}
