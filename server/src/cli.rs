//! The command line: what to do, and the few settings worth a flag. Flags win over everything.

use crate::config::{Config, ConfigError, File};
use crate::drill::Drill;
use crate::loss::Damage;
use crate::remote::{self, Errand};
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
    /// Workers for single calls
    #[arg(long, value_name = "COUNT")]
    workers: Option<usize>,
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

/// What is to be done, with a configuration that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Serve(Box<Config>, Damage),
    /// Print the configuration.
    CheckConfig(Box<Config>),
    /// Look at a data folder.
    Verify(Verification),
    /// Ask a running server, for which no configuration is read.
    Errand(Errand),
    /// Kill a server of its own again and again, whose configuration is its own too.
    Drill(Drill),
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
            Some(Action::Drill(drill)) if outer == Flags::default() => Ok(Command::Drill(drill)),
            Some(Action::Errand(errand)) if outer == Flags::default() => {
                Ok(Command::Errand(errand.into_errand()))
            }
            Some(Action::Verify(verification)) if outer == Flags::default() => {
                Ok(Command::Verify(verification))
            }
            Some(Action::Errand(_) | Action::Drill(_) | Action::Verify(_)) => {
                Err(ConfigError::OutOfBounds(vec![
                    "only commands of the server itself take the server's flags".to_owned(),
                ]))
            }
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
        let named = self.config.clone();
        let named = named.or_else(|| environment(CONFIG_VARIABLE).map(PathBuf::from));
        let file = named.map_or(File::Default, File::Named);
        let mut config = Config::load(&file, environment)?;
        self.apply(&mut config);
        config.check()?;
        Ok(Box::new(config))
    }

    fn apply(self, config: &mut Config) {
        config.listen = self.listen.unwrap_or(config.listen);
        config.admin = self.admin.unwrap_or(config.admin);
        config.workers.count = self.workers.unwrap_or(config.workers.count);
        config.demo |= self.demo;
        config.insecure |= self.insecure;
        if let Some(data) = self.data {
            config.data = data;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::fs;

    fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Command, String> {
        let arguments = ["overtime"].iter().chain(arguments);
        let arguments = Arguments::try_parse_from(arguments).map_err(|error| error.to_string())?;
        let lookup = |name: &str| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        arguments.into_command(lookup).map_err(|error| error.to_string())
    }

    fn config(arguments: &[&str], environment: &[(&str, &str)]) -> Config {
        match command(arguments, environment).unwrap() {
            Command::Serve(config, _) | Command::CheckConfig(config) => *config,
            other => panic!("{other:?} has no configuration"),
        }
    }

    #[test]
    fn the_arguments_are_well_declared() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serving_is_what_happens_by_default() {
        for arguments in [&[][..], &["serve"], &["--demo"], &["serve", "--demo"]] {
            assert!(matches!(command(arguments, &[]), Ok(Command::Serve(_, Damage::Refuse))));
        }
        for arguments in [&["check-config"][..], &["--demo", "check-config", "--workers", "3"]] {
            assert!(matches!(command(arguments, &[]), Ok(Command::CheckConfig(_))));
        }
        assert!(matches!(
            command(&["serve", "--accept-loss"], &[]),
            Ok(Command::Serve(_, Damage::AcceptLoss))
        ));
        // It has to be typed with the command, and nothing else says it.
        assert!(command(&["--accept-loss"], &[]).is_err());
        assert!(command(&["frobnicate"], &[]).is_err());
        assert!(command(&["--wait", "3s"], &[]).is_err());
    }

    #[test]
    fn errands_need_no_configuration() {
        let id = "01DXF6EC000000000000000001";
        let environment = [("OVERTIME_CONFIG", "/no/such")];
        for arguments in [
            &["tasks", "list", "--state", "parked", "--server", "http://elsewhere:1"][..],
            &["tasks", "--json", "show", id],
            &["errors", "retry", "00000000000000ff", "--dry-run", "--rate", "5"],
        ] {
            let command = command(arguments, &environment);
            assert!(matches!(command, Ok(Command::Errand(_))), "{arguments:?}: {command:?}");
        }
        for arguments in [
            &["tasks"][..],
            &["tasks", "show", "x"],
            &["errors", "retry", "ff"],
            &["tasks", "list", "--all", "--limit", "5"],
            &["--demo", "tasks", "list"],
            &["tasks", "list", "--data", "x"],
        ] {
            assert!(command(arguments, &[]).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn a_look_at_a_folder_needs_no_configuration() {
        let environment = [("OVERTIME_CONFIG", "/no/such")];
        for arguments in [&["verify", "data"][..], &["verify", "--json", "data"]] {
            let command = command(arguments, &environment);
            assert!(matches!(command, Ok(Command::Verify(_))), "{arguments:?}: {command:?}");
        }
        for arguments in [&["verify"][..], &["--demo", "verify", "data"]] {
            assert!(command(arguments, &[]).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn a_drill_needs_no_configuration_either() {
        let environment = [("OVERTIME_CONFIG", "/no/such")];
        for arguments in [&["drill"][..], &["drill", "--rounds", "2", "--seed", "7", "--json"]] {
            let command = command(arguments, &environment);
            assert!(matches!(command, Ok(Command::Drill(_))), "{arguments:?}: {command:?}");
        }
        for arguments in [&["--demo", "drill"][..], &["drill", "--rounds", "0"], &["drill", "now"]]
        {
            assert!(command(arguments, &[]).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.toml");
        fs::write(&file, "listen = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\n[workers]\ncount = 3")
            .unwrap();
        let file = file.to_str().unwrap();
        let environment =
            [("OVERTIME_CONFIG", file), ("OVERTIME_WORKERS", "4"), ("OVERTIME_ADMIN", "[::1]:5")];
        let config = config(&["--workers", "6"], &environment);
        assert_eq!(config.listen.to_string(), "127.0.0.1:1");
        assert_eq!(config.admin.to_string(), "[::1]:5");
        assert_eq!(config.workers.count, 6);
        assert_eq!(config.wait, Config::default().wait);
    }

    #[test]
    fn the_file_of_the_flag_wins_over_that_of_the_environment() {
        let refused = command(&["--config", "/no/such"], &[("OVERTIME_CONFIG", "/other")]);
        assert!(refused.unwrap_err().starts_with("/no/such cannot be read"));
        let refused = command(&[], &[("OVERTIME_CONFIG", "/other")]);
        assert!(refused.unwrap_err().starts_with("/other cannot be read"));
    }

    #[test]
    fn flags_are_checked_like_everything_else() {
        let refused = command(&["--listen", "0.0.0.0:7070"], &[]).unwrap_err();
        assert!(refused.contains("--insecure"), "{refused}");
        assert!(command(&["--listen", "0.0.0.0:7070", "--insecure"], &[]).is_ok());
        assert!(command(&["--workers", "0"], &[]).unwrap_err().contains("workers.count is 0"));
    }
}
