//! `overtime selftest`: what a server promises, shown on the operator's own machine. The calls, the
//! flood and the verdict are the `loadtest` crate's.

use crate::interrupt;
use anyhow::Result;
use clap::{Args, Subcommand};
use overtime_loadtest::isolation;
use overtime_loadtest::verdict::Verdict;

/// Show on this machine what a server promises
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Selftest {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
enum What {
    Isolation(isolation::Options),
}

/// Shows it, unless a signal asks for the end.
///
/// # Errors
/// If nothing could be shown at all.
pub fn selftest(selftest: &Selftest) -> Result<Verdict> {
    let is_interrupted = interrupt::watch()?;
    match &selftest.what {
        What::Isolation(options) => isolation::run(options, &is_interrupted),
    }
}
