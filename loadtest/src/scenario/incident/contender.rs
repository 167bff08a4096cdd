//! A server in the incident: the task server, the floor, or the control.

use super::Options;
use crate::rival::Rival;
use crate::server_process::ServerProcess;
use anyhow::Context;
use std::net::SocketAddr;
use std::path::Path;

/// The order in which they have their turns. The floor's relay takes the small calls, and a process of
/// its own the bulk.
pub(super) const RIVALS: [Rival; 3] = [Rival::Floor, Rival::Overtime, Rival::Control];

/// It runs as long as this lives.
#[derive(Debug)]
pub(super) struct Contender {
    name: Rival,
    server: ServerProcess,
    /// Who takes the bulk, if not the server itself.
    reader: Option<ServerProcess>,
}

impl Contender {
    pub(super) fn start(name: Rival, options: &Options, folder: &Path) -> anyhow::Result<Self> {
        let floor = |name: &str, more: &[&str]| -> anyhow::Result<ServerProcess> {
            let ring = folder.join(name);
            let ring = ring.to_str().context("the folder's name is not UTF-8")?;
            let sync: &[&str] = if options.durable { &["--sync", ring] } else { &[] };
            ServerProcess::floor(name, &[sync, more].concat(), folder)
        };
        let nice = options.floor_nice.to_string();
        let (server, reader) = match name {
            Rival::Overtime => {
                let binary = options.binary.as_deref().context("--binary is not given")?;
                (ServerProcess::start(binary, folder)?, None)
            }
            Rival::Floor => (floor("relay", &[])?, Some(floor("reader", &["--nice", &nice])?)),
            Rival::Control => (floor("control", &[])?, None),
        };
        Ok(Self { name, server, reader })
    }

    pub(super) fn name(&self) -> Rival {
        self.name
    }

    pub(super) fn small_target(&self) -> SocketAddr {
        self.server.target()
    }

    pub(super) fn bulk_target(&self) -> SocketAddr {
        self.reader.as_ref().unwrap_or(&self.server).target()
    }

    pub(super) fn pid(&self) -> u32 {
        self.server.pid()
    }
}
