//! The `loadtest` binary: reads its command line, does it, and exits with 0 if all bars were met,
//! 1 if one was missed, 2 if it could not be done.

use clap::Parser;
use overtime_loadtest::command::CommandLine;
use std::process::ExitCode;

fn main() -> ExitCode {
    match CommandLine::parse().run() {
        Ok(verdict) => verdict.into(),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}
