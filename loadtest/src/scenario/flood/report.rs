//! What the flood has shown, of the floor and of the server.

use super::Options;
use super::uploads::Outcome;
use crate::bar::{Bar, write_bars};
use crate::measurement::Summary;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// A server and what came of its flood.
#[derive(Debug, Serialize)]
pub(super) struct Contest {
    pub(super) server: &'static str,
    pub(super) outcome: Outcome,
    pub(super) small: Summary,
    pub(super) peak_bytes: u64,
    /// From the last answer until all accepted work was done.
    pub(super) settled_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    uploads: usize,
    bytes: usize,
    servers: Vec<Contest>,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(options: &Options, servers: Vec<Contest>) -> Self {
        let bars = servers.iter().filter(|contest| contest.server == "overtime").flat_map(bars);
        Self {
            uploads: options.sized + options.chunked + options.trickling,
            bytes: (options.sized + options.chunked) * options.long_bytes
                + options.trickling * options.trickle_bytes,
            bars: bars.collect(),
            servers,
        }
    }
}

fn bars(contest: &Contest) -> [Bar; 2] {
    [
        Bar::none("uploads that were lost, wrong or refused for good", contest.outcome.faults()),
        Bar::none("small calls that went wrong", contest.small.error_count()),
    ]
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "{} uploads at once, {:.1} GB\n", self.uploads, self.bytes as f64 / 1e9)?;
        for contest in &self.servers {
            write_contest(out, contest)?;
        }
        write_bars(out, &self.bars)
    }
}

fn write_contest(out: &mut Formatter<'_>, contest: &Contest) -> std::fmt::Result {
    let Outcome { seconds, done, accepted, bytes, .. } = contest.outcome;
    writeln!(
        out,
        "{:<10}answered  in {seconds:.1} s: 200: {done}, 202: {accepted}; {:.0} MB/s",
        contest.server,
        bytes as f64 / 1e6 / seconds
    )?;
    for (what, counts) in
        [("tried again", &contest.outcome.retried), ("refused", &contest.outcome.refused)]
    {
        for (status, count) in counts {
            writeln!(out, "          {what}: {count} answered {status}")?;
        }
    }
    if let Some(why) = &contest.outcome.lost_why {
        writeln!(out, "          lost      {}: {why}", contest.outcome.lost)?;
    }
    if let Some(settled) = contest.settled_seconds {
        writeln!(out, "          settled   {settled:.1} s later")?;
    }
    writeln!(out, "          small     {}", contest.small.latency)?;
    writeln!(out, "          peak      {:.0} MB\n", contest.peak_bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_upload_or_a_failed_small_call_misses_its_bar() {
        let contest = |lost, broken| Contest {
            server: "overtime",
            outcome: Outcome { lost, ..Outcome::default() },
            small: Summary { errors: [("broken".to_owned(), broken)].into(), ..Summary::default() },
            peak_bytes: 0,
            settled_seconds: None,
        };
        assert!(bars(&contest(0, 0)).iter().all(|bar| bar.is_met));
        assert!(!bars(&contest(1, 0))[0].is_met && !bars(&contest(0, 1))[1].is_met);
    }
}
