//! What a drill has shown, as lines for people or as JSON for programs.

use super::counts::Counts;
use super::findings::Findings;
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

/// Findings that people are shown; programs get all.
const SHOWN: usize = 50;

/// How often the server was killed, and how fast it was back.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Restarts {
    /// Under load.
    pub(super) killed: u64,
    pub(super) killed_while_starting: u64,
    #[serde(skip)]
    ready_after: Vec<Duration>,
    ready_seconds_p50: f64,
    ready_seconds_max: f64,
}

impl Restarts {
    /// It was ready again so long after its start.
    pub(super) fn note(&mut self, ready_after: Duration) {
        let place = self.ready_after.partition_point(|before| *before < ready_after);
        self.ready_after.insert(place, ready_after);
        let seconds = |place: usize| self.ready_after[place].as_secs_f64();
        self.ready_seconds_p50 = seconds((self.ready_after.len() - 1) / 2);
        self.ready_seconds_max = seconds(self.ready_after.len() - 1);
    }
}

/// All of it.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    /// Whether all that was acknowledged is there, once, and nothing else.
    is_right: bool,
    pub(super) seed: u64,
    pub(super) seconds: f64,
    pub(super) rounds: u64,
    pub(super) comparisons: u64,
    pub(super) restarts: Restarts,
    pub(super) counts: Counts,
    pub(super) findings: Findings,
    /// Why it ended before its time.
    pub(super) broken_off: Option<String>,
    /// The folder with the data, if something is wrong.
    pub(super) kept: Option<PathBuf>,
}

impl Report {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Decides whether all is right: something was acknowledged and compared, and nothing was found.
    pub(super) fn conclude(&mut self) -> bool {
        let Counts { answered, accepted, .. } = self.counts;
        let is_shown = self.comparisons > 0 && answered + accepted > 0;
        self.is_right = self.broken_off.is_none() && is_shown && self.findings.is_empty();
        self.is_right
    }

    /// How far it is, in one line.
    pub(super) fn progress(&self, counts: &Counts) -> String {
        let Restarts { killed, killed_while_starting, ready_seconds_max, .. } = self.restarts;
        format!(
            "{:.0} s: {} kills, ready within {ready_seconds_max:.3} s, {} sent, {} wrong",
            self.seconds,
            killed + killed_while_starting,
            counts.sent,
            self.findings.len()
        )
    }

    fn fmt_findings(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        for finding in self.findings.iter().take(SHOWN) {
            writeln!(out, "{finding}")?;
        }
        if self.findings.len() > SHOWN {
            writeln!(out, "… and {} more; --json tells all", self.findings.len() - SHOWN)?;
        }
        if let Some(why) = &self.broken_off {
            writeln!(out, "broken off   {why}")?;
        }
        if let Some(folder) = &self.kept {
            writeln!(out, "kept         {}", folder.display())?;
        }
        Ok(())
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Restarts { killed, killed_while_starting, .. } = self.restarts;
        let Restarts { ready_seconds_p50, ready_seconds_max, .. } = self.restarts;
        let Counts { sent, answered, accepted, unknown, cleared_up, .. } = self.counts;
        let Counts { refused, replayed, cancelled, items, revived, .. } = self.counts;
        writeln!(out, "seed         {}", self.seed)?;
        writeln!(out, "rounds       {} in {:.1} s", self.rounds, self.seconds)?;
        writeln!(out, "kills        {killed} under load, {killed_while_starting} while starting")?;
        writeln!(out, "ready again  p50 {ready_seconds_p50:.3} s, max {ready_seconds_max:.3} s")?;
        writeln!(out, "compared     {} times", self.comparisons)?;
        writeln!(out, "sent         {sent} requests to do something")?;
        writeln!(out, "acknowledged {answered} with a result, {accepted} by 202")?;
        writeln!(out, "bulk items   {items}")?;
        writeln!(out, "unknown      {unknown}, of which a key cleared up {cleared_up}")?;
        writeln!(out, "refused      {refused}")?;
        writeln!(out, "replayed     {replayed}")?;
        writeln!(out, "cancelled    {cancelled}")?;
        writeln!(out, "revived      {revived}, parked for having run alone in three kills")?;
        self.fmt_findings(out)?;
        let verdict = match (self.is_right, self.findings.len()) {
            (true, _) => "right: all that was acknowledged is there, once, and nothing else".into(),
            (false, 0) if self.comparisons == 0 => "nothing was shown".into(),
            (false, 0) if self.broken_off.is_some() => {
                "not through: nothing is wrong as far as it came".into()
            }
            (false, 0) => "nothing was shown: the server took nothing".into(),
            (false, count) => format!("WRONG: {count} findings"),
        };
        writeln!(out, "verdict      {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Fault, Finding};
    use super::*;

    #[test]
    fn restart_times_are_told_by_their_median_and_their_longest() {
        let mut restarts = Restarts::default();
        for ms in [30, 10, 20] {
            restarts.note(Duration::from_millis(ms));
        }
        assert_eq!((restarts.ready_seconds_p50, restarts.ready_seconds_max), (0.02, 0.03));
    }

    #[test]
    fn it_is_right_only_if_something_was_compared_and_nothing_was_found() {
        let counts = Counts { answered: 1, ..Counts::default() };
        let right = Report { comparisons: 1, counts, ..Report::new(7) };
        assert!(right.clone().conclude());
        assert!(!Report { comparisons: 1, ..Report::new(7) }.conclude());
        assert!(!Report { counts, ..Report::new(7) }.conclude());
        assert!(!Report { broken_off: Some("died".into()), ..right.clone() }.conclude());
        let found = Finding::new(Fault::Missing, None, "a contact".into());
        let mut wrong = Report { findings: vec![found], kept: Some("place".into()), ..right };
        assert!(!wrong.conclude());
        let told = wrong.to_string();
        for part in ["missing      a contact\n", "kept         place\n", "WRONG: 1 findings"] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}
