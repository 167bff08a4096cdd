//! Ending with another process: a server that was started for a drill must not outlive it, however
//! the drill ends. Nobody else asks for that.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The environment's name for the id of the process to end with, which is the parent.
pub const END_WITH: &str = "OVERTIME_END_WITH";

/// Has this process killed as soon as its parent, which `process` names, is gone.
///
/// # Errors
/// If that is no process id, or the parent is gone already.
pub fn end_with(process: &str) -> Result<()> {
    let parent = process.parse().ok().and_then(Pid::from_raw);
    let parent =
        parent.with_context(|| format!("{END_WITH} is {process:?}, which is no process"))?;
    set_parent_process_death_signal(Some(Signal::KILL)).context("the parent cannot be watched")?;
    // It may have been gone before it was watched.
    if getppid() != Some(parent) {
        anyhow::bail!("the process {process}, with which this one was to end, is gone");
    }
    Ok(())
}
