//! One play: two upstreams, one server, two steady streams of calls; one upstream goes bad and is well
//! again. It tells what was seen and judges nothing.

use super::fault::Fault;
use super::{Caller, Options};
use crate::batch::ask_all;
use crate::document::{Task, read};
use crate::gate_watch::{Course, GateWatch};
use crate::home::fixed_workers;
use crate::request::get;
use crate::server_process::{ServerProcess, lasting_addresses};
use crate::settle::settle;
use crate::steady::{Plan, Steady, Submitted};
use crate::upstream::{Behaviour, Ledger, Script, Settings, Upstream};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a call takes that nothing is wrong with.
const SERVICE: Duration = Duration::from_millis(20);
/// Calls to the well upstream have to be answered within this.
const SOON: Duration = Duration::from_secs(1);
/// How long what was held may take to end.
const PATIENCE: Duration = Duration::from_secs(180);
const BAD_CONNECTIONS: usize = 16;
const WELL_CONNECTIONS: usize = 600;
/// As finely as a page shows the calls under way.
const STEP: Duration = Duration::from_millis(500);

/// What was seen; all spans in seconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Played {
    /// Of the calls to the well upstream, from when the other went bad.
    pub(super) well_percent: f64,
    /// After it went bad; none if it was not.
    pub(super) shed_after: Option<f64>,
    /// How often it was.
    pub(super) episodes: usize,
    /// The most workers that its calls held.
    pub(super) held_max: usize,
    /// After it was well again, as many calls in a second as are due in one.
    pub(super) full_after: Option<f64>,
    /// The same for what its gate says.
    pub(super) open_after: Option<f64>,
    /// After that the last task had ended.
    pub(super) ended_after: f64,
    pub(super) bad_tasks: usize,
    /// Submissions that were not taken, and tasks that did not succeed.
    pub(super) lost: u64,
    /// Tasks that count more attempts than there were calls.
    pub(super) burnt: u64,
    pub(super) calls: usize,
    pub(super) late_p99_ms: f64,
    /// Seconds from the start, and the calls that were under way.
    #[serde(skip)]
    pub(super) under_way: Vec<(f64, f64)>,
}

impl Display for Played {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let told = |span: Option<f64>| span.map_or("never".into(), |span| format!("{span:.1} s"));
        write!(
            out,
            "shed after {} ({} times), {} workers held, {:.3} % of the well ones within a second, \
             full after {}, open after {}, all ended after {:.1} s, {} lost, {} burnt of {}",
            told(self.shed_after),
            self.episodes,
            self.held_max,
            self.well_percent,
            told(self.full_after),
            told(self.open_after),
            self.ended_after,
            self.lost,
            self.burnt,
            self.bad_tasks
        )
    }
}

/// When what happened.
struct Times {
    begun: Instant,
    bad: Instant,
    well: Instant,
    ended: Instant,
}

/// What is left of it in the end.
struct Left {
    times: Times,
    well: Submitted,
    bad: Submitted,
    gate: Course,
    ledger: Ledger,
}

pub(super) fn play(
    options: &Options,
    fault: Fault,
    caller: Caller,
    seed: u64,
) -> anyhow::Result<Played> {
    let [well, bad] = lasting_addresses()?;
    let fast = || Script::always(Behaviour::slow(SERVICE));
    let _well = Upstream::start(well, fast(), seed)?;
    let upstream = Upstream::start(bad, fast(), seed)?;
    let home = options.home.furnish(&settings(options, caller, [well, bad]))?;
    let server = home.start()?;
    let begun = Instant::now();
    let well = Steady::start(Plan {
        target: server.target(),
        path: "/v1/tasks/well".into(),
        every: options.well_every,
        connections: WELL_CONNECTIONS,
    })?;
    let bad = Steady::start(Plan {
        target: server.target(),
        path: "/v1/tasks/bad?wait=0s".into(),
        every: options.bad_every,
        connections: BAD_CONNECTIONS,
    })?;
    let watch = GateWatch::start(server.target(), "bad")?;
    std::thread::sleep(options.calm);
    let bad_at = upstream.behave(fault.behaviour()?)?;
    std::thread::sleep(options.bad_for);
    let well_at = upstream.behave(Behaviour::slow(SERVICE))?;
    std::thread::sleep(options.after);
    let (well, bad) = (well.stop()?, bad.stop()?);
    settle(server.admin(), PATIENCE)?;
    let times = Times { begun, bad: bad_at, well: well_at, ended: Instant::now() };
    let (gate, ledger) = (watch.stop()?, upstream.stop()?);
    let left = Left { times, well, bad, gate, ledger };
    played(options, &server, &left)
}

fn settings(options: &Options, caller: Caller, [well, bad]: [SocketAddr; 2]) -> String {
    let mode = match caller {
        Caller::Overtime => "shed",
        Caller::Control => "off",
    };
    let upstream = |name, address| Settings {
        name,
        address,
        mode,
        concurrency: 0,
        timeout: options.timeout,
        kind: "retry_first = \"500ms\"\nretry_max = \"5s\"\n",
    };
    format!(
        "{}\n{}\n{}",
        fixed_workers(options.workers),
        upstream("well", well).tables(),
        upstream("bad", bad).tables()
    )
}

fn played(options: &Options, server: &ServerProcess, left: &Left) -> anyhow::Result<Played> {
    let Left { times, well, bad, gate, ledger } = left;
    let since = |from: Instant| move |at: Instant| (at - from).as_secs_f64();
    let second = Duration::from_secs(1);
    let pace = (second.as_secs_f64() / options.bad_every.as_secs_f64()).round() as usize;
    let (failed, burnt) = audit(server.target(), &bad.ids(), ledger)?;
    let open = gate.open_from().map(|at| at.saturating_duration_since(times.well).as_secs_f64());
    Ok(Played {
        well_percent: well.percent_answered(200, SOON, times.bad),
        shed_after: gate.shed_from(times.bad).map(since(times.bad)),
        episodes: gate.episodes(),
        held_max: ledger.told().under_way_max,
        full_after: ledger.paced_from(times.well, pace, second).map(since(times.well)),
        open_after: open,
        ended_after: since(times.well)(times.ended),
        bad_tasks: bad.tasks.len(),
        lost: bad.refused() + failed,
        burnt,
        calls: ledger.calls.len(),
        late_p99_ms: [well, bad]
            .map(|made| made.lateness.at_ms(0.99))
            .into_iter()
            .fold(0.0, f64::max),
        under_way: under_way(times, ledger),
    })
}

/// How many of the tasks have not succeeded, and how many say that they had more attempts than there
/// were calls.
fn audit(target: SocketAddr, ids: &[&str], ledger: &Ledger) -> anyhow::Result<(u64, u64)> {
    let (mut failed, mut burnt) = (0, 0);
    ask_all(
        target,
        ids.len(),
        |number, request| *request = get(target, &format!("/v1/tasks/{}", ids[number])),
        |number, response| match read::<Task>(response.body) {
            Ok(task) => {
                failed += u64::from(!task.is_succeeded());
                burnt += u64::from(task.attempts > ledger.deliveries_of(ids[number]));
            }
            Err(_) => failed += 1,
        },
    )?;
    Ok((failed, burnt))
}

fn under_way(times: &Times, ledger: &Ledger) -> Vec<(f64, f64)> {
    let looks =
        (0..).map(|step| STEP * step).take_while(|after| times.begun + *after <= times.ended);
    let at = |after: Duration| ledger.under_way_at(times.begun + after) as f64;
    looks.map(|after| (after.as_secs_f64(), at(after))).collect()
}
