//! `snowball`: a hundred users are polled every five minutes when the API that all of them use goes
//! down and answers no more. Without a gate each poll holds a connection until its time is up, minute
//! by minute more of them, until all there can be are held. With one few are, and once it has shed no
//! more than probes. Time is compressed.

mod page;

use crate::argument::span;
use crate::bar::Bar;
use crate::figures::Figures;
use crate::gate_watch::{Course, GateWatch};
use crate::home::{HomeOptions, fixed_workers};
use crate::server_process::lasting_addresses;
use crate::steady::{Plan, Steady};
use crate::telling::Telling;
use crate::upstream::{Act, Behaviour, Ledger, Script, Settings, Upstream};
use crate::verdict::Verdict;
use std::time::{Duration, Instant};

/// How long a poll takes while the API is well.
const SERVICE: Duration = Duration::from_millis(20);
/// How many minutes it is up before.
const UP_MINUTES: u32 = 2;
/// A poll's time is up after so many minutes: later than the next poll of its user.
const TIMEOUT_MINUTES: u32 = 6;
const CONNECTIONS: usize = 16;
/// Of all workers, those that one upstream may hold.
const BULKHEAD_SHARE: f64 = 0.25;
const PROBES_MAX: f64 = 8.0;

/// An API that goes down while many users are polled, on private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Users.
    #[arg(long, default_value_t = 100)]
    users: u32,
    /// Each of them is polled every so many minutes.
    #[arg(long, default_value_t = 5)]
    every: u32,
    /// How many minutes the API is down.
    #[arg(long, default_value_t = 8)]
    minutes: u32,
    /// How long a minute takes.
    #[arg(long, default_value = "6s", value_parser = span)]
    minute: Duration,
    /// Workers, and no spares.
    #[arg(long, default_value_t = 200)]
    workers: u32,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

/// What became of it, with a gate or without.
struct Outage {
    name: &'static str,
    down: Instant,
    ledger: Ledger,
    gate: Course,
    late_p99_ms: f64,
}

impl Outage {
    /// The connections that were held at the end of each minute.
    fn held(&self, options: &Options) -> Vec<usize> {
        let ends = (1..=options.minutes).map(|minute| self.down + options.minute * minute);
        ends.map(|end| self.ledger.under_way_at(end)).collect()
    }

    fn shed_at(&self) -> Option<Instant> {
        self.gate.shed_from(self.down)
    }

    /// The most calls at a time of those that began when it was shed already.
    fn held_since_shed(&self) -> Option<usize> {
        let shed_at = self.shed_at()?;
        Some(self.ledger.at_once(|call| call.begun >= shed_at))
    }
}

/// Has it go down with a gate and without, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let ours = outage(options, "overtime", "shed")?;
    let control = outage(options, "no gate", "off")?;
    let figures = figures(options, &ours, &control);
    options.telling.judge(&figures, figures.bars(), || page::draw(options, [&ours, &control]))
}

fn outage(options: &Options, name: &'static str, mode: &str) -> anyhow::Result<Outage> {
    let [address] = lasting_addresses()?;
    let upstream = Upstream::start(address, Script::always(Behaviour::slow(SERVICE)), 1)?;
    let timeout = options.minute * TIMEOUT_MINUTES;
    let kind = "retry_first = \"1s\"\nretry_max = \"5s\"\n";
    let tables = Settings { name: "poll", address, mode, concurrency: 0, timeout, kind }.tables();
    let home = options.home.furnish(&(fixed_workers(options.workers) + "\n" + &tables))?;
    let server = home.start()?;
    let watch = GateWatch::start(server.target(), "poll")?;
    let polls = Steady::start(Plan {
        target: server.target(),
        path: "/v1/tasks/poll?wait=0s".into(),
        every: options.minute * options.every / options.users,
        connections: CONNECTIONS,
    })?;
    std::thread::sleep(options.minute * UP_MINUTES);
    let down = upstream.behave(Behaviour::all(Act::Hang))?;
    std::thread::sleep(options.minute * options.minutes);
    let polls = polls.stop()?;
    let late_p99_ms = polls.lateness.at_ms(0.99);
    let outage = Outage { name, down, gate: watch.stop()?, ledger: upstream.stop()?, late_p99_ms };
    eprintln!("{name:<10}{:?} held minute by minute", outage.held(options));
    Ok(outage)
}

fn figures(options: &Options, ours: &Outage, control: &Outage) -> Figures {
    let mut figures = Figures::default();
    figures.tell("users", options.users);
    figures.tell("polled every so many minutes", options.every);
    figures.tell_seconds("a minute takes", options.minute);
    let held = |outage: &Outage| {
        let held: Vec<_> = outage.held(options).iter().map(usize::to_string).collect();
        held.join(", ")
    };
    figures.tell("held minute by minute with a gate", held(ours));
    figures.tell("held minute by minute without", held(control));
    if let Some(shed) = ours.shed_at() {
        figures.tell_seconds("shed after", shed - ours.down);
    }
    let most = |outage: &Outage| outage.ledger.told().under_way_max as f64;
    let bulkhead = f64::from(options.workers) * BULKHEAD_SHARE + PROBES_MAX;
    figures.hold(Bar::at_most("connections held at most", most(ours), bulkhead));
    let since = ours.held_since_shed().map_or(f64::NAN, |held| held as f64);
    figures.hold(Bar::at_most("of those that began once it was shed", since, PROBES_MAX));
    let users = f64::from(options.users);
    figures.hold(Bar::at_least("without a gate (it has to fail)", most(control), users));
    figures.hold(Bar::generator_late(ours.late_p99_ms.max(control.late_p99_ms)));
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::options;
    use crate::upstream::CallEnd;

    #[test]
    fn connections_are_counted_at_the_end_of_each_minute() {
        let options = options(&["--minutes", "3", "--minute", "100ms"]);
        let down = Instant::now();
        let mut ledger = Ledger::default();
        for ms in [0, 50, 110, 120, 250] {
            ledger.begin(None, b"", down + Duration::from_millis(ms));
        }
        let first = ledger.begin(None, b"", down);
        ledger.end(first, CallEnd::Left, down + Duration::from_millis(150));
        let gate = Course::default();
        let outage = Outage { name: "x", down, ledger, gate, late_p99_ms: 0.0 };
        assert_eq!(outage.held(&options), [3, 4, 5]);
        assert_eq!((outage.shed_at(), outage.held_since_shed()), (None, None));
    }
}
