//! `idle`: what a connection costs that does nothing.

use crate::argument::loopback;
use crate::ask::exchange;
use crate::open_files::make_room;
use crate::output::Output;
use crate::request::post;
use crate::usage::ProcessUsage;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections that each send one small request and then stay, doing nothing.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's address; loopback only.
    #[arg(long, default_value = "127.0.0.1:7070", value_parser = loopback)]
    target: SocketAddr,
    /// How many connections.
    #[arg(long, default_value_t = 10_000)]
    connections: u64,
    /// The server's process id.
    #[arg(long)]
    pid: u32,
    #[command(flatten)]
    output: Output,
}

/// What the run has shown.
#[derive(Debug, Serialize)]
struct Report {
    asked: u64,
    opened: u64,
    refused: Option<String>,
    answered_again: u64,
    resident_bytes_before: u64,
    resident_bytes_after: u64,
}

impl Report {
    fn bytes_each(&self) -> f64 {
        let grown = self.resident_bytes_after.saturating_sub(self.resident_bytes_before);
        grown as f64 / self.opened.max(1) as f64
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "connections {} of {} opened", self.opened, self.asked)?;
        if let Some(error) = &self.refused {
            writeln!(out, "refused     {error}")?;
        }
        writeln!(out, "alive       {} answered a second request", self.answered_again)?;
        writeln!(
            out,
            "memory      {:.1} MB before, {:.1} MB after: {:.2} KB a connection",
            self.resident_bytes_before as f64 / 1e6,
            self.resident_bytes_after as f64 / 1e6,
            self.bytes_each() / 1e3
        )
    }
}

/// Opens them, prints what they cost, and asks each a second time.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    make_room(options.connections)?;
    let before = ProcessUsage::of(options.pid)?;
    let mut streams = Vec::new();
    let refusal = (0..options.connections).find_map(|_| match open(options.target) {
        Ok(stream) => {
            streams.push(stream);
            None
        }
        Err(error) => Some(error),
    });
    let after = ProcessUsage::of(options.pid)?;
    let alive = streams.iter_mut().filter_map(|stream| greet(stream, options.target).ok()).count();
    let report = Report {
        asked: options.connections,
        opened: streams.len() as u64,
        refused: refusal.map(|error| format!("{error:#}")),
        answered_again: alive as u64,
        resident_bytes_before: before.resident_bytes,
        resident_bytes_after: after.resident_bytes,
    };
    options.output.print(&report)?;
    let is_met = report.refused.is_none() && report.answered_again == options.connections;
    Ok(Verdict::of(is_met))
}

fn open(target: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(target).context("cannot connect")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    greet(&mut stream, target)?;
    Ok(stream)
}

fn greet(stream: &mut TcpStream, target: SocketAddr) -> anyhow::Result<()> {
    let mut input = Vec::new();
    let request = post(target, "/v1/tasks/echo", "text/plain", b"hello");
    match exchange(stream, &request, &mut input)?.status {
        200 => Ok(()),
        other => bail!("answered with {other}"),
    }
}
