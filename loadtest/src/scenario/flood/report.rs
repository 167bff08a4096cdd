//! What the flood has shown, of the floor and of the server.

use super::Options;
use super::uploads::Outcome;
use crate::bar::{Bar, write_bars};
use crate::measurement::Summary;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// Small calls may take this much longer than beside a process that discards: the server reads
/// what it is sent, and keeps it.
const P99_OVER_FLOOR: f64 = 10.0;

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
        Self {
            uploads: options.sized + options.chunked + options.trickling,
            bytes: (options.sized + options.chunked) * options.long_bytes
                + options.trickling * options.trickle_bytes,
            bars: bars(&servers),
            servers,
        }
    }
}

fn bars(servers: &[Contest]) -> Vec<Bar> {
    let find = |name| servers.iter().find(|contest| contest.server == name);
    let Some(ours) = find("overtime") else { return Vec::new() };
    let mut bars = vec![
        Bar::none("uploads that were lost, wrong or refused for good", ours.outcome.faults()),
        Bar::none("small calls that went wrong", ours.small.error_count()),
    ];
    if let Some(floor) = find("floor") {
        let ratio = ours.small.latency.p99_ms / floor.small.latency.p99_ms;
        bars.push(Bar::at_most("p99 of small calls / the floor's", ratio, P99_OVER_FLOOR));
    }
    bars
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
    use crate::latency::Quantiles;

    fn contest(server: &'static str, faults: (u64, u64), p99_ms: f64) -> Contest {
        let (lost, broken) = faults;
        let latency = Quantiles { p99_ms, ..Quantiles::default() };
        let errors = [("broken".to_owned(), broken)].into();
        Contest {
            server,
            outcome: Outcome { lost, ..Outcome::default() },
            small: Summary { errors, latency, ..Summary::default() },
            peak_bytes: 0,
            settled_seconds: None,
        }
    }

    fn missed(ours: Contest) -> Vec<usize> {
        let bars = bars(&[contest("floor", (0, 0), 5.0), ours]);
        let missed = bars.iter().enumerate().filter(|(_, bar)| !bar.is_met);
        missed.map(|(number, _)| number).collect()
    }

    #[test]
    fn a_lost_upload_a_failed_small_call_and_a_long_wait_each_miss_a_bar() {
        assert!(missed(contest("overtime", (0, 0), 50.0)).is_empty());
        assert_eq!(missed(contest("overtime", (1, 0), 50.0)), [0]);
        assert_eq!(missed(contest("overtime", (0, 1), 50.0)), [1]);
        assert_eq!(missed(contest("overtime", (0, 0), 51.0)), [2]);
    }
}
