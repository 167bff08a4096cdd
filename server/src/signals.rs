//! Signals: the first SIGTERM or SIGINT asks the server to end in order, the second ends the
//! process at once. What was acknowledged is on disk either way.

use crate::lines::Lines;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `stop` with the first signal, on a thread of its own.
pub(crate) fn watch(stop: impl Fn() + Send + 'static, lines: Lines) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("signals cannot be watched")?;
    let watch = move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            stop();
            lines.say("finishing; a second signal leaves at once");
        }
        if let Some(signal) = signals.next() {
            // The shell's convention for a process that a signal ended.
            std::process::exit(128 + signal);
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
    Ok(())
}
