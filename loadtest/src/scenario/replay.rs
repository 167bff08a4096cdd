//! `replay`: an outage as it happened to others. The server is away for two minutes while work goes
//! on arriving; all who wait for it come back when it does, and again every few seconds. It has to
//! work off what is pending about as fast as it can, and not be kept down by the very callers who
//! wait for it.

mod page;

use crate::argument::{per_second, seconds};
use crate::bar::Bar;
use crate::contestant::{Contestant, ServiceOptions, Upbringing};
use crate::crowd::LATE_MAX;
use crate::crowd::callers::Course;
use crate::crowd::script::Script;
use crate::figures::Figures;
use crate::knee::{Probe, baseline};
use crate::telling::Telling;
use crate::verdict::Verdict;
use anyhow::anyhow;
use std::thread;
use std::time::{Duration, Instant};

/// How much slower than possible the drain may be.
const SLOWER_MAX: f64 = 1.25;
/// How long the server is watched, in times of what the drain takes at best.
const WATCHED: f64 = 1.5;
/// The longest time that is watched before, and once more behind it all.
const MARGIN: Duration = Duration::from_secs(5);
/// Drained is when no more is pending than arrives in this time.
const PENDING: Duration = Duration::from_secs(1);

/// An outage and the return of all who wait, against private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    service: ServiceOptions,
    /// What each server can do, such as `180/s`; without it that is measured first.
    #[arg(long, value_parser = per_second)]
    capacity: Option<f64>,
    /// The share of its capacity that arrives all the time.
    #[arg(long, default_value_t = 0.5)]
    base: f64,
    /// How long the server is away.
    #[arg(long, default_value = "125s", value_parser = seconds)]
    outage: Duration,
    /// Takes so much of that time.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Who calls.
    #[arg(long, value_enum, default_value = "naive")]
    callers: Upbringing,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    fn away(&self) -> Duration {
        self.outage.mul_f64(self.scale)
    }

    /// What the drain takes at best, from the return on: the pending, while more arrives.
    fn drain(&self) -> Duration {
        self.away().mul_f64(self.base / (1.0 - self.base))
    }

    fn until(&self) -> Duration {
        2 * self.before() + self.away() + self.drain().mul_f64(WATCHED)
    }

    fn before(&self) -> Duration {
        MARGIN.min(self.away())
    }
}

/// What one server did.
struct Contest {
    contestant: Contestant,
    knee: Probe,
    course: Course,
    /// From the start of the run until it was ready again.
    back_at: Duration,
}

impl Contest {
    /// Operations that have arrived and are not done, at the end of each tenth of a second.
    fn pending(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut pending: u64 = 0;
        self.course.tally.slices().map(move |(ends, slice)| {
            let over = slice.done + slice.desisted;
            pending = (pending + slice.first).saturating_sub(over);
            (ends, pending)
        })
    }

    /// How long after the return no more was pending than what is just being done.
    fn drained_after(&self, base: f64) -> Option<Duration> {
        let few = (base * PENDING.as_secs_f64()) as u64;
        let drained =
            self.pending().find(|(ends, pending)| *ends > self.back_at && *pending <= few);
        drained.map(|(ends, _)| ends - self.back_at)
    }
}

/// Takes one server after the other away and back, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let (mut figures, mut contests) = (Figures::default(), Vec::new());
    for contestant in options.service.contestants() {
        let knee = baseline(contestant, &options.service, options.capacity)?;
        let contest = contest(options, contestant, knee)?;
        judge(options, &contest, &mut figures);
        contests.push(contest);
    }
    options.telling.judge(&figures, figures.bars(), || page::draw(options, &contests))
}

fn contest(options: &Options, contestant: Contestant, knee: Probe) -> anyhow::Result<Contest> {
    let mut server = contestant.start(&options.service)?;
    let base = knee.done_per_second * options.base;
    let script = Script { seed: options.service.seed, ..Script::steady(base, options.until()) };
    let mission = server.mission(script, options.callers).unwatched();
    let begun = Instant::now();
    let crowd = thread::spawn(|| mission.play());
    thread::sleep((begun + options.before()).saturating_duration_since(Instant::now()));
    server.kill()?;
    thread::sleep(
        (begun + options.before() + options.away()).saturating_duration_since(Instant::now()),
    );
    server.start_again()?;
    let back_at = begun.elapsed();
    let course = crowd.join().map_err(|_| anyhow!("the generator panicked"))??;
    Ok(Contest { contestant, knee, course, back_at })
}

fn judge(options: &Options, contest: &Contest, figures: &mut Figures) {
    let name = contest.contestant.name();
    let base = contest.knee.done_per_second * options.base;
    let best = options.drain().as_secs_f64();
    let drained = contest.drained_after(base).map(|after| after.as_secs_f64());
    let pending = contest.pending().map(|(_, pending)| pending).max().unwrap_or(0);
    let told =
        drained.map_or("never while watched".to_owned(), |after| format!("after {after:.1} s"));
    let late = contest.course.lateness.p99_ms;
    figures.tell(name, format!("{pending} pending at most, drained {told}; at best {best:.1} s"));
    let times = drained.map_or(f64::INFINITY, |after| after / best);
    let figure = format!("{name}: times the best drain");
    match contest.contestant {
        Contestant::Overtime => figures.hold(Bar::at_most(figure, times, SLOWER_MAX)),
        Contestant::Queue => {
            let figure = format!("{figure} (it must not come back)");
            figures.hold(Bar::at_least(figure, times, WATCHED));
        }
        // It is shown beside.
        Contestant::Bare => {}
    }
    figures.hold(Bar::at_most(
        format!("{name}: generator late at p99, ms (above it the run is void)"),
        late,
        LATE_MAX.as_secs_f64() * 1e3,
    ));
}
