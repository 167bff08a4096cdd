//! Writes a fold into the tables of the archive, in the order of the trees, so that each page is
//! visited once. When it is committed is for its caller to say.

mod events;
mod keys;
mod ledger;
mod tally;
mod tasks;
mod usage;

pub(crate) use tally::ROW_BYTES;
pub(super) use usage::{read_usage, write_usage};

use crate::fold::Fold;
use crate::stats::Usage;
use foldhash::HashMap;
use overtime_protocol::{Fault, KindName, Opener, UnixMillis};
use rusqlite::Transaction;
use tally::Tally;

/// What else is to be known of a fold that was written.
#[derive(Default)]
pub(crate) struct Applied {
    /// Errors that were not seen before and need a person, a sentence each.
    pub(crate) notes: Vec<String>,
    /// How much more there is of each kind.
    pub(crate) usage: HashMap<KindName, Usage>,
    /// When the first of the tasks ended that ended, by kind.
    pub(crate) ended: HashMap<KindName, UnixMillis>,
}

/// Writes everything of `fold`.
pub(super) fn write(
    transaction: &Transaction<'_>,
    opener: &Opener,
    fold: &Fold,
) -> rusqlite::Result<Applied> {
    keys::free_claims(transaction, fold)?;
    let Tally { faults, usage, ended } = tasks::write_tasks(transaction, opener, fold)?;
    keys::write_keys(transaction, fold)?;
    let notes = ledger::write_ledger(transaction, &faults)?;
    write_usage(transaction, &usage)?;
    Ok(Applied { notes, usage, ended })
}

fn retry_after_ms(fault: &Fault) -> Option<i64> {
    fault.retry_after.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
