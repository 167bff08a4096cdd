//! `idle`: what a connection costs that does nothing.

use crate::argument::loopback;
use crate::ask::exchange;
use crate::request::post;
use crate::usage::ProcessUsage;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Descriptors for everything but the connections.
const OTHER_FILES: u64 = 64;

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
}

/// Opens them, prints what they cost, and asks each a second time.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    raise_file_limit(options.connections + OTHER_FILES)?;
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
    let grown = after.resident_bytes.saturating_sub(before.resident_bytes);
    let alive = streams.iter_mut().filter_map(|stream| greet(stream, options.target).ok()).count();
    println!("connections {} of {} opened", streams.len(), options.connections);
    if let Some(error) = &refusal {
        println!("refused     {error:#}");
    }
    println!("alive       {alive} answered a second request");
    println!(
        "memory      {:.1} MB before, {:.1} MB after: {:.2} KB a connection",
        before.resident_bytes as f64 / 1e6,
        after.resident_bytes as f64 / 1e6,
        grown as f64 / 1e3 / streams.len().max(1) as f64
    );
    Ok(Verdict::of(refusal.is_none() && alive as u64 == options.connections))
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

fn raise_file_limit(files: u64) -> anyhow::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Some(limit) = maximum.filter(|maximum| *maximum < files) {
        bail!("{files} open files are needed, and {limit} is the limit");
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum })
        .context("cannot raise the limit of open files")
}
