//! The command line. Each command's options stand beside what it does.

use crate::argument::loopback;
use crate::data::Data;
use crate::floor;
use crate::scenario::{crash, fallover, hot_key, idle, restart, single, versus};
use crate::verdict::Verdict;
use anyhow::Context;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// Load, crashes and floors for a task server on this machine.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Single(single::Options),
    Fallover(fallover::Options),
    HotKey(hot_key::Options),
    Crash(crash::Options),
    Restart(restart::Options),
    Idle(idle::Options),
    Versus(versus::Options),
    /// Write what the scenarios send.
    #[command(subcommand)]
    Data(Data),
    /// Serve a floor: a server that does next to nothing.
    #[command(subcommand)]
    Floor(Floor),
}

#[derive(Debug, clap::Subcommand)]
enum Floor {
    /// One thread that frames, one that works, two channels between them.
    Relay {
        /// Where to listen; loopback only.
        #[arg(long, default_value = "127.0.0.1:7170", value_parser = loopback)]
        listen: SocketAddr,
        /// Write every body to this file, and sync it, before it is answered.
        #[arg(long)]
        sync: Option<PathBuf>,
    },
    /// axum with `spawn_blocking`.
    Axum {
        /// Where to listen; loopback only.
        #[arg(long, default_value = "127.0.0.1:7171", value_parser = loopback)]
        listen: SocketAddr,
    },
}

impl CommandLine {
    /// Does it.
    pub fn run(self) -> anyhow::Result<Verdict> {
        match self.command {
            Command::Single(options) => single::run(&options),
            Command::Fallover(options) => fallover::run(&options),
            Command::HotKey(options) => hot_key::run(&options),
            Command::Crash(options) => crash::run(&options),
            Command::Restart(options) => restart::run(&options),
            Command::Idle(options) => idle::run(&options),
            Command::Versus(options) => versus::run(&options),
            Command::Data(data) => data.write().map(|()| Verdict::Met),
            Command::Floor(floor) => serve(floor).map(|()| Verdict::Met),
        }
    }
}

fn serve(floor: Floor) -> anyhow::Result<()> {
    match floor {
        Floor::Relay { listen, sync } => {
            floor::relay::Relay::start(bind(listen)?, sync.as_deref())?.run()
        }
        Floor::Axum { listen } => floor::axum::serve(bind(listen)?),
    }
}

fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))
}
