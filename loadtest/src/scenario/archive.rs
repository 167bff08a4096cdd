//! `archive`: millions of finished tasks and a parked one in front of them. A page of any list comes
//! soon, and what is removed because it is old disturbs nobody and never takes the parked one.

mod fill;
mod lists;
mod removal;

use crate::bar::Bar;
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::output::Output;
use crate::settle::await_metric;
use crate::verdict::Verdict;
use fill::{Filled, fill};
use lists::walk_all;
use removal::watch_removal;
use std::num::NonZeroU32;
use std::time::Duration;

/// How long the archive may be behind the log.
const PATIENCE: Duration = Duration::from_secs(600);
/// What 99 of 100 pages may take at most.
const PAGE_MS_MAX: f64 = 20.0;
/// How much longer a commit may take while old tasks are removed.
const REMOVAL_FACTOR_MAX: f64 = 2.0;

/// A `flaky` task that fails is parked at once; whatever finishes stays.
const KEEPING: &str = "[kinds.flaky]\nattempts = 1\n\n[retention]\nfinished = \"7d\"\n";
/// Whatever finishes goes.
const REMOVING: &str = "[kinds.flaky]\nattempts = 1\n\n[retention]\nfinished = \"1s\"\n";

/// Lists and removal in a large archive.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many finished tasks.
    #[arg(long, default_value_t = 5_000_000)]
    tasks: u64,
    /// How many pages of each list are asked for.
    #[arg(long, default_value_t = 1_000)]
    pages: u32,
    /// Upserts a second while old tasks are removed, and before.
    #[arg(long, default_value = "500")]
    rate: NonZeroU32,
    /// How long the upserts before are measured, in seconds.
    #[arg(long, default_value_t = 20)]
    before_seconds: u64,
    /// How long the removal may take, in seconds.
    #[arg(long, default_value_t = 1_800)]
    removal_seconds: u64,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

/// Fills, lists, removes, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let home = options.home.furnish(KEEPING)?;
    let mut server = home.start()?;
    let filled = fill(server.target(), options.tasks)?;
    let behind =
        await_metric(server.admin(), "overtime_journal_lag_records", |lag| lag == 0.0, PATIENCE)?;
    let mut figures = Figures::default();
    tell_fill(&mut figures, &filled, behind);
    for walk in walk_all(server.target(), &filled, options.pages)? {
        let latency = walk.latency.quantiles();
        eprintln!("{:<48}{latency}", walk.list);
        figures.tell(walk.list, walk.told());
        let bar = format!("p99 of a page, in ms: {}", walk.list);
        figures.hold(Bar::at_most(bar, latency.p99_ms, PAGE_MS_MAX));
        figures.hold(Bar::none(format!("wrong pages: {}", walk.list), walk.wrong));
    }
    let before = removal::upserts(server.target(), options.rate, options.before_seconds).run()?;
    server.kill()?;
    home.settle(REMOVING)?;
    let server = home.start()?;
    let removal = watch_removal(server.target(), options, &filled)?;
    figures.tell("upserts before", before.summary.latency);
    figures.tell("upserts beside the removal", removal.upserts.summary.latency);
    figures.tell_seconds("removed within", removal.took);
    let factor = removal.upserts.latency.at_ms(0.99) / before.latency.at_ms(0.99);
    figures.hold(Bar::at_most("p99 beside the removal / before", factor, REMOVAL_FACTOR_MAX));
    let failed = before.summary.error_count() + removal.upserts.summary.error_count();
    figures.hold(Bar::none("upserts that failed", failed));
    figures.hold(Bar::none("finished tasks that stayed", removal.stayed));
    figures.hold(Bar::at_least("parked tasks that stayed", removal.parked as f64, 1.0));
    figures.print(options.output)
}

fn tell_fill(figures: &mut Figures, filled: &Filled, behind: Duration) {
    figures.tell("tasks", filled.succeeded + filled.failed);
    figures.tell("of them failed", filled.failed);
    figures.tell("refused, and sent again", filled.refused);
    figures.tell_seconds("filled in", filled.took);
    let rate = (filled.succeeded + filled.failed) as f64 / filled.took.as_secs_f64();
    figures.tell("tasks a second", rate.round());
    figures.tell_seconds("in the archive after another", behind);
}
