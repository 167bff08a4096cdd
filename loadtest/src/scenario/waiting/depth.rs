//! Tasks that wait, and a window in which the core's processor time is read while workers take some
//! of them. It judges nothing.

use crate::batch::ask_all_over;
use crate::metrics::Metrics;
use crate::server_process::ServerProcess;
use crate::tenants::Tenants;
use crate::usage::threads_cpu;
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const ENDED: &str = "overtime_tasks_ended_total";
const LIVE: &str = "overtime_tasks_live";
const QUEUED: &str = "overtime_lane_queued";
/// The thread that is looked at.
const CORE: &str = "core";
/// Each answer waits for a sync, which many share.
const SUBMITTERS: usize = 512;
/// Tasks that run, or whose end is on its way to the disk.
const ON_THEIR_WAY: f64 = 1_000.0;
const GLANCE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(600);

/// Tasks that are accepted now and due together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst<'a> {
    pub(super) tasks: usize,
    pub(super) delay: Duration,
    pub(super) service: Duration,
    pub(super) tenants: &'a Tenants,
}

impl Burst<'_> {
    /// Submits them.
    pub(super) fn submit(&self, server: &ServerProcess) -> anyhow::Result<()> {
        let delay_ms = self.delay.as_millis();
        let path = format!("/v1/tasks/sleep?wait=0s&delay={delay_ms}ms");
        let body = format!("{{\"ms\":{}}}", self.service.as_millis());
        let (place, mut refused) = ((server.target(), path.as_str()), None);
        ask_all_over(
            SUBMITTERS,
            server.target(),
            self.tasks,
            |number, request| {
                let template = self.tenants.post_json(place, &body, number);
                request.extend_from_slice(template.bytes());
            },
            |_, response| {
                if response.status != 202 {
                    refused = Some(response.status);
                }
            },
        )?;
        match refused {
            None => Ok(()),
            Some(status) => bail!("a task was answered with {status} instead of 202"),
        }
    }
}

/// Waits until so many wait for a worker, or nobody else is held back who could.
pub(super) fn await_queued(admin: SocketAddr, tasks: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let metrics = Metrics::read(admin)?;
        let queued = metrics.sum(QUEUED)?;
        if queued >= tasks as f64 || metrics.sum(LIVE)? <= queued + ON_THEIR_WAY {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("tasks are still held back after {PATIENCE:?}");
        }
        std::thread::sleep(GLANCE);
    }
}

/// What the core used while some tasks ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// How many waited at the end of it.
    pub(super) waiting: u64,
    pub(super) tasks: u64,
    pub(super) cpu: Duration,
    pub(super) span: Duration,
}

/// Looks rarely, because every look costs the core something too.
fn await_ended(server: &ServerProcess, tasks: f64) -> anyhow::Result<()> {
    let begun = Instant::now();
    while ended(server)? < tasks {
        if begun.elapsed() > PATIENCE {
            bail!("tasks have not ended after {PATIENCE:?}");
        }
        std::thread::sleep(GLANCE);
    }
    Ok(())
}

/// How many tasks have ended.
pub(super) fn ended(server: &ServerProcess) -> anyhow::Result<f64> {
    Metrics::read(server.admin())?.sum(ENDED)
}

impl Window {
    /// Until so many more tasks have ended.
    pub(super) fn of(server: &ServerProcess, tasks: u64) -> anyhow::Result<Self> {
        let until = ended(server)? + tasks as f64;
        Self::until(server, until)
    }

    /// From the next task that ends until so many have ended in all.
    pub(super) fn until(server: &ServerProcess, until: f64) -> anyhow::Result<Self> {
        let cpu = || threads_cpu(server.pid(), Some(CORE));
        let so_far = ended(server)?;
        await_ended(server, so_far + 1.0)?;
        let (begun, before, cpu_before) = (Instant::now(), ended(server)?, cpu()?);
        await_ended(server, until)?;
        let metrics = Metrics::read(server.admin())?;
        Ok(Self {
            waiting: metrics.sum(QUEUED)? as u64,
            tasks: (metrics.sum(ENDED)? - before) as u64,
            cpu: cpu()?.saturating_sub(cpu_before),
            span: begun.elapsed(),
        })
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.tasks += other.tasks;
        self.cpu += other.cpu;
        self.span += other.span;
    }

    /// Processor time of the core for a task, in microseconds.
    pub(super) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.tasks as f64
    }

    /// Tasks a second.
    pub(super) fn rate(&self) -> f64 {
        self.tasks as f64 / self.span.as_secs_f64()
    }
}
