//! Writes what became of state keys, and of idempotency keys.

use crate::courtesy;
use crate::fold::{Fold, KeyFold};
use bytes::Bytes;
use rusqlite::{Transaction, params};

const PUT: &str = "REPLACE INTO state (key, value, lsn, crc) VALUES (?1, ?2, ?3, ?4)";

const DELETE: &str = "DELETE FROM state WHERE key = ?1";

/// The columns are unique: whoever held a key before lets go of it first.
const LET_GO: &str = "UPDATE tasks SET key = NULL, fingerprint = NULL WHERE key = ?1 AND id <> ?2";

/// Has whoever held the keys that are claimed let go of them.
pub(super) fn free_claims(transaction: &Transaction<'_>, fold: &Fold) -> rusqlite::Result<()> {
    let mut let_go = transaction.prepare_cached(LET_GO)?;
    let mut claims: Vec<_> = fold.claims.iter().collect();
    claims.sort_unstable();
    for (key, task) in claims {
        let_go.execute(params![&key.0[..], task.key().cast_signed()])?;
    }
    Ok(())
}

pub(super) fn write_keys(transaction: &Transaction<'_>, fold: &Fold) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(PUT)?;
    let mut delete = transaction.prepare_cached(DELETE)?;
    // In the order of the tree, so that each of its pages is visited once.
    let mut keys: Vec<(&Bytes, &KeyFold)> = fold.keys.iter().collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    for (key, KeyFold { lsn, value }) in keys {
        courtesy::step();
        let key = &key[..];
        match value {
            None => delete.execute([key])?,
            Some(value) => {
                let crc = crc32c::crc32c(value);
                put.execute(params![key, &value[..], lsn.cast_signed(), crc])?
            }
        };
    }
    Ok(())
}
