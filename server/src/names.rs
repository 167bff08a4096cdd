//! The names of kinds: which may be there together, and which may call an upstream. It changes none.

use crate::config::Config;
use anyhow::{Result, bail};
use overtime_protocol::{Kind, OWN_KINDS};
use overtime_worker::Handler;
use std::sync::Arc;

/// The names of the server's own kinds are nobody else's.
pub(crate) fn are_free(handlers: &[Arc<dyn Handler>]) -> Result<()> {
    let mut names = handlers.iter().map(|handler| handler.kind().name);
    match names.find(|name| name.as_str().starts_with(OWN_KINDS)) {
        Some(name) => bail!("the kind `{name}`: the server's own kinds are named like that"),
        None => Ok(()),
    }
}

/// No two kinds have one name.
pub(crate) fn differ(kinds: &[Kind]) -> Result<()> {
    for (place, kind) in kinds.iter().enumerate() {
        if kinds[..place].iter().any(|other| other.name == kind.name) {
            bail!("two handlers have the kind `{}`", kind.name);
        }
    }
    Ok(())
}

/// What the server serves itself calls nobody, so an upstream of it would be meant for another kind.
pub(crate) fn call_nobody(built_in: &[Arc<dyn Handler>], config: &Config) -> Result<()> {
    let mut names = built_in.iter().map(|handler| handler.kind().name);
    let has_upstream =
        |name: &str| config.kinds.get(name).is_some_and(|table| table.upstream.is_some());
    match names.find(|name| has_upstream(name.as_str())) {
        Some(name) => bail!(
            "kinds.{name}.upstream: the server serves this kind itself; give yours another name"
        ),
        None => Ok(()),
    }
}
