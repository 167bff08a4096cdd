//! `step`: within a second the load goes from less than a server can do to more. It has to go on
//! doing what it can from the first second on, and be as fast as before half a second later.

use crate::argument::{per_second, seconds};
use crate::bar::Bar;
use crate::contestant::{Contestant, ServiceOptions, Upbringing};
use crate::crowd::LATE_MAX;
use crate::crowd::callers::Course;
use crate::crowd::picture::{Plots, Shown};
use crate::crowd::script::{Script, Stage};
use crate::crowd::tally::{Slice, quantile_ms};
use crate::figures::Figures;
use crate::knee::{Probe, baseline};
use crate::report::{Page, Phase};
use crate::telling::Telling;
use crate::verdict::Verdict;
use std::time::Duration;

/// How long the load rises.
const RISE: Duration = Duration::from_secs(1);
/// In so many steps.
const STEPS: u32 = 20;
/// The 99th percentile is taken over this much time.
const WINDOW: Duration = Duration::from_millis(500);
/// Of its capacity, what a server does in each second.
const GOODPUT_MIN: f64 = 0.9;
/// How much slower than at the knee the answers may be.
const SLOWER_MAX: f64 = 2.0;
/// How soon after the rise they no longer are.
const SETTLED_MAX_MS: f64 = 500.0;

/// A load that rises above what a server can do, against private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    service: ServiceOptions,
    /// What each server can do, such as `180/s`; without it that is measured first.
    #[arg(long, value_parser = per_second)]
    capacity: Option<f64>,
    /// The share of its capacity that arrives before.
    #[arg(long, default_value_t = 0.7)]
    from: f64,
    /// The share that arrives afterwards.
    #[arg(long, default_value_t = 1.4)]
    to: f64,
    /// How long each of the two lasts.
    #[arg(long, default_value = "10s", value_parser = seconds)]
    seconds: Duration,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    fn until(&self) -> Duration {
        2 * self.seconds + RISE
    }

    fn script(&self, capacity: f64) -> Script {
        let mut stages = vec![Stage { from: Duration::ZERO, per_second: capacity * self.from }];
        for step in 1..=STEPS {
            let share = self.from + (self.to - self.from) * f64::from(step) / f64::from(STEPS);
            let from = self.seconds + RISE * (step - 1) / STEPS;
            stages.push(Stage { from, per_second: capacity * share });
        }
        Script { stages, seed: self.service.seed, ..Script::steady(0.0, self.until()) }
    }

    /// When the load is as high as what the server can do.
    fn passes(&self) -> Duration {
        let share = ((1.0 - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.seconds + RISE.mul_f64(share)
    }
}

/// What one server did.
struct Contest {
    contestant: Contestant,
    knee: Probe,
    course: Course,
}

impl Contest {
    /// The least that was done in a second, as a share of the capacity.
    fn worst_second(&self, options: &Options) -> f64 {
        let seconds = self.course.tally.seconds(options.passes(), options.until());
        let shares = seconds.map(|second| second.done as f64 / self.knee.done_per_second);
        shares.fold(f64::INFINITY, f64::min)
    }

    /// How long after the rise the answers are as fast as they should be for good.
    fn settled_ms(&self, options: &Options) -> f64 {
        let risen = options.seconds + RISE;
        let slow = self.knee.p99_ms * SLOWER_MAX;
        let is_right = |slice: &Slice| {
            !slice.admitted.is_empty() && quantile_ms(&slice.admitted, 0.99) <= slow
        };
        let settled = self.course.tally.settled(risen..options.until() - WINDOW, WINDOW, is_right);
        settled.map_or(f64::INFINITY, |settled| (settled - risen).as_secs_f64() * 1e3)
    }
}

/// Raises the load of one server after the other, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let (mut figures, mut contests) = (Figures::default(), Vec::new());
    for contestant in options.service.contestants() {
        let knee = baseline(contestant, &options.service, options.capacity)?;
        let server = contestant.start(&options.service)?;
        let course =
            server.mission(options.script(knee.done_per_second), Upbringing::Naive).play()?;
        let contest = Contest { contestant, knee, course };
        judge(options, &contest, &mut figures);
        contests.push(contest);
    }
    options.telling.judge(&figures, figures.bars(), || draw(options, &contests))
}

fn judge(options: &Options, contest: &Contest, figures: &mut Figures) {
    let name = contest.contestant.name();
    let (worst, settled) = (contest.worst_second(options), contest.settled_ms(options));
    let above = contest.course.tally.within(options.seconds + RISE..options.until());
    let done = above.done as f64 / options.seconds.as_secs_f64();
    let (capacity, p99) = (contest.knee.done_per_second, quantile_ms(&above.admitted, 0.99));
    let (accepted, refused) = (above.accepted.len(), above.refused.len());
    figures.tell(
        name,
        format!(
            "{done:.1}/s of {capacity:.1}/s above the step, p99 {p99:.1} ms; {accepted} answers \
             202, {refused} refused, {} gave up",
            above.gave_up
        ),
    );
    if contest.contestant == Contestant::Overtime {
        figures.hold(Bar::at_least(
            format!("{name}: share of its capacity done in the worst second"),
            worst,
            GOODPUT_MIN,
        ));
        figures.hold(Bar::at_most(format!("{name}: ms until it settled"), settled, SETTLED_MAX_MS));
    }
    figures.hold(Bar::at_most(
        format!("{name}: generator late at p99, ms (above it the run is void)"),
        contest.course.lateness.p99_ms,
        LATE_MAX.as_secs_f64() * 1e3,
    ));
}

fn draw(options: &Options, contests: &[Contest]) -> Page {
    let story = format!(
        "Within a second the load rises from {} to {} times what the server can do. Whoever is not \
         served within two to three seconds leaves and tries again.",
        options.from, options.to
    );
    let mut page = Page::new("A step", &story);
    let shown = contests.iter().map(|contest| Shown {
        name: contest.contestant.name(),
        tone: contest.contestant.tone(),
        course: &contest.course,
    });
    let plots = Plots {
        shown: shown.collect(),
        phases: Phase::in_turn([
            ("below", options.seconds),
            ("above", options.until() - options.seconds),
        ]),
        capacity: contests.first().map_or(0.0, |contest| contest.knee.done_per_second),
    };
    plots.draw(&mut page);
    page
}
