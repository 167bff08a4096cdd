//! What each round of bulk has shown.

use super::{Options, Round};
use crate::bar::{Bar, write_bars};
use crate::bulk::tally::BulkSummary;
use crate::measurement::{Measured, Summary};
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// A finished round.
pub(super) struct Played {
    pub(super) round: Round,
    pub(super) bulk: BulkSummary,
    pub(super) singles: Option<Measured>,
    pub(super) wrong_versions: u64,
    pub(super) peak_bytes: u64,
}

#[derive(Debug, Serialize)]
struct Row {
    round: Round,
    bulk: BulkSummary,
    singles: Option<Summary>,
    wrong_versions: u64,
    peak_resident_bytes: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    items: u32,
    body_bytes: usize,
    streams: usize,
    singles_rate: u32,
    rounds: Vec<Row>,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(options: &Options, played: &[Played]) -> Self {
        let rows: Vec<Row> = played.iter().map(row).collect();
        Self {
            items: options.items,
            body_bytes: options.body_bytes,
            streams: options.streams,
            singles_rate: options.singles,
            bars: rows.iter().flat_map(|row| bars(row, options.items)).collect(),
            rounds: rows,
        }
    }
}

fn row(played: &Played) -> Row {
    Row {
        round: played.round,
        bulk: played.bulk.clone(),
        singles: played.singles.as_ref().map(|measured| measured.summary.clone()),
        wrong_versions: played.wrong_versions,
        peak_resident_bytes: played.peak_bytes,
    }
}

fn bars(row: &Row, items: u32) -> Vec<Bar> {
    let name = |what: &str| format!("{:?}: {what}", row.round);
    let singles = row.singles.as_ref().map_or(0, Summary::error_count);
    vec![
        Bar::at_least(name("items done"), row.bulk.items as f64, f64::from(items)),
        Bar::none(name("faults"), row.bulk.faults),
        Bar::none(name("sampled contacts with a wrong version"), row.wrong_versions),
        Bar::none(name("single calls that went wrong"), singles),
    ]
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "{} contacts a round in bodies of {:.1} MB over {} connections, {} singles/s beside\n",
            self.items,
            self.body_bytes as f64 / 1e6,
            self.streams,
            self.singles_rate
        )?;
        for row in &self.rounds {
            writeln!(out, "{:<8}{}", format!("{:?}", row.round), row.bulk)?;
            writeln!(out, "        bodies  {}", row.bulk.body_latency)?;
            if let Some(singles) = &row.singles {
                writeln!(out, "        singles {}", singles.latency)?;
            }
            writeln!(out, "        peak    {:.0} MB", row.peak_resident_bytes as f64 / 1e6)?;
        }
        writeln!(out)?;
        write_bars(out, &self.bars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::tally::Tally;
    use std::time::Duration;

    fn row_of(items: u64, wrong_versions: u64) -> Row {
        let tally = Tally { items, ..Tally::default() };
        row(&Played {
            round: Round::New,
            bulk: tally.summary(Duration::from_secs(1)),
            singles: None,
            wrong_versions,
            peak_bytes: 0,
        })
    }

    #[test]
    fn all_items_and_right_versions_pass_and_less_does_not() {
        assert!(bars(&row_of(10, 0), 10).iter().all(|bar| bar.is_met));
        assert_eq!(bars(&row_of(9, 0), 10).iter().filter(|bar| !bar.is_met).count(), 1);
        assert_eq!(bars(&row_of(10, 1), 10).iter().filter(|bar| !bar.is_met).count(), 1);
    }
}
