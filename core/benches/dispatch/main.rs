//! Core dispatch latency: `cargo bench -p overtime-core`, with `-- --quick` for one short run of
//! each case. It measures, and never fails because of a figure.
//!
//! - *dispatch*: from a request being complete to its handler's start. The server's own account is
//!   taken, which begins with the turn that reads the end of the request, and so with the reading:
//!   it is never too short. How long the bytes lay in the socket before is not in it. A payload of
//!   64 MiB is first handed to the spool and its acceptance to the journal; both answer at once
//!   here, and their two hops are part of the figure.
//! - *return*: from a handler's end to the moment the core lets go of the body that it has written.
//!   With 64 MiB the hop to the journal and back is part of it, and what the core takes to let go of
//!   the payload before it answers.
//!
//! Beside each stands its *floor*, measured in turns with it: the same client sends the same requests
//! to a relay with as many threads behind the same channels, which only reads, hands over, takes back
//! and writes (`floor.rs`). Load comes by due times, never by answers. A figure is the median of what
//! the runs have for it.
//!
//! `count` is how many spans the figures of overtime rest on, `refused` how many requests had no
//! result, and `late` and `f.late` how many requests overtime and its floor were given over a
//! millisecond after they were due: where these are many, the load was another than its name says.

mod answer;
mod client;
mod floor;
mod report;
mod round;
mod server;
mod sleepers;
mod timer;

use client::Client;
use floor::Floor;
use overtime_engine::LanePlan;
use report::{Case, Results};
use round::{Load, Round};
use server::Server;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

/// The load at which something is always under way.
const BUSY_PER_SECOND: u32 = 20_000;
/// Slow enough that every thread sleeps before the next request comes.
const IDLE_PER_SECOND: u32 = 2_000;
/// So many of the largest payloads are about what fits into a second.
const LARGE_PER_SECOND: u32 = 4;
const BUSY_CONNECTIONS: usize = 64;
const SMALL_BYTES: usize = 256;
const LARGE_BYTES: usize = 64 << 20;
/// How many workers large payloads are measured with, and the bars told for.
const USUAL_WORKERS: usize = 200;
/// Before the runs of a case, for as long as this share of a run, nothing is counted.
const WARM_UP_SHARE: u32 = 5;

/// How much is measured.
#[derive(Clone, Copy)]
struct Extent {
    worth: &'static str,
    workers: &'static [usize],
    rounds: usize,
    span: Duration,
}

const FULL: Extent = Extent {
    worth: "medians",
    workers: &[1, 16, USUAL_WORKERS, 1000],
    rounds: 5,
    span: Duration::from_secs(1),
};
const QUICK: Extent =
    Extent { worth: "rough figures", rounds: 1, span: Duration::from_millis(200), ..FULL };
/// Shows that everything still runs.
const TRIAL: Extent = Extent {
    worth: "a trial, whose figures mean nothing",
    workers: &[1, USUAL_WORKERS],
    rounds: 1,
    span: Duration::from_millis(20),
};

impl Extent {
    /// `cargo bench` says `--bench`. Whoever does not, such as `cargo test --benches`, wants to
    /// know whether it runs, not how fast.
    fn of_arguments() -> Self {
        let mut extent = TRIAL;
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--quick" => return QUICK,
                "--bench" => extent = FULL,
                "--test" => return TRIAL,
                other => eprintln!("nothing here knows `{other}`; it is passed over"),
            }
        }
        extent
    }
}

fn main() {
    let extent = Extent::of_arguments();
    let processors = available_parallelism().map_or(1, NonZero::get);
    let Extent { worth, workers, rounds, span } = extent;
    println!("{processors} processors, {rounds} x {span:?} of each: {worth}\n");
    sleepers::expect(2 * workers.iter().max().expect("some number of workers is measured"));
    let mut results = Results::default();
    for &workers in workers {
        measure_pool(LanePlan::new(workers, processors), extent, &mut results);
    }
    results.print_tables();
    results.print_histogram(USUAL_WORKERS, BUSY);
    results.print_bars(USUAL_WORKERS, BUSY);
}

const IDLE: &str = "one at a time";
const BUSY: &str = "20,000/s";
const LARGE: &str = "64 MiB, one at a time";

/// Everything that is measured with one number of workers.
fn measure_pool(plan: LanePlan, extent: Extent, results: &mut Results) {
    let load = |per_second, connections, payload_bytes| Load {
        per_second,
        connections,
        payload_bytes,
        span: extent.span,
    };
    let mut loads = vec![
        (IDLE, load(IDLE_PER_SECOND, 1, SMALL_BYTES)),
        (BUSY, load(BUSY_PER_SECOND, BUSY_CONNECTIONS, SMALL_BYTES)),
    ];
    if plan.foreground == USUAL_WORKERS {
        loads.push((LARGE, load(LARGE_PER_SECOND, 1, LARGE_BYTES)));
    }
    let server = Server::start(plan);
    let floor = Floor::start(plan);
    for (name, load) in loads {
        let case = Case::new(plan.foreground, name);
        results.add(measure(case, load, extent.rounds, &server, &floor));
    }
    server.stop();
    floor.stop();
}

/// Overtime and its floor in turns, so that whatever else the machine does meets both.
fn measure(mut case: Case, load: Load, rounds: usize, server: &Server, floor: &Floor) -> Case {
    let mut client = Client::connect(server.address, &load);
    let mut beside = Client::connect(floor.address, &load);
    floor.expect(beside.request_bytes());
    let warm_up = Load { span: load.span / WARM_UP_SHARE, ..load };
    run(&mut client, server, warm_up);
    run_floor(&mut beside, floor, warm_up);
    for _ in 0..rounds {
        case.overtime.push(run(&mut client, server, load));
        case.floor.push(run_floor(&mut beside, floor, load));
    }
    case
}

fn run(client: &mut Client, server: &Server, load: Load) -> Round {
    let mut round = client.drive(load);
    server.take_returns(&mut round);
    round
}

fn run_floor(client: &mut Client, floor: &Floor, load: Load) -> Round {
    let mut round = client.drive(load);
    floor.take_returns(&mut round);
    round
}
