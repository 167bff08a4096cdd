//! `overtime verify`: looks at the data folder of a server that does not run, and says how it is. It
//! changes nothing there.

mod json;
mod text;

use crate::keys::Store;
use clap::Args;
use overtime_journal::{Effect, Flaw, Health, Part};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A look that takes longer than this says how far it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// The exit codes: nothing is wrong, something is, it cannot be said.
const DAMAGED: u8 = 1;
const UNKNOWN: u8 = 2;

/// What is to be looked at, and how it is told.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Verification {
    /// Data folder
    #[arg(value_name = "DATA")]
    folder: PathBuf,
    /// Print what was found as one JSON document
    #[arg(long)]
    json: bool,
}

impl Verification {
    /// Looks, and says what was found: 0 if nothing is wrong, 1 if something is, 2 if that cannot
    /// be said.
    pub fn run(&self) -> ExitCode {
        let began = Instant::now();
        let say = |line: &str| {
            if began.elapsed() >= PATIENCE {
                // Nobody reads it: then there is nobody to tell.
                let _ = writeln!(io::stderr(), "overtime: {line}");
            }
        };
        match overtime_journal::verify(&self.folder, &say) {
            Ok(mut health) => {
                health.flaws.extend(self.flaw_of_keys());
                // Whoever reads has seen enough.
                let _ = io::stdout().write_all(self.told(&health).as_bytes());
                if health.is_healthy() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) }
            }
            Err(error) => {
                let _ = writeln!(io::stderr(), "overtime: {error}");
                ExitCode::from(UNKNOWN)
            }
        }
    }

    /// What is wrong with the keys. A server does not start with those.
    fn flaw_of_keys(&self) -> Option<Flaw> {
        let store = Store::of(&self.folder);
        let error = store.read().err()?;
        Some(Flaw {
            part: Part::Keys,
            file: Some(store.path()),
            offset: None,
            what: error.root_cause().to_string(),
            effect: Effect::Stops,
        })
    }

    fn told(&self, health: &Health) -> String {
        if self.json {
            format!("{}\n", json::document(&self.folder, health))
        } else {
            text::page(&self.folder, health)
        }
    }
}
