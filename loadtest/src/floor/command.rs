//! The command line of the floors.

use super::reader::Treatment;
use super::{axum, control, echo, queue, reader, relay, threads};
use crate::argument::{loopback, span};
use crate::open_files::make_room_up_to;
use anyhow::Context;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

/// Connections of a floor that slow clients come to.
const CONNECTIONS: u64 = 16_000;

/// Which floor, and where.
#[derive(Debug, clap::Subcommand)]
pub enum Floor {
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
    /// No floor but the opposite: one thread that parses bulk bodies on its event loop.
    Control {
        /// Where to listen; loopback only.
        #[arg(long, default_value = "127.0.0.1:7172", value_parser = loopback)]
        listen: SocketAddr,
        /// Write every body to this file, and sync it, before it is answered.
        #[arg(long)]
        sync: Option<PathBuf>,
    },
    /// Another opposite: one queue without an end, in which every caller is held.
    Queue {
        /// Where to listen; loopback only.
        #[arg(long, default_value = "127.0.0.1:7174", value_parser = loopback)]
        listen: SocketAddr,
        /// How many requests are served at a time.
        #[arg(long, default_value_t = 10)]
        workers: usize,
        /// How long each takes.
        #[arg(long, default_value = "50ms", value_parser = span)]
        service: Duration,
    },
    /// A thread for each connection that takes bulk bodies; to run beside the relay.
    Reader {
        /// Where to listen; loopback only.
        #[arg(long, default_value = "127.0.0.1:7173", value_parser = loopback)]
        listen: SocketAddr,
        /// What is done with a body.
        #[arg(long, value_enum, default_value = "parse")]
        treatment: Treatment,
        /// How many bodies are parsed at a time.
        #[arg(long, default_value_t = 2)]
        at_once: usize,
        /// How much lower than others the operating system is to rank it, from 0 to 19.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..20))]
        nice: i32,
        /// Write every parsed body to this file, and sync it, before it is answered.
        #[arg(long)]
        sync: Option<PathBuf>,
    },
    /// One thread that answers every request itself.
    Echo {
        /// Where to listen; loopback only.
        #[arg(long, default_value = "127.0.0.1:7176", value_parser = loopback)]
        listen: SocketAddr,
        /// Close whoever has asked for nothing for so long.
        #[arg(long, value_parser = span)]
        patience: Option<Duration>,
    },
    /// No floor but the opposite: a thread for each connection, as long as there are threads.
    Threads {
        /// Where to listen; loopback only.
        #[arg(long, default_value = "127.0.0.1:7175", value_parser = loopback)]
        listen: SocketAddr,
        /// How many connections are served at a time.
        #[arg(long, default_value_t = 200)]
        threads: usize,
    },
}

impl Floor {
    /// Serves until the process ends.
    pub fn serve(self) -> anyhow::Result<()> {
        match self {
            Self::Relay { listen, sync } => {
                relay::Relay::start(bind(listen)?, sync.as_deref())?.run()
            }
            Self::Axum { listen } => axum::serve(bind(listen)?),
            Self::Control { listen, sync } => {
                control::Control::start(bind(listen)?, sync.as_deref())?.run()
            }
            Self::Queue { listen, workers, service } => {
                queue::Queue::start(bind(listen)?, workers, service)?.run()
            }
            Self::Reader { listen, treatment, at_once, nice, sync } => {
                rustix::process::nice(nice).context("cannot lower the priority")?;
                reader::serve(bind(listen)?, treatment, at_once, sync.as_deref())
            }
            Self::Echo { listen, patience } => {
                make_room_up_to(CONNECTIONS)?;
                echo::Echo::start(bind(listen)?, patience)?.run()
            }
            Self::Threads { listen, threads } => {
                // Slow clients are to run out of threads, not of descriptors.
                make_room_up_to(CONNECTIONS)?;
                threads::serve(&bind(listen)?, threads)
            }
        }
    }
}

fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))
}
