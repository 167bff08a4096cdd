//! Upstreams at the start: what a former process knew of each is given to the engine. It calls none.

use anyhow::{Context, Result};
use overtime_engine::{Engine, GATE_SPACE};
use overtime_journal::Store;
use overtime_protocol::{Clock, Upstream, UpstreamId, kept_key, read_kept};

/// Has the engine go on with what is kept of these upstreams. What no version of this program has
/// written is as good as nothing: the upstream will show how it is.
///
/// # Errors
/// If the journal cannot be read.
pub(crate) fn restore(
    engine: &mut Engine,
    upstreams: &[Upstream],
    store: &Store,
    clock: Clock,
) -> Result<()> {
    for (upstream, place) in upstreams.iter().zip(0..) {
        let key = kept_key(GATE_SPACE, upstream.name.as_str());
        let kept = store.state(&key).context("what is kept of upstreams cannot be read")?;
        if let Some(saved) = kept.value.and_then(|bytes| read_kept(&bytes)) {
            engine.restore_upstream(UpstreamId(place), &saved, clock.now());
        }
    }
    Ok(())
}
