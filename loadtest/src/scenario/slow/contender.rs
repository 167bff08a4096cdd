//! A server that slow clients come to: the task server, the control, or the floor, which tells what the
//! machine can do beside such a crowd.

use super::Options;
use crate::ask::ask;
use crate::document::{Task, read};
use crate::home::Home;
use crate::request::post;
use crate::rival::Rival;
use crate::server_process::ServerProcess;
use crate::settle::settle;
use crate::usage::threads_cpu;
use anyhow::{Context, bail};
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// More than any socket's buffers hold, so that an answer that nobody reads stays with the server.
const LONG_BYTES: usize = 8_000_000;
/// How long the task with the long result may take, and how long a server may be too busy for it.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);

/// The order in which they have their turns. The floor is one thread that answers by itself, and
/// closes whoever asks for nothing; the control has a thread for each connection.
pub(super) const RIVALS: [Rival; 3] = [Rival::Overtime, Rival::Floor, Rival::Control];

/// It runs as long as this lives, and its folder goes with it.
#[derive(Debug)]
pub(super) struct Contender {
    name: Rival,
    server: ServerProcess,
    _folder: Folder,
}

#[derive(Debug)]
#[expect(dead_code, reason = "kept so that the folder lives as long as its server")]
enum Folder {
    Home(Home),
    Log(TempDir),
}

impl Contender {
    pub(super) fn start(name: Rival, options: &Options) -> anyhow::Result<Self> {
        let (server, folder) = match name {
            Rival::Overtime => {
                let home = options.home.furnish(&options.settings())?;
                (home.start()?, Folder::Home(home))
            }
            Rival::Floor => {
                let patience = format!("{}ms", options.limits().head.as_millis());
                alone("echo", &["--patience", &patience])?
            }
            Rival::Control => alone("threads", &[])?,
        };
        Ok(Self { name, server, _folder: folder })
    }

    pub(super) fn name(&self) -> Rival {
        self.name
    }

    pub(super) fn target(&self) -> SocketAddr {
        self.server.target()
    }

    /// Where it tells how it is; the control does not.
    pub(super) fn admin(&self) -> Option<SocketAddr> {
        (self.name == Rival::Overtime).then(|| self.server.admin())
    }

    pub(super) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Processor time so far.
    pub(super) fn cpu(&self) -> anyhow::Result<Cpu> {
        let whole = threads_cpu(self.pid(), None)?;
        let core = match self.name {
            Rival::Overtime => threads_cpu(self.pid(), Some("core"))?,
            Rival::Floor | Rival::Control => whole,
        };
        Ok(Cpu { whole, core })
    }

    /// Makes something long to ask for: its path, and how many bytes it has at least.
    pub(super) fn long_answer(&self) -> anyhow::Result<(String, u64)> {
        let bytes = LONG_BYTES as u64;
        let Some(admin) = self.admin() else { return Ok(("/".to_owned(), bytes)) };
        let target = self.target();
        let body = vec![b'x'; LONG_BYTES];
        let request = post(target, "/v1/tasks/echo?wait=0s", "text/plain", &body);
        let begun = Instant::now();
        let mut reply = ask(target, &request)?;
        while reply.status == 503 && begun.elapsed() < PATIENCE {
            std::thread::sleep(AGAIN);
            reply = ask(target, &request)?;
        }
        if reply.status != 202 {
            let why = String::from_utf8_lossy(&reply.body);
            bail!("a task with a long result was answered with {}: {why}", reply.status);
        }
        settle(admin, PATIENCE)?;
        let id = read::<Task>(&reply.body)?.id;
        Ok((format!("/v1/tasks/{id}/result"), bytes))
    }
}

/// A server without data, which leaves only a log.
fn alone(floor: &str, options: &[&str]) -> anyhow::Result<(ServerProcess, Folder)> {
    let folder = tempfile::tempdir().context("cannot create a folder")?;
    Ok((ServerProcess::floor(floor, options, folder.path())?, Folder::Log(folder)))
}

/// Processor time of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cpu {
    whole: Duration,
    /// Of the one thread that everybody waits for; what has none is told as a whole.
    core: Duration,
}

/// The same in percent of one processor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct CpuShare {
    pub(super) whole_percent: f64,
    pub(super) core_percent: f64,
}

impl Cpu {
    /// What was used since `then`, which is `span` ago.
    pub(super) fn since(self, then: Self, span: Duration) -> CpuShare {
        // A thread that has ended meanwhile is not counted any more.
        let used = |now: Duration, then| now.saturating_sub(then).as_secs_f64();
        let percent = |used: f64| 100.0 * used / span.as_secs_f64();
        CpuShare {
            whole_percent: percent(used(self.whole, then.whole)),
            core_percent: percent(used(self.core, then.core)),
        }
    }
}
