//! `overtime drill`: the load, the kills and the comparison are the `loadtest` crate's; here are the
//! signals that end it in order.

use anyhow::{Context, Result};
use overtime_loadtest::drill::{Options, run};
use overtime_loadtest::verdict::Verdict;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What a drill is told.
pub type Drill = Options;

/// Drills until it is through, or a signal asks for the verdict so far; a second one ends it at
/// once.
///
/// # Errors
/// If nothing could be shown at all.
pub fn drill(options: &Drill) -> Result<Verdict> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let watched =
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_interrupted))
                .and_then(|_| flag::register(signal, Arc::clone(&is_interrupted)));
        watched.context("signals cannot be watched")?;
    }
    run(options, &is_interrupted)
}
