//! What ends a command that takes long in order: the first signal asks for that, a second one ends it
//! at once.

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Becomes true with the first signal.
///
/// # Errors
/// If signals cannot be watched.
pub(crate) fn watch() -> Result<Arc<AtomicBool>> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let watched =
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_interrupted))
                .and_then(|_| flag::register(signal, Arc::clone(&is_interrupted)));
        watched.context("signals cannot be watched")?;
    }
    Ok(is_interrupted)
}
