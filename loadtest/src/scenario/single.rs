//! `single`: single calls at full speed or at a fixed rate.

mod page;

use crate::argument::{loopback, seconds};
use crate::load::{LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::telling::Telling;
use crate::verdict::Verdict;
use anyhow::bail;
use std::net::SocketAddr;
use std::num::NonZeroU32;
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
    /// What to speak.
    #[arg(long, value_enum, default_value = "http")]
    protocol: Protocol,
    /// How many connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How many requests may be in flight on each connection; over HTTP it is one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    in_flight: u16,
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
    #[command(flatten)]
    telling: Telling,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// Native frames.
    Native,
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
    let measured = measure(options, &plan)?;
    options.telling.tell(&measured.summary, || page::draw(options, &measured))?;
    Ok(Verdict::of(measured.summary.error_count() == 0))
}

fn measure(options: &Options, plan: &Plan) -> anyhow::Result<Measured> {
    match options.protocol {
        Protocol::Http if options.in_flight > 1 => {
            bail!("over HTTP one request is in flight on each connection")
        }
        Protocol::Http => plan.run(),
        Protocol::Native => plan.run_native(usize::from(options.in_flight)),
    }
}
