//! `overtime drill`: the load, the kills and the comparison are the `loadtest` crate's.

use crate::interrupt;
use anyhow::Result;
use overtime_loadtest::drill::{Options, run};
use overtime_loadtest::verdict::Verdict;

/// What a drill is told.
pub type Drill = Options;

/// Drills until it is through, or a signal asks for the verdict so far; a second one ends it at
/// once.
///
/// # Errors
/// If nothing could be shown at all.
pub fn drill(options: &Drill) -> Result<Verdict> {
    let is_interrupted = interrupt::watch()?;
    run(options, &is_interrupted)
}
