//! Writes a fold into the tables of the archive, in the order of the trees, so that each page is
//! visited once. When it is committed is for its caller to say.

mod events;
mod keys;
mod tasks;

use crate::fold::Fold;
use overtime_protocol::{Fault, Opener};
use rusqlite::Transaction;

/// Writes everything of `fold`.
pub(super) fn write(
    transaction: &Transaction<'_>,
    opener: &Opener,
    fold: &Fold,
) -> rusqlite::Result<()> {
    keys::free_claims(transaction, fold)?;
    tasks::write_tasks(transaction, opener, fold)?;
    keys::write_keys(transaction, fold)
}

fn retry_after_ms(fault: &Fault) -> Option<i64> {
    fault.retry_after.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
