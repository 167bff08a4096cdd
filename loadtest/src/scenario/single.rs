//! `single`: single calls at full speed or at a fixed rate.

mod page;

use crate::argument::{loopback, seconds};
use crate::load::{LoadShape, Work};
use crate::measurement::Plan;
use crate::output::Output;
use crate::verdict::Verdict;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Single calls over keep-alive connections, at full speed or at a fixed rate.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's address; loopback only.
    #[arg(long, default_value = "127.0.0.1:7070", value_parser = loopback)]
    target: SocketAddr,
    /// What to call.
    #[arg(long, value_enum, default_value = "echo")]
    kind: Work,
    /// How many connections, each with one request in progress.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long to measure.
    #[arg(long, default_value = "10s", value_parser = seconds)]
    seconds: Duration,
    /// How long to load before anything counts.
    #[arg(long, default_value = "2s", value_parser = seconds)]
    warmup: Duration,
    /// Requests a second, due whatever the server does (open loop); without it each connection
    /// sends its next request at once (closed loop).
    #[arg(long)]
    rate: Option<NonZeroU32>,
    /// Bytes of a body.
    #[arg(long, default_value_t = 256)]
    bytes: usize,
    /// How many different contacts.
    #[arg(long, default_value_t = 100_000)]
    emails: u64,
    /// Decides the bytes and the order of the contacts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server's process id, to tell its processor time and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// Write a page with plots there.
    #[arg(long)]
    html: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Measures and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let plan = Plan {
        work: options.kind,
        shape: LoadShape {
            target: options.target,
            bytes: options.bytes,
            emails: options.emails,
            seed: options.seed,
        },
        connections: options.connections,
        warmup: options.warmup,
        measured: options.seconds,
        rate: options.rate,
        pid: options.pid,
    };
    let measured = plan.run()?;
    options.output.print(&measured.summary)?;
    if let Some(path) = &options.html {
        page::write(path, options, &measured)?;
    }
    Ok(Verdict::of(measured.summary.error_count() == 0))
}
