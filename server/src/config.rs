//! The configuration: every setting of the server with its default, read from a file and the
//! environment, checked as a whole. It opens one file and no socket.
//!
//! Precedence, highest first: flag, environment, file, default. A key `max` in the section
//! `[wait]` is `OVERTIME_WAIT_MAX` in the environment; one above the sections, such as `listen`,
//! is `OVERTIME_LISTEN`. A file may name no key that is not here. An unknown name in the
//! environment is passed over, because orchestrators put their own there.

mod address;
mod bounds;
mod error;
mod kinds;
mod parts;
mod routes;
mod section;
mod setting;
mod size;
mod span;
mod upstreams;
mod webhooks;
mod workers;

pub use address::Address;
pub use bounds::BODY_MAX_BYTES;
pub use error::ConfigError;
pub use kinds::{KindTable, KindTables};
pub use routes::{Becomes, RouteLane, StatusTable};
pub use setting::Setting;
pub use size::Size;
pub use span::Span;
pub use upstreams::{Mode, UpstreamTable, UpstreamTables};
pub use webhooks::{Format, WebhookTable, WebhookTables};
pub use workers::{WorkerRange, Workers};

use section::{NamedSetting, section, under};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The file that is read, if it exists, when none is named.
pub const DEFAULT_FILE: &str = "overtime.toml";

/// What every name of the server in the environment starts with.
const PREFIX: &str = "OVERTIME_";

section! {
    /// All settings.
    Config {
        /// Where callers connect.
        listen: SocketAddr = (Ipv4Addr::LOCALHOST, 7070).into(),
        /// Where the console listens.
        admin: SocketAddr = (Ipv4Addr::LOCALHOST, 7071).into(),
        /// The data folder; it is made if it is not there.
        data: PathBuf = "./overtime-data".into(),
        /// Whether the demo kinds are served.
        demo: bool = false,
        /// Whether addresses other than loopback are allowed although nobody is asked for a key.
        insecure: bool = false,
    }
    sections {
        /// The threads that do the work. `OVERTIME_WORKERS` or `OVERTIME_WORKERS_COUNT` says both at
        /// once, `20` or `20..100`; `OVERTIME_WORKERS_MIN` and `OVERTIME_WORKERS_MAX` win over it.
        workers: Workers,
        /// How long connections are held for an answer.
        wait: Wait,
        /// The core's loop.
        core: Core,
        /// When callers wait no longer because too many do.
        admission: Admission,
        /// What is refused.
        limits: Limits,
        /// What is hung up on.
        timeouts: Timeouts,
        /// How the server ends.
        drain: Drain,
        /// The journal.
        journal: Journal,
        /// How long what is over is kept.
        retention: Retention,
    }
    tables {
        /// The services that kinds call, by their names.
        upstreams: UpstreamTables,
        /// Who is told of incidents, by name.
        webhooks: WebhookTables,
        /// What is special about a kind, by its name. The environment cannot say it.
        kinds: KindTables,
    }
}

section! {
    /// `[wait]`
    Wait {
        /// How long a caller waits who says nothing.
        default: Span = Span::seconds(10),
        /// The longest wait that a caller may ask for.
        max: Span = Span::seconds(60),
    }
}

section! {
    /// `[core]`
    Core {
        /// How long the loop looks for more work before it sleeps. Takes a processor.
        spin: Span = Span::seconds(0),
        /// Whether the commit thread and the workers of single calls ask the scheduler for a short slice, so that
        /// they are let in sooner beside others that compute.
        short_slice: bool = true,
        /// The processor time that one turn of the loop may take before it is counted as late.
        turn_budget: Span = Span::millis(1),
    }
}

section! {
    /// `[admission]`
    Admission {
        /// Whether waits are cut at all.
        enabled: bool = true,
        /// The most that those who wait may spend in the lane of single calls on average.
        delay: Span = Span::millis(20),
        /// The most that each of them may for a tenth of a second.
        standing: Span = Span::millis(5),
    }
}

