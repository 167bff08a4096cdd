//! Ways to be refused, as a person can bring them about: a server that has as many tasks as it may
//! have, a tenant who is over its rate, a caller without a key.

use super::Options;
use crate::accepted;
use crate::home::Home;
use crate::server_process::ServerProcess;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// Tasks that a server may have, and has.
const TASKS: usize = 16;
/// None of them is due before the end.
const NOT_DUE: &str = "/v1/tasks/echo?delay=600m&wait=0s";

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// 503: there are as many tasks as there may be.
    Backlog,
    /// 429: the tenant is over its rate.
    Rate,
    /// 401: a key is needed, and none was shown.
    NoKey,
}

impl Way {
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Backlog => 503,
            Self::Rate => 429,
            Self::NoKey => 401,
        }
    }

    fn settings(self) -> String {
        match self {
            Self::Backlog => format!("[limits]\ntasks = {TASKS}\n"),
            Self::Rate | Self::NoKey => String::new(),
        }
    }
}

impl Display for Way {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.pad(match self {
            Self::Backlog => "503 backlog",
            Self::Rate => "429 rate",
            Self::NoKey => "401 no key",
        })
    }
}

/// A server that refuses all that comes.
#[derive(Debug)]
pub(super) struct Refuser {
    way: Way,
    server: ServerProcess,
    /// What callers show.
    key: Option<String>,
    _home: Home,
}

impl Refuser {
    pub(super) fn start(way: Way, options: &Options) -> anyhow::Result<Self> {
        let home = options.home.furnish(&way.settings())?;
        let key = match way {
            Way::Backlog => None,
            Way::Rate => Some(home.add_key("busy", &["--rate", "1/m", "--burst", "1"])?),
            Way::NoKey => home.add_key("somebody", &[]).map(|_| None)?,
        };
        let server = home.start()?;
        if way == Way::Backlog {
            accepted::submit(TASKS, (server.target(), NOT_DUE), TASKS, |_| "{}".into())?;
        }
        Ok(Self { way, server, key, _home: home })
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    pub(super) fn server(&self) -> &ServerProcess {
        &self.server
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}
