//! A server in the incident: the task server, the floor, or the control.

use super::Options;
use crate::server_process::ServerProcess;
use anyhow::Context;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::path::Path;

/// Which servers take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Against {
    Overtime,
    Floor,
    Control,
    All,
}

impl Against {
    pub(super) fn names(self) -> &'static [Name] {
        match self {
            Self::Overtime => &[Name::Overtime],
            Self::Floor => &[Name::Floor],
            Self::Control => &[Name::Control],
            Self::All => &[Name::Floor, Name::Overtime, Name::Control],
        }
    }
}

/// Who a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Name {
    Overtime,
    /// The relay takes the small calls, and a process of its own the bulk.
    Floor,
    Control,
}

impl Display for Name {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Overtime => "overtime",
            Self::Floor => "floor",
            Self::Control => "control",
        })
    }
}

/// It runs as long as this lives.
#[derive(Debug)]
pub(super) struct Contender {
    name: Name,
    server: ServerProcess,
    /// Who takes the bulk, if not the server itself.
    reader: Option<ServerProcess>,
}

impl Contender {
    pub(super) fn start(name: &Name, options: &Options, folder: &Path) -> anyhow::Result<Self> {
        let floor = |name: &str, more: &[&str]| -> anyhow::Result<ServerProcess> {
            let ring = folder.join(name);
            let ring = ring.to_str().context("the folder's name is not UTF-8")?;
            let sync: &[&str] = if options.durable { &["--sync", ring] } else { &[] };
            ServerProcess::floor(name, &[sync, more].concat(), folder)
        };
        let nice = options.floor_nice.to_string();
        let (server, reader) = match name {
            Name::Overtime => {
                let binary = options.binary.as_deref().context("--binary is not given")?;
                (ServerProcess::start(binary, folder)?, None)
            }
            Name::Floor => (floor("relay", &[])?, Some(floor("reader", &["--nice", &nice])?)),
            Name::Control => (floor("control", &[])?, None),
        };
        Ok(Self { name: *name, server, reader })
    }

    pub(super) fn name(&self) -> Name {
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
