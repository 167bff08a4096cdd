//! Upstreams at the start: what a former process knew of each is given to the engine. It calls none.

use anyhow::{Context, Result};
use overtime_engine::{Engine, GATE_SPACE};
use overtime_journal::Store;
use overtime_protocol::{CALLS_SPACE, Clock, KeptCall, Upstream, UpstreamId, kept_key, read_kept};
use serde::de::DeserializeOwned;

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
        let (id, name) = (UpstreamId(place), upstream.name.as_str());
        if let Some(saved) = kept(store, GATE_SPACE, name)? {
            engine.restore_upstream(id, &saved, clock.now());
        }
        if let Some(calls) = kept::<Vec<KeptCall>>(store, CALLS_SPACE, name)? {
            engine.restore_calls(id, &calls);
        }
    }
    Ok(())
}

fn kept<T: DeserializeOwned>(store: &Store, space: &str, name: &str) -> Result<Option<T>> {
    let state = store.state(&kept_key(space, name));
    let state = state.context("what is kept of upstreams cannot be read")?;
    Ok(state.value.and_then(|bytes| read_kept(&bytes)))
}
