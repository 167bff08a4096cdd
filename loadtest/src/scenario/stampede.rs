//! `stampede`: many times more callers than a server can serve come at once and try again for ever.
//! It has to go on doing what it can, tell the others so quickly, and be itself again as soon as they
//! have left. The same with callers who use our client library, and a queue without an end beside.

mod page;
mod report;

use crate::argument::{per_second, seconds};
use crate::contestant::{Contestant, ServiceOptions, Upbringing};
use crate::crowd::callers::Course;
use crate::crowd::script::{Flood, Script, Stage};
use crate::knee::{Probe, baseline};
use crate::telling::Telling;
use crate::verdict::Verdict;
use report::Report;
use std::time::Duration;

/// Naive clients come back after so many seconds, on average.
const PAUSE_SECONDS: f64 = 2.5;
/// A load that everybody is served at.
const CALM: f64 = 0.5;

/// A crowd of callers who try again for ever, against private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    service: ServiceOptions,
    /// What each server can do, such as `180/s`; without it that is measured first.
    #[arg(long, value_parser = per_second)]
    capacity: Option<f64>,
    /// How many times its capacity is offered.
    #[arg(long, default_value_t = 50.0)]
    times: f64,
    /// How long the crowd stays.
    #[arg(long, default_value = "60s", value_parser = seconds)]
    seconds: Duration,
    /// How long there is a calm load before, and how long the server is watched afterwards.
    #[arg(long, default_value = "10s", value_parser = seconds)]
    calm: Duration,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    fn flood_until(&self) -> Duration {
        self.calm + self.seconds
    }

    fn until(&self) -> Duration {
        self.flood_until() + self.calm
    }

    /// A calm load, then the crowd alone, then the calm load again.
    fn script(&self, capacity: f64) -> Script {
        let clients = (capacity * self.times * PAUSE_SECONDS).ceil() as usize;
        let (from, until) = (self.calm, self.flood_until());
        let stage = |from, share| Stage { from, per_second: capacity * share };
        // As long as a client waits, once for the server and once for itself: if nobody is answered,
        // half of them hold a connection, and not all of them at first.
        let spread = Duration::from_secs_f64(2.0 * PAUSE_SECONDS);
        Script {
            stages: vec![stage(Duration::ZERO, CALM), stage(from, 0.0), stage(until, CALM)],
            flood: Some(Flood { clients, from, spread, until }),
            seed: self.service.seed,
            ..Script::steady(0.0, self.until())
        }
    }
}

/// One stampede.
#[derive(Debug)]
struct Contest {
    contestant: Contestant,
    callers: Upbringing,
    knee: Probe,
    course: Course,
}

impl Contest {
    fn name(&self) -> &'static str {
        match (self.contestant, self.callers) {
            (Contestant::Overtime, Upbringing::Naive) => "overtime",
            (_, Upbringing::Mannered) => "overtime, our client",
            (Contestant::Bare, Upbringing::Naive) => "no admission",
            (Contestant::Queue, Upbringing::Naive) => "plain queue",
        }
    }
}

/// Sends the crowd at one server after the other, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut contests = Vec::new();
    for contestant in options.service.contestants() {
        let knee = baseline(contestant, &options.service, options.capacity)?;
        contests.push(contest(options, contestant, Upbringing::Naive, knee)?);
        if contestant == Contestant::Overtime {
            contests.push(contest(options, contestant, Upbringing::Mannered, knee)?);
        }
    }
    let report = Report::new(options, &contests);
    options.telling.judge(&report, &report.bars, || page::draw(options, &contests, &report))
}

fn contest(
    options: &Options,
    contestant: Contestant,
    callers: Upbringing,
    knee: Probe,
) -> anyhow::Result<Contest> {
    let server = contestant.start(&options.service)?;
    let script = options.script(knee.done_per_second);
    let course = server.mission(script, callers).play()?;
    let contest = Contest { contestant, callers, knee, course };
    let told = contest.course.tally.within(options.calm..options.flood_until());
    let done = told.done as f64 / options.seconds.as_secs_f64();
    eprintln!("{:<22}{done:.1}/s of {:.1}/s", contest.name(), knee.done_per_second);
    Ok(contest)
}
