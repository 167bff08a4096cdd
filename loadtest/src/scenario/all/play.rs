//! One scenario in a process of its own: what it said of its bars, what it drew, how long it took. A
//! scenario that cannot be done is told as that and ends nothing else.

use super::chapter::{Chapter, Draws, Needs};
use super::{Options, spoken};
use crate::bar::Bar;
use crate::report::fragment;
use crate::server_process::ServerProcess;
use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use std::fmt::{Display, Formatter};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// No scenario takes longer.
const PATIENCE: Duration = Duration::from_secs(3_600);
const GLANCE: Duration = Duration::from_millis(50);
/// Lines of what a scenario said that explain why it could not be done.
const LAST_LINES: usize = 3;

/// What came of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// All bars were met.
    Met,
    /// One was not.
    Missed,
    /// The generator was too late, so that the run says nothing.
    Void,
    /// It could not be done.
    Failed,
}

impl Outcome {
    /// By how the process ended, and what it said.
    fn of(status: Option<i32>, bars: &[Bar]) -> Self {
        let mut missed = bars.iter().filter(|bar| !bar.is_met).peekable();
        match status {
            Some(0) => Self::Met,
            Some(1) if missed.peek().is_none() => Self::Missed,
            Some(1) if missed.any(Bar::tells_whether_void) => Self::Void,
            Some(1) => Self::Missed,
            _ => Self::Failed,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Void => "void",
            Self::Failed => "failed",
        }
    }
}

/// A scenario that was played.
#[derive(Debug, Serialize)]
pub(super) struct Played {
    pub(super) name: &'static str,
    pub(super) question: &'static str,
    #[serde(skip)]
    pub(super) chapter: &'static Chapter,
    pub(super) outcome: Outcome,
    pub(super) seconds: f64,
    /// What was typed.
    pub(super) command: String,
    pub(super) bars: Vec<Bar>,
    /// Why it could not be done.
    pub(super) why: Option<String>,
    /// All that it told.
    pub(super) told: Value,
    /// What it drew.
    #[serde(skip)]
    pub(super) drawn: Option<String>,
}

impl Display for Played {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let (word, met) = (self.outcome.word(), self.bars.iter().filter(|bar| bar.is_met).count());
        let (name, bars) = (self.name, self.bars.len());
        let span = spoken(Duration::from_secs_f64(self.seconds));
        write!(out, "{word:<7} {name:<18} {met:>2} of {bars:>2} bars  {span:>12}")?;
        for bar in self.bars.iter().filter(|bar| !bar.is_met) {
            write!(out, "\n        {bar}")?;
        }
        match &self.why {
            Some(why) => write!(out, "\n        {why}"),
            None => Ok(()),
        }
    }
}

/// Plays it. What it leaves behind is in `folder`.
pub(super) fn play(
    chapter: &'static Chapter,
    options: &Options,
    folder: &Path,
) -> anyhow::Result<Played> {
    let place = folder.join(chapter.name);
    std::fs::create_dir(&place).context("cannot create a folder")?;
    let begun = Instant::now();
    let ended = process(chapter, options, &place);
    let text = std::fs::read_to_string(place.join("told")).unwrap_or_default();
    let told: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let bars = bars(&told);
    let (status, why) = match ended {
        Ok(status) => (status.code(), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let outcome = Outcome::of(status, &bars);
    let last_words = || last_lines(&place.join("said"));
    let drawn = std::fs::read_to_string(place.join("page.html")).ok();
    Ok(Played {
        name: chapter.name,
        question: chapter.question,
        chapter,
        outcome,
        seconds: begun.elapsed().as_secs_f64(),
        command: format!("loadtest {}", chapter.command_line(options.quick).join(" ")),
        why: why.or_else(|| (outcome == Outcome::Failed).then(last_words)),
        drawn: drawn.as_deref().and_then(fragment),
        bars,
        told,
    })
}

fn bars(told: &Value) -> Vec<Bar> {
    told.get("bars").and_then(|bars| serde_json::from_value(bars.clone()).ok()).unwrap_or_default()
}

fn last_lines(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("; ")
}

/// Runs it to its end, with a server if it needs one.
fn process(chapter: &Chapter, options: &Options, place: &Path) -> anyhow::Result<ExitStatus> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(chapter.command_line(options.quick)).arg("--json");
    if chapter.draws == Draws::Page {
        command.arg("--html").arg(place.join("page.html"));
    }
    let home = match chapter.needs {
        Needs::Binary => None,
        Needs::Target => Some(options.home.furnish("")?),
    };
    let server = home.as_ref().map(crate::home::Home::start).transpose()?;
    match &server {
        Some(server) => command.args(["--target", &server.target().to_string()]),
        None => command.args(options.home.words()?),
    };
    let child = command
        .stdin(Stdio::null())
        .stdout(File::create(place.join("told"))?)
        .stderr(File::create(place.join("said"))?)
        .spawn()
        .context("cannot start the scenario")?;
    let ended = await_end(child);
    drop::<Option<ServerProcess>>(server);
    ended
}

fn await_end(mut child: Child) -> anyhow::Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("it did not end within {}", spoken(PATIENCE));
        }
        std::thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_that_was_late_makes_a_miss_void() {
        let missed = Bar::at_most("p99", 2.0, 1.0);
        let late = Bar::generator_late(9.0);
        assert_eq!(Outcome::of(Some(0), &[]), Outcome::Met);
        assert_eq!(Outcome::of(Some(1), &[]), Outcome::Missed);
        assert_eq!(Outcome::of(Some(1), std::slice::from_ref(&missed)), Outcome::Missed);
        assert_eq!(Outcome::of(Some(1), &[missed, late]), Outcome::Void);
        assert_eq!(Outcome::of(Some(2), &[]), Outcome::Failed);
        assert_eq!(Outcome::of(None, &[]), Outcome::Failed);
    }

    #[test]
    fn bars_are_read_as_they_were_told() {
        let bar = Bar::at_least("items", 3.0, 1.0);
        let told = serde_json::json!({ "bars": [bar], "else": 1 });
        assert_eq!(bars(&told), [bar]);
        assert!(bars(&Value::Null).is_empty());
        // What never came is infinite, for which JSON has no number.
        let never = Bar::at_most("shed after", f64::INFINITY, 8.0);
        let told = serde_json::to_string(&serde_json::json!({ "bars": [never] })).unwrap();
        assert_eq!(bars(&serde_json::from_str(&told).unwrap()), [never]);
    }
}