section! {
    /// `[limits]`
    Limits {
        /// The longest request head.
        head: Size = Size::kib(16),
        /// The most header fields.
        fields: usize = 100,
        /// The longest request target.
        target: Size = Size::kib(8),
        /// The longest payload of a single task.
        body: Size = Size::mib(64),
        /// The most open connections, as far as the process may have descriptors for them.
        connections: usize = 16_384,
        /// The most tasks that are not finished.
        tasks: usize = 2_000_000,
        /// The most memory that the process may use; `0B` leaves that to the machine.
        memory: Size = Size(0),
        /// The most payload bytes in memory.
        payload_memory: Size = Size::mib(256),
        /// The most appends on their way to the disk.
        appends: usize = 65_536,
    }
}

section! {
    /// `[timeouts]`
    Timeouts {
        /// From the first byte of a head to its last.
        head: Span = Span::seconds(10),
        /// Between two requests of a connection.
        idle: Span = Span::seconds(75),
        /// Between two pieces of a body, or of an answer.
        body_progress: Span = Span::seconds(20),
        /// The bytes a second that a body, or the taking of an answer, must come to over any time
        /// longer than `body_progress`; `0B` asks for nothing but progress.
        rate_min: Size = Size::kib(1),
    }
}

section! {
    /// `[drain]`
    Drain {
        /// From the signal until new work is refused, with `/readyz` failing already.
        notice: Span = Span::seconds(0),
        /// How long running work may take to finish after that.
        grace: Span = Span::seconds(10),
    }
}

section! {
    /// `[journal]`
    Journal {
        /// The size of a log segment.
        segment: Size = Size::mib(32),
        /// The most that the log may take on disk.
        log_max: Size = Size::mib(512),
        /// The most that all of it may take on disk, for new tasks to be taken in; `0B` leaves that
        /// to the disk.
        disk_max: Size = Size(0),
        /// The threads that serve reads.
        readers: usize = 2,
    }
}

section! {
    /// `[retention]`
    Retention {
        /// How long a finished task and its result are kept.
        finished: Span = Span::days(7),
        /// How long an idempotency key is kept after its task has finished, and never longer than
        /// that task.
        keys: Span = Span::days(1),
        /// How long it is kept which tenants were delayed, refused or failed, and when.
        affected: Span = Span::days(90),
        /// How long incidents are kept that are over.
        incidents: Span = Span::days(90),
    }
}

/// Where a configuration file was named, which decides what its absence means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// By somebody: it must be there.
    Named(PathBuf),
    /// By nobody: [`DEFAULT_FILE`] is read if it is there.
    Default,
}

impl Config {
    /// What the file and the environment say, over the defaults. It is not checked yet, because
    /// flags may still change it.
    ///
    /// # Errors
    /// If the file cannot be read, or a value in the file or the environment is malformed.
    pub fn load(
        file: &File,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut config = match file {
            File::Named(path) => Self::from_file(path)?.ok_or_else(|| missing(path))?,
            File::Default => Self::from_file(Path::new(DEFAULT_FILE))?.unwrap_or_default(),
        };
        config.apply_environment(environment)?;
        Ok(config)
    }

    /// `None` if there is no such file.
    fn from_file(path: &Path) -> Result<Option<Self>, ConfigError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ConfigError::Unreadable { path: path.into(), error }),
        };
        Self::from_toml(&text)
            .map(Some)
            .map_err(|error| ConfigError::Malformed { path: path.into(), error: error.into() })
    }

    /// What a text says, over the defaults.
    fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    fn apply_environment(
        &mut self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), ConfigError> {
        let mut short = WorkerRange::from(&self.workers);
        set(&mut short, "OVERTIME_WORKERS", &environment)?;
        set(&mut short, "OVERTIME_WORKERS_COUNT", &environment)?;
        short.apply(&mut self.workers);
        for (path, setting) in self.settings() {
            let name = format!("{PREFIX}{}", path.to_uppercase().replace('.', "_"));
            set(setting, &name, &environment)?;
        }
        Ok(())
    }

    /// The whole configuration as a file that would make it.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("checked settings are tables of texts and small numbers")
    }
}

fn set(
    setting: &mut dyn Setting,
    name: &str,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<(), ConfigError> {
    let Some(value) = environment(name) else { return Ok(()) };
    let problem = match value.to_str() {
        None => Some("it is not UTF-8".to_owned()),
        Some(text) => setting.set(text).err(),
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(ConfigError::Environment { name: name.to_owned(), problem }),
    }
}

fn missing(path: &Path) -> ConfigError {
    ConfigError::Unreadable { path: path.into(), error: ErrorKind::NotFound.into() }
}

#[cfg(test)]
mod tests;
