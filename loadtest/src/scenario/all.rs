//! `all`: every scenario one after the other, each in a process of its own so that none inherits what
//! another left behind, and one report of all of them.

mod chapter;
mod page;
mod play;

use crate::home::HomeOptions;
use crate::telling::Telling;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use chapter::{CHAPTERS, Chapter};
use play::{Outcome, Played, play};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::time::{Duration, Instant};

/// Every scenario, and one report.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Only these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// All but these.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Shorter: it shows whether everything works, and its figures say less.
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    fn chapters(&self) -> anyhow::Result<Vec<&'static Chapter>> {
        for name in self.only.iter().chain(&self.without) {
            if !CHAPTERS.iter().any(|chapter| chapter.name == name) {
                let known: Vec<_> = CHAPTERS.iter().map(|chapter| chapter.name).collect();
                bail!("there is no {name}, only {}", known.join(", "));
            }
        }
        let is_wanted = |chapter: &&Chapter| {
            let is_in = |names: &[String]| names.iter().any(|name| name == chapter.name);
            (self.only.is_empty() || is_in(&self.only)) && !is_in(&self.without)
        };
        Ok(CHAPTERS.iter().filter(is_wanted).collect())
    }
}

/// Plays all of them, and tells.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let begun = Instant::now();
    let folder = tempfile::tempdir().context("cannot create a folder")?;
    let mut played = Vec::new();
    for chapter in options.chapters()? {
        eprintln!("{}: {}", chapter.name, chapter.question);
        let one = play(chapter, options, folder.path())?;
        eprintln!("{one}\n");
        played.push(one);
    }
    let report = Report { is_quick: options.quick, seconds: begun.elapsed().as_secs_f64(), played };
    options.telling.tell(&report, || page::draw(&report))?;
    Ok(report.verdict())
}

/// All that was played.
#[derive(Debug, Serialize)]
struct Report {
    is_quick: bool,
    seconds: f64,
    played: Vec<Played>,
}

impl Report {
    fn verdict(&self) -> Verdict {
        Verdict::of(self.played.iter().all(|played| played.outcome == Outcome::Met))
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.played.iter().filter(|played| played.outcome == outcome).count()
    }

    /// How many bars there are, and how many of them are met.
    fn bars(&self) -> (usize, usize) {
        let bars = || self.played.iter().flat_map(|played| &played.bars);
        (bars().count(), bars().filter(|bar| bar.is_met).count())
    }

    fn span(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        self.played.iter().try_for_each(|played| writeln!(out, "{played}"))?;
        let (bars, met) = self.bars();
        writeln!(
            out,
            "\n{} of {} scenarios met, {met} of {bars} bars, in {}",
            self.count(Outcome::Met),
            self.played.len(),
            spoken(self.span())
        )
    }
}

/// A span as a person says it.
fn spoken(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds < 100 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::options;

    fn names(words: &[&str]) -> anyhow::Result<Vec<&'static str>> {
        Ok(options::<Options>(words).chapters()?.iter().map(|chapter| chapter.name).collect())
    }

    #[test]
    fn what_is_asked_for_is_played_and_a_name_that_is_none_is_told() {
        assert_eq!(names(&[]).unwrap().len(), CHAPTERS.len());
        assert_eq!(names(&["--only", "slow,noisy"]).unwrap(), ["noisy", "slow"]);
        assert_eq!(names(&["--only", "slow,keys", "--without", "keys"]).unwrap(), ["slow"]);
        assert!(names(&["--only", "noise"]).is_err());
    }

    #[test]
    fn spans_are_told_in_what_is_easy_to_read() {
        let told = [59, 99, 100, 754].map(|seconds| spoken(Duration::from_secs(seconds)));
        assert_eq!(told, ["59 s", "99 s", "1 min 40 s", "12 min 34 s"]);
    }
}
