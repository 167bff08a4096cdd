//! The removal of what is old, with upserts beside it, until nothing is left to remove.

use super::Options;
use super::fill::{Filled, address};
use crate::ask::ask;
use crate::document::{Task, read};
use crate::load::{LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::request::get;
use anyhow::bail;
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 16;
const PAUSE: Duration = Duration::from_millis(50);
/// How long the last finished tasks may stay: theirs is a second too.
const REST: Duration = Duration::from_secs(60);

/// How the removal went.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) upserts: Measured,
    pub(super) took: Duration,
    /// Finished tasks that are still listed at the end.
    pub(super) stayed: u64,
    /// Parked tasks that are.
    pub(super) parked: u64,
}

/// Upserts at a fixed rate, measured from when they were due.
pub(super) fn upserts(target: SocketAddr, rate: NonZeroU32, seconds: u64) -> Plan {
    Plan {
        work: Work::Upsert,
        shape: LoadShape { target, bytes: 256, emails: 10_000, seed: 1 },
        connections: CONNECTIONS,
        warmup: Duration::ZERO,
        measured: Duration::from_secs(seconds),
        rate: Some(rate),
        pid: None,
    }
}

/// Upserts until the newest tasks of the fill are gone, and then waits for the rest to go.
pub(super) fn watch_removal(
    target: SocketAddr,
    options: &Options,
    filled: &Filled,
) -> anyhow::Result<Removal> {
    let plan = upserts(target, options.rate, options.removal_seconds);
    let (is_over, begun) = (AtomicBool::new(false), Instant::now());
    let patience = Duration::from_secs(options.removal_seconds);
    let (gone, measured) = std::thread::scope(|scope| {
        let measured = scope.spawn(|| plan.run_until(&is_over));
        let gone = filled.newest.iter().try_for_each(|id| await_gone(target, id, patience));
        is_over.store(true, Ordering::Relaxed);
        (gone, measured.join().expect("a measurement does not panic"))
    });
    gone?;
    let took = begun.elapsed();
    let stayed = await_empty(target, "succeeded")? + await_empty(target, "failed")?;
    let parked = read::<Task>(&ask(target, &get(target, &address(&filled.parked)))?.body)
        .is_ok_and(|task| task.state == "parked");
    Ok(Removal { upserts: measured?, took, stayed, parked: u64::from(parked) })
}

fn await_gone(target: SocketAddr, id: &str, patience: Duration) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        match ask(target, &get(target, &address(id)))?.status {
            410 => return Ok(()),
            200 if begun.elapsed() < patience => std::thread::sleep(PAUSE),
            200 => bail!("task {id} has not been removed after {patience:?}"),
            status => bail!("a task that may be removed was answered with {status}"),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    tasks: Vec<Task>,
}

/// Waits until no task of that state is on the first page; how many stay.
fn await_empty(target: SocketAddr, state: &str) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let list = get(target, &format!("/v1/tasks?state={state}&limit=100"));
    loop {
        let stayed = read::<Page>(&ask(target, &list)?.body)?.tasks.len();
        if stayed == 0 || begun.elapsed() > REST {
            return Ok(stayed as u64);
        }
        std::thread::sleep(PAUSE);
    }
}
