//! The command line: what to do, and the few settings worth a flag. Flags win over everything.

use crate::config::{Config, ConfigError, File, WorkerRange};
use crate::drill::Drill;
use crate::keys::{self, KeyErrand};
use crate::loss::Damage;
use crate::remote::{self, Errand};
use crate::selftest::Selftest;
use crate::verify::Verification;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The environment's name for `--config`.
const CONFIG_VARIABLE: &str = "OVERTIME_CONFIG";

/// A task server: it answers when the work is done in time, and otherwise with an address while
/// the work goes on.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "overtime",
    version,
    after_help = "A setting is taken from its flag, else from the environment (OVERTIME_LISTEN, \
                  OVERTIME_WAIT_MAX, …), else from the file, else from its default. \
                  `overtime check-config` shows what comes of that."
)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Serve until a signal ends it; this is what happens when no command is given
    Serve(ServeFlags),
    /// Check the configuration and print it as it would be used
    CheckConfig(Flags),
    /// Look at the data folder of a server that does not run, and say whether it is damaged
    Verify(Verification),
    Drill(Drill),
    Selftest(Selftest),
    /// Make, list and revoke the keys of callers, whether the server runs or not
    Keys(Keys),
    #[command(flatten)]
    Errand(remote::Command),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
struct Flags {
    /// Configuration file, in TOML [default: overtime.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where callers connect
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where the console listens
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<SocketAddr>,
    /// Data folder
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Workers for single calls: so many, or MIN..MAX if others may stand in for those that an
    /// attempt holds for more than a second
    #[arg(long, value_name = "COUNT")]
    workers: Option<WorkerRange>,
    /// Serve the demo kinds: echo, sleep, flaky, steps
    #[arg(long)]
    demo: bool,
    /// Allow addresses other than loopback although nobody is asked for a key
    #[arg(long)]
    insecure: bool,
}

/// What only serving takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
struct ServeFlags {
    #[command(flatten)]
    flags: Flags,
    /// Go on with a damaged data folder: keep what can be read, list what is lost, and set the
    /// damaged files aside
    #[arg(long)]
    accept_loss: bool,
}

/// Where the keys are, and what to do with them.
#[derive(Clone, Debug, PartialEq, Args)]
struct Keys {
    /// Configuration file that names the data folder [default: overtime.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    wish: keys::Wish,
}

/// What is to be done, with a configuration that is checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Serve.
    Serve(Box<Config>, Damage),
    /// Print the configuration.
    CheckConfig(Box<Config>),
    /// Look at a data folder.
    Verify(Verification),
    /// Do something with the keys of a data folder.
    Keys(KeyErrand),
    /// Ask a running server, for which no configuration is read.
    Errand(Errand),
    /// Kill a server of its own again and again, whose configuration is its own too.
    Drill(Drill),
    /// Show what a server of its own does.
    Selftest(Selftest),
}

impl Arguments {
    /// Reads the configuration that these arguments, the environment and the file make.
    ///
    /// # Errors
    /// If the file cannot be read, a value is malformed, or the values contradict each other.
    pub fn into_command(
        self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Command, ConfigError> {
        let outer = self.flags;
        match self.action {
            None => Ok(Command::Serve(outer.config(environment)?, Damage::Refuse)),
            Some(Action::Serve(ServeFlags { flags, accept_loss })) => {
                let damage = if accept_loss { Damage::AcceptLoss } else { Damage::Refuse };
                Ok(Command::Serve(flags.or(outer).config(environment)?, damage))
            }
            Some(Action::CheckConfig(flags)) => {
                flags.or(outer).config(environment).map(Command::CheckConfig)
            }
            Some(Action::Keys(Keys { config, data, wish })) => {
                let flags = Flags { config, data, ..Flags::default() }.or(outer);
                let folder = flags.unchecked(environment)?.data;
                Ok(Command::Keys(KeyErrand::new(folder, wish)))
            }
            Some(Action::Drill(drill)) if outer == Flags::default() => Ok(Command::Drill(drill)),
            Some(Action::Selftest(selftest)) if outer == Flags::default() => {
                Ok(Command::Selftest(selftest))
            }
            Some(Action::Errand(errand)) if outer == Flags::default() => {
                Ok(Command::Errand(errand.into_errand()))
            }
            Some(Action::Verify(verification)) if outer == Flags::default() => {
                Ok(Command::Verify(verification))
            }
            Some(
                Action::Errand(_) | Action::Drill(_) | Action::Selftest(_) | Action::Verify(_),
            ) => Err(ConfigError::OutOfBounds(vec![
                "only commands of the server itself take the server's flags".to_owned(),
            ])),
        }
    }
}

impl Flags {
    /// These, and the others where these say nothing.
    fn or(self, other: Self) -> Self {
        Self {
            config: self.config.or(other.config),
            listen: self.listen.or(other.listen),
            admin: self.admin.or(other.admin),
            data: self.data.or(other.data),
            workers: self.workers.or(other.workers),
            demo: self.demo | other.demo,
            insecure: self.insecure | other.insecure,
        }
    }

    /// The configuration that the file and the environment make, with these flags.
    fn config(
        self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Box<Config>, ConfigError> {
        let config = self.unchecked(environment)?;
        config.check()?;
        Ok(config)
    }

    /// The same, of which only a part is used, so that the rest may contradict it.
    fn unchecked(
        self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Box<Config>, ConfigError> {
        let named = self.config.clone();
        let named = named.or_else(|| environment(CONFIG_VARIABLE).map(PathBuf::from));
        let file = named.map_or(File::Default, File::Named);
        let mut config = Config::load(&file, environment)?;
        self.apply(&mut config);
        Ok(Box::new(config))
    }

    fn apply(self, config: &mut Config) {
        config.listen = self.listen.unwrap_or(config.listen);
        config.admin = self.admin.unwrap_or(config.admin);
        if let Some(workers) = self.workers {
            workers.apply(&mut config.workers);
        }
        config.demo |= self.demo;
        config.insecure |= self.insecure;
        if let Some(data) = self.data {
            config.data = data;
        }
    }
}

#[cfg(test)]
mod tests;
